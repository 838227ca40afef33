"""Marks the tests that need only the installed packages: no browser, no build, no network.

    pytest -m fast

A test is fast when it is neither `slow` nor `long`, and its file imports nothing of NEEDS. A run
of `-m fast` does not even open the other files, and a test in it that starts a process or connects
to another machine fails.
"""

import ast
import ipaddress
import sys
from functools import cache
from pathlib import Path

import pytest

NEEDS = (
    "playwright",
    "openai",
    "subprocess",
    "wgpu",
    *(
        f"builder.{name}"
        for name in ("encoder", "environment", "fetch", "guide", "site", "system", "wheels")
    ),
    *(f"tests.support.{name}" for name in ("certified", "gpu_device", "group", "hosts", "page")),
    "tests.bench",
)


@cache
def is_fast(file: Path) -> bool:
    """Whether the file imports nothing of NEEDS."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return not any(f"{name}.".startswith(f"{need}.") for name in names for need in NEEDS)


def pytest_configure(config: pytest.Config) -> None:
    if _only_fast(config):
        sys.addaudithook(refuse)


def _only_fast(config: pytest.Config) -> bool:
    return config.option.markexpr == "fast"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_test = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    return True if _only_fast(config) and is_test and not is_fast(collection_path) else None


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        costly = any(item.get_closest_marker(name) for name in ("slow", "long"))
        if not costly and is_fast(item.path):
            item.add_marker("fast")


def refuse(event: str, arguments: tuple) -> None:
    """Raises when a fast test starts a process or connects to another machine."""
    if event in ("subprocess.Popen", "os.posix_spawn", "os.system"):
        raise AssertionError(f"a fast test started a process: {arguments[0]}")
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
        if not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            raise AssertionError(f"a fast test connected to {host}")
