"""What a question's stages bring to the queue: lessons to learn at once, or answers to choose
from."""

from typing import Any

from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.learning.lessons import LessonError
from oneseek.engine.learning.questions.microtrain import ended
from oneseek.engine.learning.trainer import check


async def offered(
    queue: SavedQueue, coder: Any, examples: list[dict]
) -> tuple[list[str], dict[str, Any]]:
    """The ids of those that are ready to be learned; and if none is, what became of them."""
    ids, unfit, before = [], "", ""
    for example in examples:
        try:
            check(coder, example)
        except LessonError as fault:
            unfit = str(fault)
            continue
        record = await queue.change(lambda q, one=example: q.add(one))
        if record and record["state"] == "ready":
            ids.append(record["id"])
        elif record:
            before = "put aside or refused before"
    nothing = ended("known", "learned before")
    if unfit or before:
        nothing = ended("not learned", unfit or before)
    return ids, {**nothing, "examples": []}


async def hold(queue: SavedQueue, examples: list[dict]) -> list[str]:
    """Answers of which a person chooses one."""
    records = [await queue.change(lambda q, one=one: q.add(one, "held")) for one in examples]
    return [record["id"] for record in records if record]
