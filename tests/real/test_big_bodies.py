"""A GiB each way, with a length and in chunks, to nginx and to Flask; checksums at both ends,
and the proxy's memory at its highest meanwhile."""
import hashlib
import http.client
import json
import os
import shutil

import pytest

import blocks
import programs
import wire

SIZE = 1 << 30
SMALL = 1000
# More than all buffers and the pages of the program that are touched for the first time.
MEMORY = 16 << 20


@pytest.fixture(scope="module")
def big(whole_site):
    """(path of the file, its checksum): nginx serves it as /big."""
    path = os.path.join(whole_site.nginx.html, "big")
    free = shutil.disk_usage(whole_site.nginx.html).free
    if free < 3 * SIZE:
        pytest.skip(f"{free >> 20} MiB of disk are free where pytest works, and two files of "
                    f"{SIZE >> 20} MiB have to lie there (set TMPDIR or --basetemp)")
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for block in blocks.blocks(SIZE):
            f.write(block)
            digest.update(block)
    yield path, digest.hexdigest()
    os.unlink(path)


@pytest.fixture
def flat(site):
    """The proxy's memory during the test is about what it was before."""
    with open(f"/proc/{site.daemon.child('proxy')}/clear_refs", "w", encoding="ascii") as f:
        f.write("5")  # VmHWM starts again
    before = site.proxy_memory()
    yield
    most = site.proxy_memory("VmHWM")
    assert most - before < MEMORY, f"from {before >> 10} KiB to {most >> 10} KiB"


@pytest.fixture
def stored(site):
    """Where a PUT to nginx arrives."""
    path = os.path.join(site.nginx.store, "upload")
    yield path
    if os.path.exists(path):
        os.unlink(path)


def of_file(path):
    return programs.run("sha256sum", path).split()[0].decode()


def of_download(*command):
    return programs.piped(["curl", "-sSf", *command], ["sha256sum"]).split()[0].decode()


def test_upload_with_length_to_nginx(site, big, stored, flat):
    """curl asks for 100 Continue by itself when it has so much to say."""
    path, checksum = big
    said = programs.curl("-v", "-T", path, site.url("/store/upload"), "-w", "%{http_code}",
                         "--stderr", "-").decode("latin-1")
    assert "> Expect: 100-continue" in said and "< HTTP/1.1 100 Continue" in said, said
    assert said.endswith("201"), said
    assert of_file(stored) == checksum


def test_upload_in_chunks_to_flask(site, big, flat):
    path, checksum = big
    with open(path, "rb") as body:
        answer = json.loads(programs.curl("-T", "-", "-H", "Expect:", site.url("/flask/hash"),
                                          stdin=body))
    assert answer["sha256"] == checksum and answer["size"] == SIZE
    assert answer["coding"] == "chunked" and answer["length"] is None


def test_download_with_length_from_nginx(site, big, flat):
    assert of_download(site.url("/big")) == big[1]


def test_download_in_chunks_from_flask(site, big, flat):
    assert of_download(site.url(f"/flask/big/{SIZE}")) == big[1]


def test_download_by_http10_is_whole_and_ends_by_close(site, flat):
    assert of_download("--http1.0", site.url(f"/flask/big/{SIZE // 16}")) == \
        blocks.checksum(SIZE // 16)


def test_all_at_once(site, flat):
    """Uploads and downloads of both servers beside each other, by http.client."""
    size = SIZE // 32
    checksum = blocks.checksum(size)
    path = os.path.join(site.nginx.html, "smaller")
    with open(path, "wb") as f:
        f.writelines(blocks.blocks(size))
    urls = [site.url("/smaller"), site.url(f"/flask/big/{size}")] * 3
    loads = [programs.Later(of_download, url) for url in urls]
    loads += [programs.Later(put_by_http_client, site, size, chunked)
              for chunked in (True, False, True)]
    for load in loads:
        assert load.result() == checksum
    os.unlink(path)


def put_by_http_client(site, size, chunked):
    connection = http.client.HTTPConnection(*site.daemon.address, timeout=60 * wire.SLOWDOWN)
    headers = {} if chunked else {"Content-Length": str(size)}
    connection.request("PUT", "/flask/hash", body=blocks.blocks(size), headers=headers,
                       encode_chunked=chunked)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["size"] == size and (answer["coding"] == "chunked") == chunked, answer
    return answer["sha256"]


@pytest.mark.parametrize("expect", ["Expect: 100-continue", "Expect:"])
@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", f"Content-Length: {SMALL}"])
def test_small_upload(site, stored, expect, framing):
    """curl asks for 100 Continue, or does not, when it is told so."""
    body = bytes(range(250)) * (SMALL // 250)
    checksum = hashlib.sha256(body).hexdigest()
    words = ["-T", "-", "-H", expect, "-H", framing]
    if framing.startswith("Content-Length"):
        words += ["-H", "Transfer-Encoding:"]
    assert programs.curl(*words, "-o", os.devnull, "-w", "%{http_code}",
                         site.url("/store/upload"), input=body, stdin=None) == b"201"
    assert of_file(stored) == checksum
    answer = json.loads(programs.curl(*words, site.url("/flask/hash"), input=body, stdin=None))
    assert answer["sha256"] == checksum
    assert (answer["expect"] == "100-continue") == (expect != "Expect:")


def test_refused_upload_gets_its_answer(site):
    """Flask answers 413 before it has read a byte of 64 MiB; curl is told, asked or not."""
    size = 64 << 20
    for expect in ("Expect: 100-continue", "Expect:"):
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as body:
            feeder = programs.Later(feed, writer, size)
            said = programs.curl("-T", "-", "-H", expect, "-w", "%{http_code}",
                                 site.url("/flask/refuse"), stdin=body)
        assert said.endswith(b"413"), said
        feeder.result()


def feed(pipe, size):
    with os.fdopen(pipe, "wb") as f:
        try:
            f.writelines(blocks.blocks(size))
        except BrokenPipeError:
            pass  # curl has heard enough
