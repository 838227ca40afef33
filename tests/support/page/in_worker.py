"""Runs pytest in the page's worker, and sends each result to the page as it comes."""

import asyncio
import sys
from pathlib import Path

import pytest

from oneseek.engine.core.messages import Event, message

HOME = Path(__file__).resolve().parents[3]


@message
class Tested(Event):
    """One test is over; `outcome` is passed, failed or skipped."""

    fields = {"test": str, "outcome": str, "detail": str, "seconds": float}


@message
class Finished(Event):
    """The suite is over; `code` is pytest's exit status."""

    fields = {"code": int}


class Reporter:
    """A pytest plugin that emits its events."""

    def __init__(self, emit):
        self.emit = emit

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            told = dict(outcome=report.outcome, detail=report.longreprtext)
            self.emit(Tested(test=report.nodeid, seconds=report.duration, **told))

    def pytest_collectreport(self, report):
        if report.failed:
            told = dict(outcome="failed", detail=report.longreprtext, seconds=0.0)
            self.emit(Tested(test=report.nodeid, **told))


def serve(emit, settings, modules):
    asyncio.ensure_future(run(list(settings["arguments"]), emit))


async def run(arguments, emit):
    sys.path.insert(0, str(HOME))
    paths = [str(HOME / word) if word.startswith("tests/") else word for word in arguments]
    options = [f"--rootdir={HOME}", "-p", "no:cacheprovider", "-q"]
    options += ["-o", "faulthandler_timeout=0"]  # that watch needs a thread, which a worker lacks
    code = pytest.main([*options, *paths], plugins=[Reporter(emit)])
    emit(Finished(code=int(code)))
