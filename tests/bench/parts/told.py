"""An assistant that is told facts and asked about them, natively or in a tab; arguments and results
are plain data."""

from __future__ import annotations

import base64
import statistics
import time
from typing import Any

import msgpack

from oneseek.engine.learning.lessons import Lesson, fold, has_value
from oneseek.engine.learning.memory.recogniser import SURE
from oneseek.engine.learning.memory.statements.statement import unpack
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import assistant_over

TOKENS = 32  # within which an answer has to say the value
WARM = 10  # questions to warm up with


def record_of(fact: dict) -> dict:
    """The fact as a record of the queue."""
    lesson = Lesson(fact["question"], fact["answer"], (), fact["language"])
    words = {"prompt": lesson.question, "answer": lesson.answer, "language": lesson.language}
    return {"id": lesson.id, **words}


class Told:
    def __init__(self, model: Model, store: Any, **more: Any):
        self.store = store
        self.assistant = assistant_over(model, store, model.fingerprint, **more)
        self.memory = self.assistant.mind.memory

    async def begin(self, fact: dict) -> None:
        """Tell and forget a fact, so that loading the encoder does not count for the first one."""
        await self.tell(fact)
        await self.memory.forget([record_of(fact)["id"]])

    async def tell(self, fact: dict) -> float:
        """Tell a fact; return the CPU seconds."""
        began = time.process_time()
        await self.memory.remember([record_of(fact)])
        return time.process_time() - began

    async def bytes_of(self, fact: dict) -> int:
        return len(base64.b64decode(await self.packed(fact)))

    async def packed(self, fact: dict) -> str:
        """All that is stored of a fact, in base64, to be copied into another store."""
        id = record_of(fact)["id"]
        place = f"{self.memory.base}/{id}"
        kept = [await self.store.get("facts", id), await self.store.get("meanings", place)]
        return base64.b64encode(msgpack.packb(kept)).decode()

    async def unpacked(self, packed: list[str]) -> None:
        for one in packed:
            fact, meant = msgpack.unpackb(base64.b64decode(one))
            place = f"{self.memory.base}/{fact['id']}"
            await self.store.batch([["put", "facts", fact["id"], fact]])
            await self.store.batch([["put", "meanings", place, meant]])
        self.memory.reload()
        await self.memory.load()

    async def keep(self, packed: list[str]) -> None:
        """Add packed facts with their embeddings to the memory in use, not to the store."""
        await self.memory.load()
        for one in packed:
            fact, meant = msgpack.unpackb(base64.b64decode(one))
            self.memory.keep(fact, unpack(meant))

    async def decided(self, questions: list[str]) -> dict:
        """The median milliseconds until it is decided who answers a question, without and with
        reading it ahead while it is typed."""
        asked, sent = [], []
        for question in questions[:WARM] + questions:
            began = time.perf_counter()
            await self.assistant.mind.decide_answer(0, question)
            asked.append(time.perf_counter() - began)
            await self.memory.read_ahead(question)
            began = time.perf_counter()
            await self.assistant.mind.decide_answer(0, question)
            sent.append(time.perf_counter() - began)
        times = {"ms_question": asked, "ms_read_ahead": sent}
        found = {name: 1e3 * statistics.median(some[WARM:]) for name, some in times.items()}
        return {"beside": len(self.memory.said), **found}

    async def recognised(self, questions: list[str]) -> dict:
        """For each question that of the fact which answers it, or nothing; the median milliseconds
        of finding it, and those of reading the question, which the page does while it is typed."""
        await self.memory.load()
        found, reading, waiting = [], [], []
        for question in questions:
            began = time.perf_counter()
            await self.memory.read_ahead(question)
            sent = time.perf_counter()
            found.append((await self.memory.find_facts(question))[:1])
            reading.append(sent - began)
            waiting.append(time.perf_counter() - sent)
        sure = [one[0].fact["question"] if one and one[0].score >= SURE else "" for one in found]
        reads, waits = (1e3 * statistics.median(times) for times in (reading, waiting))
        return {"by": sure, "ms": waits, "ms_reading": reads}

    async def says(self, question: str, value: str) -> bool:
        """Whether the decoded answer to a question says the value."""
        sampling = Sampling(max_tokens=TOKENS, stop=(value,))
        messages = [{"role": "user", "content": question}]
        answer, _ = await self.assistant.answer(messages, sampling, fold(question))
        return answer.ended == "stop" or has_value(answer.text, value)
