"""The order of the next work must be the same in both interpreters, and both hosts must use it."""

import ast
import itertools
import json

from builder import ROOT
from oneseek.engine.core.next_work import (
    LEAST_PRACTISED,
    ORDER,
    count_unpractised_lessons,
    next_work,
)
from tests.support.page import in_micropython

POLICY = ("engine/__init__.py", "engine/core/__init__.py", "engine/core/next_work.py")
HOSTS = (
    ("web/learning/training.py",),
    ("workers/server/service.py", "workers/server/idle_work.py"),
)


def test_the_order_is_memory_what_was_begun_lessons_questions_runs_practice():
    assert ORDER == ("memory", "begun", "lesson", "question", "run", "practice")
    for size in range(len(ORDER) + 1):
        for some in itertools.combinations(ORDER, size):
            first = some[0] if some else None
            assert next_work(dict.fromkeys(some, [1])) == first
            assert next_work({kind: kind in some for kind in ORDER}) == first


def test_practice_that_was_asked_for_waits_for_the_memory_alone():
    everything = dict.fromkeys(ORDER, True)
    assert next_work(everything, "practice") == "memory"
    assert next_work({**everything, "memory": False}, "practice") == "practice"
    assert next_work({}, "practice") == "practice"
    assert next_work({"run": True}, "lesson") == "run"


def lessons(count, time=10, kind="lesson"):
    return {"kind": kind, "lessons": ["id"] * count, "time": time}


def test_practice_is_worth_it_for_enough_lessons_that_were_not_practised_or_refused_since():
    enough = lessons(LEAST_PRACTISED)
    assert count_unpractised_lessons([], []) == 0
    assert count_unpractised_lessons([lessons(LEAST_PRACTISED - 1)], []) == 0
    assert count_unpractised_lessons([enough], []) == LEAST_PRACTISED
    assert (
        count_unpractised_lessons([enough, lessons(9, 5, "practice"), enough], [])
        == LEAST_PRACTISED
    )
    assert count_unpractised_lessons([lessons(9, 5, "practice"), enough], []) == 0
    assert count_unpractised_lessons([enough, lessons(1, 5, "training")], []) == 0
    assert count_unpractised_lessons([enough], [{"time": 9}]) == LEAST_PRACTISED
    assert count_unpractised_lessons([enough], [{"time": 11}]) == 0


def test_micropython_decides_the_same():
    cases = [
        (dict.fromkeys(some, 1), asked)
        for size in range(len(ORDER) + 1)
        for some in itertools.combinations(ORDER, size)
        for asked in ("", "lesson", "practice")
    ]
    program = """
import json
from oneseek.engine.core.next_work import next_work
print(json.dumps([next_work(waits, asked) for waits, asked in json.load(open("cases.json"))]))
"""
    found = in_micropython.run(program, *POLICY, **{"cases.json": json.dumps(cases)})
    assert json.loads(found) == [next_work(waits, asked) for waits, asked in cases]


def test_page_and_server_ask_the_one_policy():
    for host in HOSTS:
        called = {
            node.func.id
            for name in host
            for node in ast.walk(ast.parse((ROOT / name).read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert {"next_work", "count_unpractised_lessons"} <= called, host
