"""Good clients over TLS with HTTP/1.1, and such whose servers speak TLS or HTTP/2."""
KINDS = ["tls_kept"] * 3 + ["tls_fresh"] * 3 + ["secured"] * 3 + [
    "tls_upload", "tls_download", "tls_pipelined", "tls_raw_end"]
# First parts of the paths whose servers speak HTTP/1.1; TLS; HTTP/2; both.
ROADS = "gstu"


class GoodOverTls:
    """Mixed into good.Good, whose connections, requests and accounts these are."""

    def keep_session(self, connection):
        """For the next handshakes; each is as good as a new one, whatever certificate is shown."""
        tls = connection.writer.get_extra_info("ssl_object")
        self.handshakes[tls.session_reused] += 1
        self.tls[connection.kind.split("_")[0]].session = tls.session

    async def tls_kept(self, connection):
        for _ in range(self.rng.randrange(1, 100)):
            answer = await self.ask(connection, size=self.rng.randrange(20, 3000),
                                    where=self.rng.choice(ROADS))
            if self.round.over.is_set() or answer.says("connection", "close"):
                break
            await self.pause()
        self.keep_session(connection)

    async def tls_fresh(self, connection):
        await self.fresh(connection)
        self.keep_session(connection)

    async def tls_upload(self, connection):
        await self.upload(connection, self.rng.choice(ROADS))

    async def tls_download(self, connection):
        await self.download(connection, self.rng.choice(ROADS))

    async def tls_pipelined(self, connection):
        await self.pipelined(connection)

    async def tls_raw_end(self, connection):
        """Goes without close_notify, behind its answer: so many do."""
        await self.ask(connection)
        connection.writer.transport.abort()

    async def secured(self, connection):
        """Its servers speak TLS, HTTP/2, or both."""
        where = self.rng.choice(ROADS[1:])
        await self.ask(connection, where=where)
        kind = self.rng.choice((self.kept, self.upload, self.download, self.upload_chunks,
                                self.tunnel))
        await kind(connection, where=where)
