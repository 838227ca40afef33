"""Formulas must be found where a writer means them and nowhere else: not in code, not before a
price."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core.formulas import CLOSES, OPENS, extract
from tests.support.page import in_micropython

FORMULAS = [
    (r"It is \(x^2\).", [(r"\(x^2\)", "x^2", False)]),
    ("\\[\na = b\n\\]", [("\\[\na = b\n\\]", "\na = b\n", True)]),
    ("So $a_1$ and $$b$$.", [("$a_1$", "a_1", False), ("$$b$$", "b", True)]),
    (r"`\(x\)` is code, \(y\) is not", [(r"\(y\)", "y", False)]),
    ("```\n$x$\n```\n$y$", [("$y$", "y", False)]),
    ("It costs $5 and $10.", []),
    ("Between $5-$10.", []),
    (r"\\(x\\)", []),
    ("an open $x", []),
    (r"an open \(x", []),
    ("`unfinished $x$", [("$x$", "x", False)]),
    ("```\nunfinished $x$", []),
    ("$$$", []),
    ("~~struck~~ $x$", [("$x$", "x", False)]),
    ("ett nät, $å$, \u4e2d \\\\(b\\\\)", [("$å$", "å", False)]),
    ("$" + "{" * 101 + "}" * 101 + "$", []),
    ("$" + "x" * 3000 + "$", []),
]


@pytest.mark.parametrize(("text", "found"), FORMULAS)
def test_what_is_a_formula_and_what_is_not(text, found):
    assert extract(text)[1] == found


@given(st.text(st.sampled_from("$\\()[]`~ x1\nåæ\u4e2d\ud800\0")))
def test_with_the_formulas_put_back_the_text_is_whole(text):
    marked, found = extract(text)
    for number, (source, _, _) in enumerate(found):
        marked = marked.replace(f"{OPENS}{number}{CLOSES}", source, 1)
    assert marked == text


def lines_run(text: str) -> int:
    """The number of Python lines run to find the text's formulas."""
    count = 0

    def follow(frame, event, _):
        nonlocal count
        count += event == "line"
        return follow

    sys.settrace(follow)
    try:
        extract(text)
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize(
    "unit", ["\\(", "$$ ", "$a", "`a", "~~~a", "\\[\n\n", "$x$ ", "${", "å", "````"]
)
def test_a_text_twice_as_long_is_twice_the_work(unit):
    """The work must be linear in the length, for texts full of openings that are never closed."""
    assert lines_run(unit * 4000) <= 2.1 * lines_run(unit * 2000)


def test_characters_that_mark_formulas_are_taken_out_of_a_text():
    assert extract(OPENS + "7" + CLOSES) == ("7", [])


def test_the_pages_own_python_finds_the_same():
    program = "import json\nfrom oneseek.engine.core.formulas import extract\n"
    program += (
        f"print(json.dumps([extract(text) for text in {[text for text, _ in FORMULAS]!r}]))\n"
    )
    paths = ("engine/__init__.py", "engine/core/__init__.py", "engine/core/formulas.py")
    here = [extract(text) for text, _ in FORMULAS]
    assert json.loads(in_micropython.run(program, *paths)) == json.loads(json.dumps(here))
