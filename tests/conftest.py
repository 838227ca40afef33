"""The suite's own settings; inside a worker, where there is no browser to drive, without the page's
fixtures."""

import os
import sys

from hypothesis import settings

# Two halves of the suite share two cores; numpy's threads would wait for each other, spinning.  Set
# before anything imports numpy, and handed on to every process a test starts.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

pytest_plugins = [] if sys.platform == "emscripten" else ["tests.support.page.page_fixtures"]

# A loaded machine is slow now and then; that is no fault of the code under test.
settings.register_profile("oneseek", deadline=None)
settings.load_profile("oneseek")


def pytest_terminal_summary(terminalreporter):
    """What of the documents' requirements the suite shows; in a worker there is nobody to read
    it."""
    if sys.platform != "emscripten":
        from tests.documents import summary

        terminalreporter.section("documents")
        for line in summary():
            terminalreporter.write_line(line)
