"""What each test costs in processor seconds, those of the processes it starts included.

    python3 build.py test -- -p tests.support.cost tests/learning

Time on the wall says how busy the machine was; this says what the suite takes on any. The costly
tests are told at the end, all of them in .pytest_cache/cost.json.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import pytest

from builder import ROOT

TOLD = 30
TICKS = os.sysconf("SC_CLK_TCK")
COLLECTING = "(collecting)"


def spent() -> float:
    """Of this process, of those it waited for, and of those that still run."""
    ended = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in ended) + _below(Path(f"/proc/{os.getpid()}"))


def _below(process: Path) -> float:
    """A browser's processes end only with it."""
    seconds = 0.0
    for children in process.glob("task/*/children"):
        try:
            for child in children.read_text().split():
                stat = (process.parent / child / "stat").read_text().rpartition(")")[2].split()
                seconds += sum(map(int, stat[11:15])) / TICKS + _below(process.parent / child)
        except OSError:  # it ended meanwhile
            continue
    return seconds


class Cost:
    """A test pays for its fixtures, and for what its last one leaves to be ended."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()
        self.before = spent()

    def lap(self, name: str) -> None:
        now = spent()
        self.of[name] += now - self.before
        self.before = now

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        self.lap(COLLECTING)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        result = yield
        self.lap(item.nodeid)
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        files: Counter[str] = Counter()
        for name, seconds in self.of.items():
            files[name.partition("::")[0]] += seconds
        told = {"seconds": self.of.total(), "files": files, "tests": self.of}
        (ROOT / ".pytest_cache").mkdir(exist_ok=True)
        (ROOT / ".pytest_cache" / "cost.json").write_text(json.dumps(told, indent=1))
        terminalreporter.section(f"cost: {self.of.total():.1f} processor seconds")
        for name, seconds in (*files.most_common(TOLD), *self.of.most_common(TOLD)):
            terminalreporter.write_line(f"{seconds:7.1f}  {name}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Cost())
