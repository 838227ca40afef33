"""Settings of the suite; inside a worker, which cannot drive a browser, the page's fixtures are
left out."""

import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import pytest
from hypothesis import settings

# Two halves of the suite share two cores, and numpy's threads would spin while they wait for each
# other. Set before anything imports numpy; every process that a test starts inherits it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

pytest_plugins = (
    []
    if sys.platform == "emscripten"
    else ["tests.support.fast", "tests.support.page.page_fixtures"]
)

# No deadlines, because a busy machine is slow without a fault in the code. The drawn examples
# differ from run to run; `build.py test --long` draws more.
settings.register_profile("oneseek", deadline=None, max_examples=20)
settings.register_profile("quick", deadline=None, max_examples=10)
settings.register_profile("long", deadline=None, max_examples=100)
settings.load_profile("oneseek")


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def pytest_configure() -> None:
    """Install a Ctrl-C handler of our own.

    With Python's default handler, `asyncio.run` installs another one each time, and `signal` then
    formats every array that the task returned: most of the cost of an op's test.
    """
    if sys.platform != "emscripten":
        signal.signal(signal.SIGINT, interrupt)


@pytest.fixture(scope="session", autouse=True)
def flushed() -> Iterator[dict[str, str]]:
    """Compute base answers once, read the encoder once, and let no store wait for the disk, since
    tests kill processes but not the power. Yields the usual flush settings."""
    if sys.platform == "emscripten":  # there nobody teaches on numpy or stores anything
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
    """Print the state of the documents' requirements; in a worker nobody would read it."""
    if sys.platform != "emscripten":
        from tests.documents import summary

        terminalreporter.section("documents")
        for line in summary():
            terminalreporter.write_line(line)
