"""The reference: a page for each public name, made from its signature and its docstring.

Public are the names of `import oneseek` and the classes that the README lists for programs. The
pages are made from the code without importing it, and are not kept in the tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from builder import ROOT

LIBRARY = ROOT / "engine" / "front" / "__init__.py"
CLASSES = re.compile(r"^    ([A-Z]\w+) +(engine/[\w/]+\.py) ", re.M)  # lines of the README
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Public(NamedTuple):
    name: str  # as a program imports it: `oneseek.softmax`
    path: Path  # file of its module
    node: Named | ast.Module


def public() -> Iterator[Public]:
    """The library's names in their order, then the classes that the README lists."""
    for line in ast.parse(LIBRARY.read_text("utf-8")).body:
        if not isinstance(line, ast.ImportFrom) or not line.module:
            continue
        for alias in line.names:
            yield resolve(f"oneseek.{alias.name}", line.module, alias.name)
    for name, path in CLASSES.findall((ROOT / "README.md").read_text("utf-8")):
        yield resolve(name, f"oneseek.{path[:-3].replace('/', '.')}", name)


def resolve(name: str, module: str, wanted: str) -> Public:
    """Find the definition of a name that a module exports; in a package it may be a submodule."""
    path = ROOT.joinpath(*module.split(".")[1:])
    if path.is_dir():
        path = path / f"{wanted}.py"
        return Public(name, path, ast.parse(path.read_text("utf-8")))
    path = path.with_suffix(".py")
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, Named) and node.name == wanted:
            return Public(name, path, node)
        if isinstance(node, ast.ImportFrom) and node.module:
            if wanted in [one.asname for one in node.names]:
                return resolve(name, node.module, wanted)
    raise LookupError(f"{module} does not define {wanted}")


def pages() -> Iterator[tuple[str, str]]:
    """(file name, Markdown) of each page; the index comes first."""
    names = list(public())
    rows = "\n".join(
        f"| [`{one.name}`]({one.name}.md) | {paragraphs(one.node).split(chr(10))[0]} |"
        for one in names
    )
    yield "index.md", f"# Reference\n\n| Name | What it is |\n|---|---|\n{rows}\n"
    for one in names:
        yield f"{one.name}.md", page(one)


def page(one: Public) -> str:
    source = one.path.relative_to(ROOT).as_posix()
    line = f":{one.node.lineno}" if isinstance(one.node, Named) else ""
    called = "" if isinstance(one.node, ast.Module) else f"\n{code(one.node)}\n"
    inside = "" if isinstance(one.node, ast.FunctionDef) else "\n".join(members(one.node))
    text = f"# {one.name}\n{called}\n{paragraphs(one.node)}\n\n{inside}"
    return f"{text.rstrip()}\n\nDefined in `{source}{line}`.\n"


def members(owner: Named | ast.Module) -> Iterator[str]:
    """The public methods and properties of a class, the functions of a module."""
    for node in owner.body:
        if isinstance(node, Named) and not node.name.startswith("_") and ast.get_docstring(node):
            yield f"## {node.name}\n\n{code(node)}\n\n{paragraphs(node)}\n"


def code(node: Named) -> str:
    waits = "await " * isinstance(node, ast.AsyncFunctionDef)
    return f"```python\n{waits}{signature(node)}\n```"


def signature(node: Named) -> str:
    """The name with its parameters and its return type, as the code states them."""
    if not isinstance(node, ast.ClassDef):
        if any(isinstance(one, ast.Name) and one.id == "property" for one in node.decorator_list):
            return f"{node.name}: {ast.unparse(node.returns) if node.returns else 'Any'}"
        gives = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        return f"{node.name}({without_self(node.args)}){gives}"
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return f"{node.name}({without_self(part.args)})"
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
    return f"{node.name}({', '.join(map(ast.unparse, fields))})" if fields else node.name


def without_self(arguments: ast.arguments) -> str:
    if arguments.args and arguments.args[0].arg in ("self", "cls"):
        arguments.args = arguments.args[1:]
    return ast.unparse(arguments)


def paragraphs(node: Named | ast.Module) -> str:
    """The docstring with one line for each paragraph; indented blocks stay as they are."""
    parts = (ast.get_docstring(node) or "").split("\n\n")
    return "\n\n".join(one if one.startswith(" ") else " ".join(one.split()) for one in parts)
