"""The reference says of every class for programs of others what its docstring says."""

import re

import pytest

from builder import ROOT, reference

pytestmark = pytest.mark.slow  # every module is imported
CLASSES = re.compile(r"^    ([A-Z]\w+) +(engine/[\w/]+\.py) ", re.M)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """What is said of each module, by its path."""
    parts = "\n".join(reference.written()).split("\n## ")[1:]
    return {part.split("\n", 1)[0]: part for part in parts}


def test_the_classes_of_the_readme_are_in_it(pages):
    found = CLASSES.findall((ROOT / "README.md").read_text())
    assert len(found) >= 6
    for name, path in found:
        assert re.search(rf"^\* `{name}\(", pages[path], re.M), name


def test_a_function_is_told_with_what_it_takes_and_gives(pages):
    assert "* `clock() -> int` Milliseconds since 1970;" in pages["engine/open.py"]
    assert (
        "`await TrainingEngine.open(kind: str, lessons"
        in pages["engine/learning/training_engine.py"]
    )
    assert "_checkpoint" not in pages["engine/learning/training_engine.py"]


def test_the_command_writes_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reference, "OUT", tmp_path / "reference.md")
    assert reference.run() == 0
    assert (tmp_path / "reference.md").read_text().startswith("# Reference")
    assert "reference.md" in capsys.readouterr().out
