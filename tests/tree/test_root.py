"""One import name: however a module is reached, it is one file, and nothing is imported under a
second name."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import oneseek
from builder import ROOT, release, wheels

FILES = [ROOT / "build.py"] + [
    path
    for folder in (*wheels.ROOMS, "builder", "tests", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
SUSPECT = re.compile(
    rf"(?:^|;)\s*(?:from\s+|import\s+(?:.*,\s*)?)(?:{'|'.join(wheels.ROOMS)})\b", re.M
)
TELL = """
import sys
import oneseek
import oneseek.engine.core.settings as settings, oneseek.shaders, oneseek.web.lib
from importlib.resources import files
assert not {"engine", "shaders", "web"} & set(sys.modules)
assert (files("oneseek.shaders") / "optim.wgsl").is_file()
assert oneseek.__version__
print(settings.__file__)
"""


def run_python(folder: Path, *command: str) -> str:
    """The output of Python started in this folder."""
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def find_settings(folder: Path) -> str:
    """The settings' file for a program that starts in this folder."""
    return run_python(folder, "-c", TELL)


def test_every_room_has_a_link_for_what_only_reads():
    for room in wheels.ROOMS:
        assert (ROOT / "oneseek" / room).resolve() == ROOT / room


def test_in_the_tree_a_module_is_the_file_of_the_tree():
    assert Path(find_settings(ROOT)) == ROOT / "engine/core/settings.py"
    assert list(oneseek.__path__) == [str(ROOT)]


@pytest.mark.parametrize("kept", ["nothing", "text"])
def test_a_checkout_that_keeps_no_links_runs_as_well(tmp_path, kept):
    tmp_path = release.copy(tmp_path / "tree")
    for link in (tmp_path / "oneseek").iterdir():
        if link.is_symlink():
            link.unlink()
            if kept == "text":  # as Git writes them on a system without links
                link.write_text(f"../{link.name}")
    assert Path(find_settings(tmp_path)) == tmp_path / "engine/core/settings.py"


def test_where_it_is_carried_the_rooms_lie_within(tmp_path):
    top = release.copy(tmp_path / "tree")
    for room in wheels.ROOMS:
        (top / "oneseek" / room).unlink()
        (top / room).rename(top / "oneseek" / room)
    assert Path(find_settings(top)) == top / "oneseek/engine/core/settings.py"


@pytest.mark.slow
def test_a_wheel_of_the_tree_holds_the_rooms_and_the_demo_model(tmp_path):
    installed = tmp_path / "installed"
    with zipfile.ZipFile(release.code(tmp_path)) as opened:
        tops = {name.split("/")[0] for name in opened.namelist()}
        opened.extractall(installed)
    assert tops == {"oneseek", f"oneseek-{oneseek.__version__}.dist-info"}
    assert (installed / "oneseek/py.typed").exists()
    assert Path(find_settings(installed)) == installed / "oneseek/engine/core/settings.py"
    command = ("-m", "oneseek.engine.cli.main")
    assert run_python(installed, *command, "--version") == f"oneseek {oneseek.__version__}"
    tokens = run_python(
        installed, *command, "tokenize", "--model", "tiny", "--text", "boat", "--json"
    )
    assert "boat" in "".join(json.loads(tokens)["pieces"])
    assert "--backend" in run_python(installed, "-m", "oneseek.workers.server.headless", "--help")


def test_nothing_is_imported_by_the_name_of_a_folder():
    wrong = []
    texts = {path: path.read_text() for path in FILES}
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text if SUSPECT.search(text) else "")):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            wrong += [f"{path}: {name}" for name in names if name.split(".")[0] in wheels.ROOMS]
    assert not wrong, "\n".join(wrong)
