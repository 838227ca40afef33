"""The suite's own settings; inside a worker, where there is no browser to drive, without the page's
fixtures."""

import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import pytest
from hypothesis import settings

# Two halves of the suite share two cores; numpy's threads would wait for each other, spinning.  Set
# before anything imports numpy, and handed on to every process a test starts.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

pytest_plugins = (
    []
    if sys.platform == "emscripten"
    else ["tests.support.fast", "tests.support.page.page_fixtures"]
)

# A loaded machine is slow now and then; that is no fault of the code under test.
# The drawn examples differ from run to run; `build.py test --long` draws more.
settings.register_profile("oneseek", deadline=None, max_examples=20)
settings.register_profile("quick", deadline=None, max_examples=10)
settings.register_profile("long", deadline=None, max_examples=100)
settings.load_profile("oneseek")


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def pytest_configure() -> None:
    """Ctrl-C stops the suite through a handler of its own. In place of Python's default handler
    `asyncio.run` installs another each time, and to do so `signal` writes out every array that the
    task returned: most of what a test of an op would cost."""
    if sys.platform != "emscripten":
        signal.signal(signal.SIGINT, interrupt)


@pytest.fixture(scope="session", autouse=True)
def flushed() -> Iterator[dict[str, str]]:
    """The untouched model is asked once, the encoder is read once, and no store waits for the disk,
    since tests kill processes but cut no power; given is how stores are flushed elsewhere."""
    if sys.platform == "emscripten":  # where nobody teaches on numpy, and nothing is stored
        yield {}
        return
    from oneseek.engine.core.storage import sqlite
    from tests.support.base_said import asked_once
    from tests.support.encoder_read import read_once

    usual = sqlite.SYNCHRONOUS
    with pytest.MonkeyPatch.context() as patch, asked_once(), read_once():
        patch.setattr(sqlite, "SYNCHRONOUS", dict.fromkeys(usual, "OFF"))
        yield usual


def pytest_terminal_summary(terminalreporter):
    """What of the documents' requirements the suite shows; in a worker there is nobody to read
    it."""
    if sys.platform != "emscripten":
        from tests.documents import summary

        terminalreporter.section("documents")
        for line in summary():
            terminalreporter.write_line(line)
