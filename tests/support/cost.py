"""Measures the cost of each test and writes it where `builder.costs` reads it.

    python3 build.py test -- tests/learning    # prints the highest costs at the end

The CPU seconds of the processes that a test starts are included.
"""

import ctypes
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import pytest

SUBREAPER = 36  # of prctl: orphaned processes become our children, with the CPU time they spent
TICKS = os.sysconf("SC_CLK_TCK")


def measure_cpu_time() -> float:
    """CPU seconds of this process, of its ended children, and of those still running."""
    ended = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in ended) + _below(Path(f"/proc/{os.getpid()}"))


def _below(process: Path) -> float:
    """CPU seconds of all processes below one, since a browser's processes end only with the
    browser."""
    seconds = 0.0
    for children in process.glob("task/*/children"):
        try:
            for child in children.read_text().split():
                stat = (process.parent / child / "stat").read_text().rpartition(")")[2].split()
                seconds += sum(map(int, stat[11:15])) / TICKS + _below(process.parent / child)
        except OSError:  # the process ended meanwhile
            continue
    return seconds


def kind_of(item: pytest.Item) -> str:
    """The smallest scope that runs this test."""
    for marker, kind in (("long", "long"), ("slow", "usual"), ("fast", "fast")):
        if item.get_closest_marker(marker):
            return kind
    return "quick"


class Cost:
    """Charges each test for its fixtures, and for ending what its last one leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tests: dict[str, dict] = {}
        self.ran = ""
        self.before = measure_cpu_time(), time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        self.before = measure_cpu_time(), time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        result = yield
        now = measure_cpu_time(), time.monotonic()
        if self.ran == item.nodeid:  # another run may have taken it
            processor, wall = (
                after - before for after, before in zip(now, self.before, strict=True)
            )
            self.tests[item.nodeid] = {
                "kind": kind_of(item),
                "processor": round(processor, 3),
                "wall": round(wall, 3),
            }
        self.before = now
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.ran = report.nodeid

    def pytest_sessionfinish(self) -> None:
        (self.folder / f"{os.getpid()}.json").write_text(json.dumps(self.tests, indent=1))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--costs", type=Path, required=True, metavar="FOLDER")


def pytest_configure(config: pytest.Config) -> None:
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    config.pluginmanager.register(Cost(config.getoption("--costs")))
