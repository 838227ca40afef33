"""Downloads from other sites: a transport that asks through web/static/outside.js, the only worker
whose policy allows it, several ranges at once."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import AsyncIterator, Callable
from typing import Any

import js
from pyodide.ffi import create_proxy, to_js

from oneseek.engine.model.formats.download import DownloadError

SENTENCES = {
    "closed": "{host} cannot be reached, or lets no other site read this file. What came before is "
    "kept. Check the connection, name a mirror in Settings, or download the file yourself and "
    "choose it here.",
    "offline": "This device has no network now. What came before is kept. Resume when it is back.",
    "busy": "{host} asks to wait {count} s, because it got too many requests. What came is kept. "
    "Resume then.",
    "status": "{host} answered {count}: it has no such file, or gives it only to those who sign "
    "in. What came is kept. Choose another file, or download it yourself and choose it here.",
    "cut": "The connection to {host} broke {count} times without a new byte. What came is kept. "
    "Resume to go on from there.",
    "slow": "{host} sent nothing for {count} s, several times. What came is kept. Resume to go on "
    "from there.",
    "changed": "{host} changed the file while it came. It was not used. Download it again.",
    "unsized": "{host} does not tell how long the file is. Nothing was downloaded. Download it "
    "yourself and choose it here.",
}
"""Error that outside.js answers in place of bytes -> the text that a person reads."""


class OutsideRefused(DownloadError):
    """Another site did not give a file; the text is a sentence for people, with what to do."""


def sentence(error: str, url: str, count: int) -> str:
    host = urllib.parse.urlsplit(url).netloc
    return SENTENCES[error].replace("{host}", host).replace("{count}", str(count))


class Outside:
    """`wait(seconds)` is called when a site asks to wait; `size` is the known size of the file."""

    def __init__(self, script: str, size: int, wait: Callable[[float], None]) -> None:
        self.script, self.size, self.wait = script, size, wait

    def get(self, url: str, start: int, validator: str) -> OutsideAnswer:
        return OutsideAnswer(self, url, start)


class OutsideAnswer:
    """One file from `start` on; leaving the block ends the transfer."""

    def __init__(self, outside: Outside, url: str, start: int) -> None:
        self.outside, self.url, self.start = outside, url, start
        self.mail: asyncio.Queue[Any] = asyncio.Queue()

    async def __aenter__(self) -> OutsideAnswer:
        self.worker = js.Worker.new(self.outside.script)
        self.hear = create_proxy(lambda event: self.mail.put_nowait(event.data))
        self.fail = create_proxy(lambda event: self.mail.put_nowait(None))
        self.worker.onmessage, self.worker.onerror = self.hear, self.fail
        try:
            file = {"stream": self.url, "start": self.start, "size": self.outside.size}
            answer = await self.ask(file)
        except BaseException:
            self.end()
            raise
        self.size, self.validator = int(answer.size), answer.validator
        return self

    async def __aexit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        self.worker.terminate()
        self.hear.destroy()
        self.fail.destroy()

    async def parts(self) -> AsyncIterator[bytes]:
        while True:
            answer = await self.ask({"next": True})
            if getattr(answer, "over", False):
                return
            yield answer.part.to_bytes()

    async def ask(self, question: dict) -> Any:
        self.worker.postMessage(to_js(question, dict_converter=js.Object.fromEntries))
        while True:
            answer = await self.mail.get()
            if answer is None:
                raise OutsideRefused(sentence("closed", self.url, 0))
            if error := getattr(answer, "error", ""):
                raise OutsideRefused(sentence(error, self.url, int(answer.count)))
            if not getattr(answer, "waiting", 0):
                return answer
            self.outside.wait(float(answer.waiting))
