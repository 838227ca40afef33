"""The code in docs/engine.md must run as printed, and print what the document says."""

import contextlib
import io
import re
import subprocess
import sys
import textwrap

import pytest

import oneseek
from builder import ROOT

TEXT = (ROOT / "docs" / "engine.md").read_text()
CHAPTERS = re.findall(
    r"^## \d+\. (.*?)\n.*?```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.M | re.S
)


def test_every_chapter_prints_what_it_says():
    assert len(CHAPTERS) == len(re.findall(r"^## \d", TEXT, re.M)) == 9
    names: dict = {}
    with oneseek.on("numpy"):
        for title, code, said in CHAPTERS:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(code, names)  # the document is about running this code
            assert printed.getvalue() == said, title


def test_the_first_model_is_trained_as_its_document_says(capsys):
    document = (ROOT / "docs" / "first-model.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", document, re.S)
    (said,) = re.findall(r"```text\n(.*?)```", document, re.S)
    assert sum(map(bool, code.splitlines())) <= 40
    for device in ("numpy", "cpu"):
        with oneseek.on(device):
            exec(code, {})
        assert capsys.readouterr().out == said, device


def test_the_lines_of_the_readme_find_the_line(capsys):
    readme = (ROOT / "README.md").read_text()
    (program,) = re.findall(r"^    import numpy as np, oneseek\n(?:(?:    .*)?\n)+", readme, re.M)
    names: dict = {}
    exec(textwrap.dedent(program), names)
    assert names["losses"][-1] < 0.01 and "slope" in capsys.readouterr().out


def test_the_compiler_has_as_many_lines_as_it_says():
    files = re.findall(r"`([\w/]*\w+\.py)`", TEXT)[:3]
    paths = [ROOT / "engine/compiler" / name.rsplit("/")[-1] for name in files]
    lines = sum(len(path.read_text().splitlines()) for path in paths)
    assert f"a differentiating compiler in {lines} lines" in TEXT


@pytest.mark.parametrize("name", oneseek._LIBRARY)
def test_it_names_all_there_is(name):
    assert name == "Tensor" or re.search(rf"\b{name}\b", TEXT)


def test_the_name_alone_is_imported_for_next_to_nothing():
    code = "import sys, oneseek; print('numpy' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
