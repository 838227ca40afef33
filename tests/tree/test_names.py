"""Retired words must not come back, in names or in texts for people (docs/style.md)."""

import ast
import re
from pathlib import Path

import pytest

from builder import ROOT

ROOMS = ("engine", "workers", "web", "importers", "builder")
RETIRED = set(
    "apart asked below brought changed found given gone heard held kept known learned left said "
    "seen shown spoken taken told tried voices wanted whole written".split()
)
MODULES = RETIRED | set(
    "about breaking chances comeback desk doing doors elsewhere former happened heart leaving "
    "measured moments moving place pressed shadow sift silence stones teller too_long tries truth "
    "why worth".split()
)
PARTICIPLE = re.compile(r"(?!(?:(?:br|p|str)ing|(?:emb|exce|fe|ne|se|spe)ed)$)[a-z]+(?:ed|ing)")
IRREGULAR = (RETIRED - set("apart below left voices whole".split())) | set(
    "begun bound bought brought built caught chosen done drawn driven fallen forgotten got grown "
    "hidden lent lost made meant met paid sent sold spent spoken stood stuck thought torn won "
    "worn".split()
)
# A function is a verb. Exceptions are named for their value: attributes, contexts of a `with`
# block, and ops with their kernels, whose names stand in stored programs.
NOUNS = {"property", "cached_property", "contextmanager", "asynccontextmanager", "setter", "op"}
OPS = "engine/compiler/ops", "engine/backends/wasm/kernels"
NAMED_ELSEWHERE = {
    "engine/backends/native_cpu.py measured": "an executor may have it or not",
    "engine/backends/wasm/emit.py signed": "a kind of number in LEB128",
    "engine/backends/wasm/emit.py unsigned": "a kind of number in LEB128",
    "engine/backends/wasm/listing.py signed": "a kind of number in LEB128",
    "engine/backends/wasm/listing.py unsigned": "a kind of number in LEB128",
    "engine/cli/commands.py sampling_options": "the options of a command, as others of that form",
    "engine/front/functions.py embedding": "the library has the name that PyTorch has",
    "engine/learning/runs.py nothing": "no participle",
    "engine/learning/skills/pattern.py closed_slot": "one of a family with `label_slot`",
    "engine/learning/skills/sorter.py meaning_of": "the meaning, a noun",
    "engine/model/families/qwen35.py gated_attention": "the paper's name of the layer",
    "engine/model/sandbox.py joined": "a template looks it up by its name",
    "engine/model/sandbox.py sliced": "a template looks it up by its name",
    "workers/server/endpoints/chat_request.py sampling_of": "the sampling, a noun",
    "workers/server/endpoints/training.py training_socket": "the training, a noun",
}
# Places that still have them, each with its reason. A name leaves this list once it is corrected.
STILL = {
    "engine/learning/memory": "the words of the memory are written anew with its reader",
    "engine/learning/composing": "answers from several facts are under way",
    "engine/core/collecting/secrets": "the reader of secrets is written anew",
}
PHRASES = re.compile(r"numbers that are none|sends no headers for that|takes a question for one")


def is_excused(path: str) -> bool:
    return any(path == place or path.startswith(place + "/") for place in STILL)


def names_in(path: Path) -> set[str]:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.walk(ast.parse(path.read_text("utf-8")))
    return {node.name.strip("_") for node in tree if isinstance(node, functions)}


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_or_module_has_a_retired_name(room):
    found = []
    for path in sorted((ROOT / room).rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if not is_excused(place):
            found += [f"{place}: {name}" for name in sorted(names_in(path) & RETIRED)]
            found += [place] * (path.stem in MODULES)
    assert not found


def is_participle(name: str) -> bool:
    first = name.strip("_").partition("_")[0]
    return first in IRREGULAR or PARTICIPLE.fullmatch(first) is not None


def decorators_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    calls = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return {ast.unparse(call).rpartition(".")[2] for call in calls}


@pytest.mark.parametrize("room", ROOMS)
def test_a_function_is_a_verb(room):
    found = []
    for path in sorted((ROOT / room).rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if place.startswith(OPS):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                excused = f"{place} {node.name}" in NAMED_ELSEWHERE
                named = excused or decorators_of(node) & NOUNS
                if not named and is_participle(node.name):
                    found.append(f"{place}:{node.lineno} {node.name}")
    assert not found


def test_what_is_excused_is_still_there():
    for place in STILL:
        path = ROOT / place
        files = [path] if path.suffix else sorted(path.rglob("*.py"))
        names = [name for file in files for name in names_in(file) & RETIRED]
        assert names or any(file.stem in MODULES for file in files), f"{place} needs no excuse"


def test_no_text_for_people_has_a_retired_phrase():
    texts = [*(ROOT / "web/static/i18n").glob("*.json"), ROOT / "README.md"]
    texts += [path for path in (ROOT / "docs").glob("*.md") if path.name != "style.md"]
    for room in ROOMS:
        texts += (ROOT / room).rglob("*.py")
    found = {
        str(path.relative_to(ROOT)): phrase[0]
        for path in texts
        if (phrase := PHRASES.search(path.read_text("utf-8")))
    }
    assert not found
