"""Lets several runs of pytest share one suite: each takes the next file that no other run has
taken.

    python -m pytest -p tests.support.shared_out --shared FOLDER tests/core tests/page

The folder is empty at first and the same for all. Runs that begin at different ends of the suite
meet somewhere, and no core waits for the other.
"""

from pathlib import Path

import pytest


class Shared:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mine: dict[str, bool] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Skip a test of another run's file without a report; fixtures of earlier tests end as if
        it had run."""
        if self.takes(item.nodeid.partition("::")[0]):
            return None
        item.session._setupstate.teardown_exact(nextitem)
        return True

    def takes(self, file: str) -> bool:
        if file not in self.mine:
            try:
                (self.folder / file.replace("/", "-")).touch(exist_ok=False)
                self.mine[file] = True
            except FileExistsError:
                self.mine[file] = False
        return self.mine[file]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shared", type=Path, required=True, metavar="FOLDER")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Shared(config.getoption("--shared")))
