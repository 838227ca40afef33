"""Marks the tests that need only the installed packages: no browser, no build, no network.

    pytest -m fast

`builder.scopes` tells the files that hold them. In those files the record of `builder.costs` names
the tests that cost too much to be fast, and the ones that count as slow without a mark. A run of
`-m fast` does not open other files; a test in it fails if it starts a process or connects to
another machine.
"""

import ipaddress
import sys
from pathlib import Path

import pytest

from builder import costs
from builder.scopes import is_fast


def pytest_configure(config: pytest.Config) -> None:
    if _only_fast(config):
        sys.addaudithook(refuse)


def _only_fast(config: pytest.Config) -> bool:
    return config.option.markexpr == "fast"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_test = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    return True if _only_fast(config) and is_test and not is_fast(collection_path) else None


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    dear = costs.read_record()["dear"]
    for item in items:
        if any(item.get_closest_marker(name) for name in ("slow", "long")):
            continue
        if dear.get(item.nodeid, 0.0) >= costs.SLOW_S:
            item.add_marker("slow")
        elif is_fast(item.path) and item.nodeid not in dear:
            item.add_marker("fast")


def refuse(event: str, arguments: tuple) -> None:
    """Raise if a fast test starts a process or connects to another machine."""
    if event in ("subprocess.Popen", "os.posix_spawn", "os.system"):
        raise AssertionError(f"a fast test started a process: {arguments[0]}")
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
        if not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            raise AssertionError(f"a fast test connected to {host}")
