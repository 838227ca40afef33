"""The scopes of `build.py test`: which tests each runs, how, and which tests are fast. `page` is
the part of the usual scope that opens the page."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from builder import ROOT


class Scope(NamedTuple):
    markers: str  # pytest's marker expression
    profile: str  # of Hypothesis: how many examples a property's test draws
    patience_s: int  # seconds after which a file counts as hanging; none takes nearly as long
    about: str = ""  # the help of its option; the usual scope has none


SCOPES = {
    "fast": Scope(
        "fast",
        "quick",
        120,
        "only the fast tests, format and lint, without a build or a browser",
    ),
    "quick": Scope("not slow and not long", "quick", 600, "all checks, but no slow or long test"),
    "usual": Scope("not long", "oneseek", 900),
    "page": Scope("not long", "oneseek", 900, "of the tests only those of the page in a browser"),
    "long": Scope("", "long", 3600, "every test"),
}

# A test file that imports one of these may need more than the installed packages: a browser, a
# build, the network, a graphics chip, another process.
NEEDS = (
    "openai",
    "playwright",
    "subprocess",
    "wgpu",
    *(
        f"builder.{name}"
        for name in ("encoder", "environment", "fetch", "guide", "site", "system", "wheels")
    ),
    "tests.bench",
    *(f"tests.support.{name}" for name in ("certified", "gpu_device", "group", "hosts", "page")),
)


def test_files(scope: str) -> list[Path]:
    """The files that may hold tests of this scope."""
    files = sorted(ROOT.glob("tests/page/test_*.py" if scope == "page" else "tests/*/**/test_*.py"))
    return [file for file in files if scope != "fast" or is_fast(file)]


@cache
def is_fast(file: Path) -> bool:
    """True if the file imports nothing of NEEDS; its tests are then fast unless marked slow or
    long."""
    names: list[str] = []
    for node in _statements(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return not any(f"{name}.".startswith(f"{need}.") for name in names for need in NEEDS)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements within, at any depth. Expressions hold none and are most of a file: they are
    skipped."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for one in getattr(node, part, []):
            yield one
            yield from _statements(one)
