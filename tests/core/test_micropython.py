"""The page's Python is MicroPython: code that the page runs is tested in the real interpreter."""

import json

import pytest

from builder import ROOT, site, wheels
from oneseek.engine.core import messages
from oneseek.engine.core.collecting.secrets import secrets_in
from tests.support.page import in_micropython

PROTOCOL = (
    "engine/__init__.py",
    "engine/core/__init__.py",
    "engine/core/wire.py",
    *(f"engine/core/messages/{path.name}" for path in (ROOT / "engine/core/messages").glob("*.py")),
)
SAMPLES = {
    str: ["", "räksmörgås på 東京 👍", '"quoted"\n\\'],
    int: [0, -1, 2**31],
    float: [0.0, -2.5, 1e-3],
    bool: [True, False],
    list: [[], ["a", {"b": [1, None]}]],
    dict: [{}, {"role": "user", "content": "å"}],
    type(None): [None],
}


def samples():
    """Yield every message three times, with its fields set to different sample values."""
    for kind in messages.KINDS.values():
        for turn in range(3):
            fields = {}
            for field, kinds in kind.fields.items():
                kinds = kinds if isinstance(kinds, tuple) else (kinds,)
                values = [value for each in kinds for value in SAMPLES[each or type(None)]]
                fields[field] = values[turn % len(values)]
            yield kind(**fields)


def test_every_message_goes_to_micropython_and_back_unchanged():
    sent = [message.to_text() for message in samples()]
    program = """
import json
from oneseek.engine.core.messages import from_text
print(json.dumps([from_text(text).to_text() for text in json.load(open("sent.json"))]))
"""
    back = json.loads(
        in_micropython.run(program, *PROTOCOL, **{"sent.json": messages.to_json(sent)})
    )
    assert [json.loads(text) for text in back] == [json.loads(text) for text in sent]


def test_micropython_refuses_what_cpython_refuses():
    bad = [
        "",
        "[]",
        "{",
        "3",
        '{"type": "Nobody"}',
        '{"type": "Start"}',
        '{"type": "Start", "engine": 1}',
    ]
    program = """
import json
from oneseek.engine.core.messages import BadMessage, from_text
refused = []
for text in json.load(open("bad.json")):
    try:
        from_text(text)
    except BadMessage:
        refused.append(text)
print(json.dumps(refused))
"""
    refused = json.loads(in_micropython.run(program, *PROTOCOL, **{"bad.json": json.dumps(bad)}))
    assert refused == bad


PAGE = [path.relative_to(ROOT).as_posix() for path in site.page_python()]


def test_every_file_of_the_page_compiles_in_micropython():
    program = """
import json
for path in json.load(open("page.json")):
    try:
        compile(open(path).read(), path, "exec")
    except SyntaxError as error:
        print(path, error)
"""
    there = json.dumps([wheels.place(ROOT / path) for path in PAGE])
    assert in_micropython.run(program, *PAGE, **{"page.json": there}) == ""


@pytest.mark.parametrize("number", ["float('nan')", "float('inf')", "-float('inf')", "True"])
def test_micropython_keeps_odd_numbers_out_of_messages(number):
    program = f"from oneseek.engine.core.messages import fits\nprint(fits({number}, float))"
    assert in_micropython.run(program, *PROTOCOL).strip() == "False"


SECRETS = ("secrets_dev", "secrets_dev3", "secrets_dev8")


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.long)])
def test_micropython_sees_the_same_secrets(every):
    paths = [ROOT / f"tests/bench/{name}.jsonl" for name in SECRETS]
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 3000
    rows = [json.loads(line)["text"] for line in lines[::every]]
    shared = [path for path in site.page_python() if path.is_relative_to(ROOT / "engine")]
    program = """
import json
from oneseek.engine.core.collecting.secrets import secrets_in
print(json.dumps([secrets_in(text) for text in json.load(open("texts.json"))]))
"""
    modules = [path.relative_to(ROOT).as_posix() for path in shared]
    found = json.loads(in_micropython.run(program, *modules, **{"texts.json": json.dumps(rows)}))
    differs = [text for text, kinds in zip(rows, found, strict=True) if kinds != secrets_in(text)]
    assert differs == []
