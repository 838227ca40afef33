"""One name to import by: whichever way a module is reached it is one file, and nothing is imported
under a name of its own."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import oneseek
from builder import ROOT, wheels

FILES = [ROOT / "build.py"] + [
    path
    for folder in (*wheels.ROOMS, "builder", "tests", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
TELL = """
import sys
import oneseek.engine.core.settings as settings, oneseek.shaders, oneseek.web.lib
from importlib.resources import files
assert not {"engine", "shaders", "web"} & set(sys.modules)
assert (files("oneseek.shaders") / "optim.wgsl").is_file()
print(settings.__file__)
"""


def printed(folder: Path) -> str:
    """Where a program that begins in this folder finds the settings."""
    command = [sys.executable, "-c", TELL]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def tree(folder: Path) -> Path:
    for room in ("oneseek", *wheels.ROOMS):
        ignored = shutil.ignore_patterns("__pycache__", "static", "guide", "data")
        shutil.copytree(ROOT / room, folder / room, symlinks=True, ignore=ignored)
    return folder


def test_every_room_has_a_link_for_what_only_reads():
    for room in wheels.ROOMS:
        assert (ROOT / "oneseek" / room).resolve() == ROOT / room


def test_in_the_tree_a_module_is_the_file_of_the_tree():
    assert Path(printed(ROOT)) == ROOT / "engine/core/settings.py"
    assert list(oneseek.__path__) == [str(ROOT)]


@pytest.mark.parametrize("kept", ["nothing", "text"])
def test_a_checkout_that_keeps_no_links_runs_as_well(tmp_path, kept):
    for link in (tree(tmp_path) / "oneseek").iterdir():
        if link.is_symlink():
            link.unlink()
            if kept == "text":  # as Git writes them where there are none
                link.write_text(f"../{link.name}")
    assert Path(printed(tmp_path)) == tmp_path / "engine/core/settings.py"


def test_where_it_is_carried_the_rooms_lie_within(tmp_path):
    top = tree(tmp_path / "tree")
    for room in wheels.ROOMS:
        (top / "oneseek" / room).unlink()
        (top / room).rename(top / "oneseek" / room)
    assert Path(printed(top)) == top / "oneseek/engine/core/settings.py"


def test_nothing_is_imported_by_the_name_of_a_folder():
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            wrong += [f"{path}: {name}" for name in names if name.split(".")[0] in wheels.ROOMS]
    assert not wrong, "\n".join(wrong)
