"""Pages must be fetched from public addresses only and politely, and every bad answer must end in a
sentence."""

import http.server
import socket
import time

import pytest

from oneseek.importers.document import ImportRefused
from oneseek.importers.pages.crawl import Crawl
from oneseek.importers.pages.fetch import Fetcher, is_public
from oneseek.importers.website import WebsiteImporter
from tests.importers.measure import FILES
from tests.support.answering import run_server

PAGE = (FILES / "page_sv.html").read_bytes()
TEN = b"<html><body><main><p>%s</p><a href='/p/%d'>on</a><a href='/secret/x'>no</a></main></body></html>"


class Site(http.server.BaseHTTPRequestHandler):
    """A small web with every fault of the real one."""

    def do_GET(self):
        self.server.asked.append(self.path)
        answer = getattr(
            self, "at_" + self.path.strip("/").split("/")[0].split("?")[0].split(".")[0], None
        )
        answer() if answer else self.send(404, b"no")

    def send(self, status, body=b"", kind="text/html", **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def at_robots(self):
        self.send(200, b"User-agent: *\nDisallow: /secret\nCrawl-delay: 3\n", kind="text/plain")

    def at_page(self):
        self.send(200, PAGE)

    def at_p(self):
        number = int(self.path.split("/")[-1])
        words = b"This is page number %d of a small site about lighthouses. " % number * 9
        self.send(200, TEN % (words, number + 1))

    def at_loop(self):
        self.send(302, Location="/loop")

    def at_inside(self):
        self.send(302, Location=self.path.split("?to=")[1])

    def at_login(self):
        self.send(
            200, b"<html><body><h1>Sign in</h1><form><input type='password'></form></body></html>"
        )

    def at_members(self):
        self.send(401)

    def at_big(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(300):
            self.wfile.write(b"x" * 65_536)

    def at_slow(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"drip ")
            self.wfile.flush()
            time.sleep(0.1)

    def at_drip(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        for _ in range(200):
            self.wfile.write(b"X-A: b\r\n")
            self.wfile.flush()
            time.sleep(0.1)

    def at_broken(self):
        self.send(200, b"\x1f\x8b\x08\x00not gzip at all", **{"Content-Encoding": "gzip"})

    def at_pdf(self):
        self.send(200, (FILES / "groff_en.pdf").read_bytes(), kind="application/pdf")

    def log_message(self, *words):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.asked = []
    server.handle_error = lambda *_: None  # the tests hang up on purpose
    with run_server(server):
        yield server


def fetcher(site, **limits) -> Fetcher:
    """A fetcher with the real rule, except that it allows the test's own server."""
    own = ("127.0.0.1", site.server_port)
    return Fetcher(
        lambda address, port: (address, port) == own or is_public(address, port), **limits
    )


def importer(site, **limits) -> WebsiteImporter:
    return WebsiteImporter(fetcher=fetcher(site, **limits))


def at(site, path: str) -> str:
    return f"http://127.0.0.1:{site.server_port}{path}"


def test_a_page_is_imported_with_its_title_address_and_lessons(site):
    result = importer(site).import_website(at(site, "/page"))
    assert result.state == "ready" and result.document.title == "Fyren på Skarvholmen"
    assert result.document.address == at(site, "/page") and result.document.language == "sv"
    assert result.examples_generated > 5
    assert site.asked == ["/robots.txt", "/page"]


def test_a_pdf_at_an_address_is_read_as_a_pdf(site):
    assert importer(site).import_website(at(site, "/pdf")).document.made_with == "pypdf (pdf)"


BAD = {
    "/nothing": "no page at this address (404)",
    "/loop": "without end",
    "/login": "asks you to log in first",
    "/members": "asks you to log in first",
    "/secret/diary": "robots.txt",
    "/big": "more than 10 MB",
    "/broken": "did not answer properly",
    "/drip": "had not finished",
}


@pytest.mark.parametrize("path", BAD)
def test_what_goes_wrong_is_said_in_one_sentence(site, path):
    seconds = 1.0 if path == "/drip" else 30.0
    result = importer(site, seconds=seconds).import_website(at(site, path))
    assert result.state == "refused" and BAD[path] in result.problem and result.examples == []


def test_a_page_that_never_ends_is_stopped(site):
    result = importer(site, seconds=1.0).import_website(at(site, "/slow"))
    assert "had not finished after 1 seconds" in result.problem


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://0.0.0.0:{port}/",
        "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://192.168.1.1/", "http://172.16.0.1/",
        "http://[::ffff:127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]/", "http://[fe80::1]/", "http://[fd00::1]/",
        "http://100.64.0.1/", "http://2130706433:{port}/", "http://0x7f.1:{port}/",
    ],
)  # fmt: skip
def test_R36_no_address_inside_is_ever_connected_to(site, address):
    """Asked for directly, and through a redirect from an outside site."""
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.05)
        target = address.format(port=inside.getsockname()[1])
        for asked in (target, at(site, f"/inside?to={target}")):
            result = importer(site).import_website(asked)
            assert result.state == "refused" and result.document is None
            assert (
                "inside this computer or network" in result.problem
                or "no site called" in result.problem
            )
        with pytest.raises(TimeoutError):
            inside.accept()


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://a.se/", "gopher://a.se", "https://u:p@a.se/", "x"]
)
def test_R36_only_web_addresses_without_passwords_are_asked(address):
    with pytest.raises(ImportRefused, match="no web address|name or password"):
        Fetcher().page(address)


@pytest.mark.parametrize(
    ("address", "public"),
    [("93.184.216.34", True), ("2606:4700::1", True), ("224.0.0.1", False), ("240.0.0.1", False)],
)
def test_R36_public_is_what_the_world_can_reach(address, public):
    assert is_public(address, 443) is public


def test_a_site_is_read_politely_within_its_limits_and_goes_on_where_it_stopped(site, tmp_path):
    pauses, state = [], tmp_path / "list.json"
    first = Crawl(at(site, "/p/1"), depth=9, state=state, pages=3)
    assert len(list(first.run(importer(site), fetcher(site), pauses.append))) == 3
    assert pauses == [3.0, 3.0, 3.0][: len(pauses)] and not any(
        "/secret" in path for path in site.asked
    )

    stopped = Crawl(at(site, "/p/1"), depth=9, state=state, pages=6)
    reading = stopped.run(importer(site), fetcher(site), pauses.append)
    next(reading), next(reading)
    reading.close()
    again = Crawl(at(site, "/p/1"), depth=9, state=state, pages=4)
    results = list(again.run(importer(site), fetcher(site), pauses.append))
    assert [r.document.address.rsplit("/", 1)[1] for r in results if r.document] == ["3"]
    assert [r.state for r in results] == ["refused", "ready"]  # the limit counts refused pages


def test_depth_one_reads_the_pages_a_page_links_to_and_no_further(site, tmp_path):
    crawl = Crawl(at(site, "/p/7"), depth=1, state=tmp_path / "list.json")
    read = [
        r.document.address
        for r in crawl.run(importer(site), fetcher(site), lambda _: None)
        if r.document
    ]
    assert read == [at(site, "/p/7"), at(site, "/p/8")]
