"""A short life of learning in its own process, to be killed anywhere and started again.

    python -m tests.support.life FOLDER [FAULT HIT]

It kills itself when it passes FAULT for the HIT-th time. However often that happens, in the end the
same facts are learned, and the last line prints the same hash of weights.
"""

import os
import signal
import sys
from pathlib import Path

from oneseek.engine.core import faults
from oneseek.engine.history.audit import check_store
from oneseek.engine.learning.replay import History
from tests.support.living import Living, run

FACTS = ("alpha", "bravo", "charlie", "delta")


def plant(name: str, hit: int) -> None:
    passed = 0

    def kill_at_hit(here: str) -> None:
        nonlocal passed
        passed += here == name
        if passed == hit and here == name:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.plant = kill_at_hit


def learn(living: Living, kind: str, words: str = "") -> None:
    """Run one round, from its checkpoint if there is one."""
    lessons = []
    if words:
        record = run(living.queue.change(lambda q: q.add(example(words))))
        if record is None or record["state"] == "rejected":
            return
    if not run(living.training.reopen()):
        lessons = living.queue.queue.take(1) if words else []
        run(living.training.open(kind, lessons))
    while run(living.training.advance(1)) is not None:
        print("slice", flush=True)
    living.settle(list(living.training.plan.lessons), run(living.training.finish()))


def example(words: str) -> dict:
    return {"prompt": words, "answer": "yes", "priority": "chat", "language": "en"}


def live(folder: Path) -> str:
    living = Living(folder)
    history = History(living.versions, living.trainer)
    run(history.resume())
    done = run(living.store.get("state", "life")) or {"done": 0}
    acts = [("lesson", words) for words in FACTS] + [("practice", ""), ("forget", "bravo")]
    for i, (kind, words) in enumerate(acts):
        if i < done["done"]:
            continue
        if kind == "forget":
            examples = run(living.store.all("examples"))
            run(history.forget([id for id, one in examples if one["prompt"] == words]))
        elif kind == "lesson" or not has_practised(living):
            learn(living, kind, words)
        run(living.store.batch([["put", "state", "life", {"done": i + 1}]]))
        print("done", i, flush=True)
    found = run(check_store(living.store))
    assert not found, found
    return run(living.versions.current())["weights_sha256"]


def has_practised(living: Living) -> bool:
    return any(one["kind"] == "practice" for one in run(living.versions.records()))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        plant(sys.argv[2], int(sys.argv[3]))
    print("hash", live(Path(sys.argv[1])), flush=True)
