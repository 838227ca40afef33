"""The suite's own settings; inside a worker, where there is no browser to drive, without the page's
fixtures."""

import os
import sys

# Before numpy is read, here and in what the tests start: the suite's two halves have a core each,
# and threads that wait for one another on a taken core cost a small model's round ten times over.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.base_said import asked_once

pytest_plugins = [] if sys.platform == "emscripten" else ["tests.support.page.page_fixtures"]

# A loaded machine is slow now and then; that is no fault of the code under test.
settings.register_profile("oneseek", deadline=None)
settings.load_profile("oneseek")


@pytest.fixture(scope="session", autouse=True)
def base_is_asked_once() -> Iterator[None]:
    with asked_once():
        yield


def pytest_terminal_summary(terminalreporter):
    """What of the documents' requirements the suite shows; in a worker there is nobody to read
    it."""
    if sys.platform != "emscripten":
        from tests.documents import summary

        terminalreporter.section("documents")
        for line in summary():
            terminalreporter.write_line(line)
