"""`build.py reference`: docs/reference.md, from the docstrings of all modules, classes, functions.

It is written for reading, not kept in the tree: the code is what it is made from.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from builder import ROOT

ROOMS = ("engine", "importers", "workers", "web")
OUT = ROOT / "docs" / "reference.md"
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def run() -> int:
    OUT.write_text("\n".join(written()) + "\n", "utf-8")
    print(OUT)
    return 0


def written() -> Iterator[str]:
    yield "# Reference\n\nMade by `python3 build.py reference` from the docstrings."
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield from of_module(path)


def of_module(path: Path) -> Iterator[str]:
    """A module's own words, then its public names in the order they stand there."""
    tree = ast.parse(path.read_text("utf-8"))
    parts = [line for node in tree.body for line in of_name(node, "")]
    if parts:
        yield f"\n## {path.relative_to(ROOT).as_posix()}\n\n{paragraphs(tree)}\n"
        yield from parts


def of_name(node: ast.stmt, owner: str) -> Iterator[str]:
    """A class with its methods, or a function; nothing for what begins with an underscore, or for
    what says nothing of itself."""
    if not isinstance(node, Named) or node.name.startswith("_"):
        return
    words = paragraphs(node).replace("\n\n", "\n\n  ")
    inside = [line for part in node.body for line in of_name(part, f"{owner}{node.name}.")]
    if words or (inside and isinstance(node, ast.ClassDef)):
        waits = "await " * isinstance(node, ast.AsyncFunctionDef)
        yield f"* `{waits}{owner}{signature(node)}` {words}".rstrip()
    if isinstance(node, ast.ClassDef):
        yield from inside


def signature(node: Named) -> str:
    """The name with what it takes and gives, as it stands in the code."""
    if not isinstance(node, ast.ClassDef):
        gives = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        return f"{node.name}({without_self(node.args)}){gives}"
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return f"{node.name}({without_self(part.args)})"
    return node.name


def without_self(arguments: ast.arguments) -> str:
    if arguments.args and arguments.args[0].arg in ("self", "cls"):
        arguments.args = arguments.args[1:]
    return ast.unparse(arguments)


def paragraphs(node: Named | ast.Module) -> str:
    """Its docstring with one line a paragraph; what is set apart in it stays as it is."""
    found = (ast.get_docstring(node) or "").split("\n\n")
    return "\n\n".join(one if one.startswith(" ") else " ".join(one.split()) for one in found)
