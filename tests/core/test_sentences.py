"""Every error sentence of importers and engine must have its Swedish form."""

import ast
import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core.sentences import extract_values, translate
from oneseek.engine.model.formats import download
from oneseek.importers import instructions, kinds
from oneseek.importers.door import Door
from oneseek.importers.limits import Budget

ROOT = Path(__file__).parents[2]
FORMS = json.loads((ROOT / "web/static/i18n/sentences.sv.json").read_text())
NATIVE = ("importers/pages/fetch.py", "importers/website.py")  # the page itself fetches pages
OWN_PROGRAM = "tesseract"  # natively a separate program; the page has it built in
VALUE = "Saltkråkan.pdf"


def sentences() -> Iterator[str]:
    """Yield every refusal and note of `importers/`, with a value in each placeholder."""
    for path in sorted(ROOT.glob("importers/**/*.py")):
        if str(path.relative_to(ROOT)) in NATIVE:
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and find_callee(call) in (
                "ImportRefused",
                "notes.append",
            ):
                found = render(call.args[0])
                if found and OWN_PROGRAM not in found:
                    yield found


def find_callee(call: ast.Call) -> str:
    name = ast.unparse(call.func)
    return "notes.append" if name.endswith("notes.append") else name


def render(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(str(p.value) if isinstance(p, ast.Constant) else VALUE for p in node.values)


def of_other_sites() -> set[str]:
    """The sentences about another site that does not deliver a file."""
    tree = ast.parse((ROOT / "workers/tab/outside.py").read_text())
    found = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SENTENCES"
    )
    return {text.format(host=VALUE, count=VALUE) for text in ast.literal_eval(found).values()}


SENTENCES = sorted(
    {text for text in sentences() if text not in (f"{VALUE} is {VALUE}.", VALUE)}
    | {f"{VALUE} is {what}." for _, what in kinds._REFUSED}
    | {why for why, _ in instructions._ORDERS}
    | of_other_sites()
    | {str(download.other_size(VALUE, 1, 2)), str(download.other_hash(VALUE, "0" * 64, "1" * 64))}
)


def test_the_sentences_were_found():
    assert len(SENTENCES) >= 55


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_sentence_is_there_in_swedish(sentence):
    swedish = translate(sentence, FORMS)
    assert swedish != sentence
    assert swedish.count(VALUE) == sentence.count(VALUE)


def test_a_real_refusal_is_read_in_swedish():
    name = "båt.bmp"
    (item,) = asyncio.run(Door(None).file(b"BM" + bytes(60), name, Budget(name)))
    swedish = "båt.bmp är en BMP-bild; spara den som PNG eller JPEG."
    assert translate(item["problem"], FORMS) == swedish


NAMES = st.text(st.characters(exclude_characters="{}"), max_size=12)


@given(NAMES.filter(bool), NAMES.filter(bool), NAMES)
def test_what_was_put_into_a_form_is_found_again(before, between, value):
    form = before + "{value}" + between
    assert translate(before + value + between, {form: "<{value}>"}) == f"<{value}>"


@given(NAMES)
def test_a_text_of_no_form_stays_as_it_is(text):
    assert extract_values("xyzzy {value}", text) is None
    assert translate(text, {"xyzzy {value}": "no"}) == text
