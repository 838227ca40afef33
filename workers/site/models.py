"""The installed page with models that did not come with it: a model on this machine is served from
there; one that a person asks for in the page is downloaded, checked, kept and passed on meanwhile.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from pathlib import Path
from typing import Any

from oneseek.engine.model import registry
from oneseek.engine.model.formats.download import DownloadError
from oneseek.engine.model.formats.source import CHUNK, FormatError
from oneseek.workers.site import host

MODEL = re.compile(r"/models-[0-9a-f]+/([\w.-]+)\.gguf")
LOCAL, SAME = ("127.0.0.1", "localhost"), "same-origin"
BEHIND = 2 * CHUNK  # bytes: a download writes in chunks, so what came this much earlier is on disk


class Handler(host.Handler):
    """The page's files, and the models that it names."""

    downloading = threading.Lock()

    def model(self) -> dict | None:
        """The known model that is asked for and did not come with the page; else None."""
        named = MODEL.fullmatch(self.path.split("?")[0])
        if not named or Path(super().translate_path(self.path)).exists():
            return None
        model = registry.load_models().get(named[1])
        return model if model and "carrier" in model["source"] else None

    def translate_path(self, path: Any) -> str:
        model = self.model()
        here = registry.places(model) if model else []
        return str(here[0]) if here else super().translate_path(path)

    def do_GET(self) -> None:
        model = self.model()
        if model:
            if not self.is_from_the_page():
                return self.send_error(403)
            with self.downloading:  # whoever asks for the same meanwhile gets the file
                if not registry.places(model):
                    return self.download(model)
        super().do_GET()

    def is_from_the_page(self) -> bool:
        """Whether this page asks, or a program that is no browser: no other site may cause a
        download."""
        name = self.headers.get("Host", "").partition(":")[0]
        return name in LOCAL and self.headers.get("Sec-Fetch-Site", SAME) == SAME

    def download(self, model: dict) -> None:
        """Download a model and send it on; what came is kept when the person pauses or leaves."""
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(span[1]) if span else 0
        passing = Passing(self, model, first)
        self.close_connection = True
        print(f"Downloading {model['name']} for the page", file=sys.stderr, flush=True)
        try:
            asyncio.run(registry.obtain(model["id"], passing.progress))
            passing.send(model["bytes"])
        except (DownloadError, FormatError) as error:
            print(f"oneseek: {error}", file=sys.stderr, flush=True)
            if not passing.begun:
                self.send_error(404, "the model could not be downloaded")


class Passing:
    """Sends the page what has arrived of a download, from the byte where it wants to go on."""

    def __init__(self, handler: Handler, model: dict, first: int) -> None:
        self.handler, self.model, self.at = handler, model, first
        self.file, self.begun = registry.folder() / model["file"], False

    def progress(self, phase: str, done: int, total: int) -> None:
        self.send(done - BEHIND if phase == "download" else self.at)

    def send(self, until: int) -> None:
        """Send the bytes before `until` that were not sent yet."""
        if not self.begun:
            self.begin()
        if until > self.at:
            with self.file.open("rb") as file:
                file.seek(self.at)
                self.handler.wfile.write(file.read(until - self.at))
            self.at = until

    def begin(self) -> None:
        self.begun, size = True, self.model["bytes"]
        self.handler.send_response(206 if self.at else 200)
        self.handler.send_header("Content-Type", "application/octet-stream")
        if self.at:
            self.handler.send_header("Content-Range", f"bytes {self.at}-{size - 1}/{size}")
        self.handler.send_header("Content-Length", str(size - self.at))
        self.handler.end_headers()
