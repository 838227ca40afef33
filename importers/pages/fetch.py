"""Fetches pages natively: from public addresses only, at every redirect, with a limit on
everything.

Each name is resolved once, and the connection goes to the address that was checked; so a name that
resolves differently the second time (DNS rebinding) gains nothing. In the page the browser fetches
instead.
"""

import http.client
import io
import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from oneseek.importers.document import ImportRefused

AGENT = "OneSeek/1.0 (import for personal use)"
_REDIRECTS = 5
_SIZE = 10_000_000
_SECONDS = 20.0
_ANSWERS = {
    401: "asks you to log in first; open it in your browser, save the page and drop the file here",
    403: "does not let programs read this page; open it in your browser, save the page and drop the file here",
    404: "has no page at this address (404); check the address",
    410: "has removed this page (410)",
    429: "asks to wait before reading more (429); try again later",
    503: "is not available right now (503); try again later",
}


@dataclass
class Page:
    address: str
    data: bytes
    kind: str  # the site's Content-Type, for example text/html


def is_public(address: str, port: int) -> bool:
    """False for this machine, the local network, link-local (cloud metadata) and every reserved
    range."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(str(inside), port)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def anywhere(address: str, port: int) -> bool:
    """Always True: for an address that a person gave and that may be their own machine."""
    return True


class Timed(io.RawIOBase):
    """A socket for http.client with one deadline, `end`, for all reads and writes, however slowly
    the bytes come."""

    def __init__(self, sock: socket.socket, end: float):
        self._sock, self._end = sock, end

    def _hurry(self) -> socket.socket:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._sock

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._hurry().recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        self._hurry().sendall(data)

    def close(self) -> None:
        """Do nothing: http.client closes this while it still reads the answer. Whoever opened the
        socket closes it."""


class Fetcher:
    def __init__(
        self,
        allowed: Callable[[str, int], bool] = is_public,
        seconds: float = _SECONDS,
        size: int = _SIZE,
    ):
        self._allowed = allowed
        self._seconds = seconds
        self._size = size
        self._robots: dict[str, RobotFileParser] = {}

    def page(self, address: str) -> Page:
        """Fetch a page, if the site's robots.txt allows it."""
        if not self.may_read(address):
            raise ImportRefused(
                f"{urlsplit(address).netloc} asks programs not to read this page (robots.txt); open it in your "
                "browser, save the page and drop the file here."
            )
        return self._get(address)

    def send(self, address: str, data: bytes, kind: str = "application/json") -> int:
        """Post to a public address and return the status; redirects are not followed."""
        headers = {"Content-Type": kind}
        end = time.monotonic() + self._seconds
        return self._ask(address, end, "POST", data, headers)[0]

    def may_read(self, address: str) -> bool:
        return self._rules(address).can_fetch(AGENT, address)

    def delay(self, address: str) -> float:
        """The seconds that the site wants between two pages."""
        return float(self._rules(address).crawl_delay(AGENT) or 0)

    def _rules(self, address: str) -> RobotFileParser:
        parts = _parse_address(address)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._robots:
            rules = RobotFileParser()
            try:
                rules.parse(
                    self._get(f"{site}/robots.txt").data.decode("utf-8", "replace").splitlines()
                )
            except ImportRefused:
                rules.parse([])  # no robots.txt: everything is allowed
            self._robots[site] = rules
        return self._robots[site]

    def _get(self, address: str) -> Page:
        end = time.monotonic() + self._seconds
        for _ in range(_REDIRECTS + 1):
            host = _parse_address(address).netloc
            status, headers, data = self._ask(address, end)
            if status in (301, 302, 303, 307, 308) and headers.get("Location"):
                address = urljoin(address, headers["Location"])
            elif status == 200:
                return Page(address, data, headers.get_content_type())
            else:
                words = _ANSWERS.get(status, f"answered with an error ({status}); try again later")
                raise ImportRefused(f"{host} {words}.")
        raise ImportRefused(f"{host} redirects without end; nothing was read. Check the address.")

    def _ask(self, address: str, end: float, method="GET", data=None, headers=None):
        parts = _parse_address(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        connection = http.client.HTTPConnection(parts.hostname or "", port)
        sock = self._connect(parts.scheme, parts.hostname or "", port)
        connection.sock = Timed(sock, end)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            own = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
            connection.request(method, path, data, own | (headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.headers, self._body(answer, parts.netloc, end)
        except TimeoutError as error:
            raise self._make_timeout_error(parts.netloc) from error
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            raise ImportRefused(
                f"{parts.netloc} did not answer properly ({type(error).__name__}); try again later."
            ) from error
        finally:
            connection.close()
            sock.close()

    def _connect(self, scheme: str, host: str, port: int) -> socket.socket:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            raise ImportRefused(f"There is no site called {host}; check the address.") from error
        for *_, target in found:
            if not self._allowed(str(target[0]), port):
                raise ImportRefused(
                    f"{host} is an address inside this computer or network; OneSeek reads public sites only."
                )
        family, kind, protocol, _, target = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(min(5.0, self._seconds))
            sock.connect(target)
            if scheme == "https":
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            return sock
        except OSError as error:
            sock.close()
            raise ImportRefused(
                f"{host} did not answer ({type(error).__name__}); try again later."
            ) from error

    def _make_timeout_error(self, host: str) -> ImportRefused:
        return ImportRefused(
            f"{host} had not finished after {self._seconds:.0f} seconds; it was stopped."
        )

    def _body(self, answer: http.client.HTTPResponse, host: str, end: float) -> bytes:
        pieces, size = [], 0
        packed = (answer.headers.get("Content-Encoding") or "").lower() in ("gzip", "deflate")
        unpack = zlib.decompressobj(wbits=47) if packed else None
        while piece := answer.read1(65_536):
            if unpack:
                piece = unpack.decompress(piece, self._size + 1 - size)
            size += len(piece)
            if size > self._size:
                raise ImportRefused(
                    f"{host} sends more than {self._size / 1e6:.0f} MB for one page; it was stopped."
                )
            if time.monotonic() > end:
                raise self._make_timeout_error(host)
            pieces.append(piece)
        return b"".join(pieces)


def _parse_address(address: str):
    """The parts of an http or https address without a password in it."""
    if any(ord(letter) < 0x20 or letter == "\x7f" for letter in address):
        raise ImportRefused(f"{address[:200]!r} is no web address: it holds a control character.")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise ImportRefused(f"{address[:200]!r} is no web address.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ImportRefused(f"{address[:200]!r} is no web address; it should begin with https://.")
    if parts.username or parts.password:
        raise ImportRefused("The address has a name or password in it; OneSeek sends none.")
    return parts
