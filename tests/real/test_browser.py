"""Headless Chromium loads a page with many parts through the proxy; what its scripts saw
stands in the document that it prints."""
import html
import json
import os
import re
import struct
import zlib

import chromium
import flask_site
import programs

PICTURES = 60
REPORT = re.compile(r'<pre id="report">(.*?)</pre>', re.S)
EXPECTED = {
    "module": "ran",
    "color": "rgb(1, 2, 3)",
    "pictures": PICTURES,
    "post": True,
    "methods": "PUT DELETE PATCH OPTIONS BREW",
    "redirected": True,
    "cookies": 30,
    "zipped": len(flask_site.PAGE),
    "ranged": "206 #styled",
    "events": 5,
    "faults": [],
}


def png(width):
    """A black picture, one pixel high; nothing is the same size as another."""
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) +
            part(b"IDAT", zlib.compress(b"\0" * (width + 1))) + part(b"IEND", b""))


@chromium.is_there
def test_page_with_many_parts(site, tmp_path):
    folder = os.path.join(site.nginx.html, "pictures")
    os.makedirs(folder, exist_ok=True)
    for number in range(PICTURES):
        with open(os.path.join(folder, f"{number}.png"), "wb") as f:
            f.write(png(number + 1))
    site.flask.forget_notes("browser")
    before = {code: site.requests(code) for code in ("2xx", "5xx")}
    said = programs.run(
        chromium.PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        f"--user-data-dir={tmp_path}/profile",
        "--dump-dom", site.url("/browser.html"),
        env=dict(os.environ, HOME=str(tmp_path))).decode()
    found = REPORT.search(said)
    assert found and "<title>done</title>" in said, said[-3000:]
    assert json.loads(html.unescape(found.group(1))) == EXPECTED

    def grown(code):
        return site.requests(code) - before[code]
    assert grown("2xx") >= PICTURES + 20 and grown("5xx") == 0
