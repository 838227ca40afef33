"""Generates answers: reads prompts into the cache in chunks, and decodes a token at a time for all
conversations at once.

Nothing here runs for longer than one chunk; the caller of `advance` decides what happens in between
(another chat, a slice of training, stopping). Where prompts wait while answers are decoded, a chunk
holds tokens of both: the weights are read once for all, and no answer stands still while others'
long prompts are read.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from oneseek.engine.backends.executor import Run
from oneseek.engine.model.choice.drafts import MANY_ROWS, ROWS, Draft, Places, continue_answer
from oneseek.engine.model.choice.form import draw_token
from oneseek.engine.model.choice.inputs import Choice, pushes, write_choices
from oneseek.engine.model.choice.repetition import goes_round
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.kv_cache import Lane, NoRoom, Pool
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.tokenizer import Stream
from oneseek.engine.model.trainable import Trained

CHUNKS = (16, 64, 256)  # prompt tokens computed at once
SIZES = (16, 32, 64, 128, 256)  # the same where each run costs by its steps as well
SHARED = (32, 48, 64)  # tokens of several conversations: few, so that no next token waits long
IN_TURN = 2  # prompts that are read together: the first is answered while others still wait
CARRIED = 64  # tokens of another conversation that are copied at once
WORTH = 4  # tokens in common, at least, for a copy
BATCHES = (1, 4, 8, 16)  # conversations decoded at once


class Push(Protocol):
    """Makes the words of a text likelier, token by token, until the text was said."""

    def amounts(self, ids: list[int], text: str) -> dict[int, float]:
        """Return token -> nats, after the answer so far."""


class Form(Protocol):
    """Constrains an answer: which tokens may come next."""

    is_over: bool

    def choose(self, best: list, sampling: Sampling, ids: list[int], left: int) -> int:
        """The next token after `ids`, of the best 64 (id, logprob), when so many are left."""


class Prompt(NamedTuple):
    """A conversation in tokens, the tokens its answer begins with, and how many of its messages
    were left out."""

    ids: list[int]
    begun: list[int]
    dropped: int


@dataclass
class Handover:
    """Where in a prompt its question begins, and the generator that reads and answers from there
    on."""

    begin: int
    to: Generator


@dataclass(eq=False)
class Answer:
    """One answer while it grows. `ended` is "", "end", "length", "stop", "repeats" or
    "cancelled"."""

    key: str
    prompt: list[int]
    sampling: Sampling
    forced: tuple[int, ...] = ()  # how the answer has to begin
    prefix: str = ""  # the answer's beginning, from before; its tokens `begun` end the prompt
    begun: list[int] = field(default_factory=list)
    on_text: Callable[[str], None] = lambda text: None
    on_token: Callable[[int, list], None] | None = None  # also gets the best 64 (id, logprob)
    ids: list[int] = field(default_factory=list)
    text: str = ""
    pictures: list = field(default_factory=list)  # encoded, of its prompt
    held: str = ""  # the end of the text that may turn out to begin a stop sequence
    ended: str = ""
    dropped: int = 0  # messages of the conversation that did not fit the context
    handover: Handover | None = None  # until it was done
    push: Push | None = None
    form: Form | None = None  # constrains its text
    places: Places = field(default_factory=Places)  # where its words stood before
    speaking: Any = None  # the decision who answers
    read: int = 0  # tokens of the prompt that were computed, by whoever read them
    began: float = 0.0
    first_token: float = 0.0
    finished: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """The speed of decoding: the first token belongs to reading the prompt."""
        spent = self.finished - self.first_token
        return (len(self.ids) - 1) / spent if len(self.ids) > 1 and spent > 0 else 0.0

    @property
    def is_chosen_here(self) -> bool:
        """Whether each token depends on more than the back ends know."""
        return bool(self.form or self.sampling.counts_tokens)

    def cancel(self) -> None:
        self.ended = self.ended or "cancelled"

    def add_text(self, text: str) -> None:
        """Add text that the model did not generate; listeners receive it too."""
        self.text += text
        self.on_text(text)


class Generator:
    """Answers any number of conversations with one set of weights (one version)."""

    def __init__(
        self,
        model: Model,
        trained: Trained | None = None,
        tensors: dict | None = None,
        pool: Pool | None = None,
        name: str = "",
    ):
        """`name` tells generators that share a pool apart: other weights have other keys."""
        self.name = name
        self.model, self.trained, self.tensors = model, trained, tensors or {}
        self.pool = pool or Pool(model.executor, model.config, min(2048, model.positions))
        self.waiting: list[Answer] = []
        self.active: list[Answer] = []
        self._runs: dict[tuple, Run] = {}
        self._reached = 0  # rows of the pool that the runs know
        self._head: list[int] | None = None
        self._asked = 0
        self._streams: dict[Answer, Stream] = {}

    @property
    def chunks(self) -> tuple[int, ...]:
        """The sizes of a prompt's chunks in tokens: finer on a device that pays for each step."""
        return SIZES if self.model.executor.bindings else CHUNKS

    @property
    def head_key(self) -> str:
        return f"head:{self.name}"

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.active)

    @property
    def context(self) -> int:
        """The longest conversation, answer included."""
        return min(self.model.positions, self.pool.rows - 1)

    # ---- asking

    def encode(
        self,
        messages: list[dict],
        reserve: int = 0,
        think: bool = False,
        tools: Sequence[dict] | None = None,
    ) -> tuple[list[int], int]:
        """Token ids of a conversation, and how many of its messages had to be left out so that
        `reserve` tokens still fit: the oldest go first, a system message stays.

        More messages never take fewer tokens, so what fits is found by doubling what is kept and
        then halving: the work grows with the context, not with the conversation."""
        system = [m for m in messages[:1] if m["role"] == "system"]
        turns = messages[len(system) :]
        starts = [0, *(at for at, one in enumerate(turns) if at and one["role"] == "user")]
        room = self.context - reserve
        needed = 0

        def read(start: int) -> list[int] | None:
            """The token ids from a message on; None where they do not fit."""
            nonlocal needed
            kept = system + turns[start:]
            needed = sum(1 + self.model.tokenizer.fewest(one["content"]) for one in kept)
            if needed > room:
                return None
            ids = self.model.read(kept, enable_thinking=think, tools=tools)
            needed = len(ids)
            return ids if needed <= room else None

        if (whole := read(0)) is not None:
            return whole, 0
        last = 1
        while last < len(starts) and read(starts[-last]) is not None:
            last *= 2
        tried = starts[-last:]
        first = bisect_left(tried, True, key=lambda start: read(start) is not None)
        if first < len(tried) and (ids := read(tried[first])) is not None:
            return ids, tried[first]
        raise TooLong(
            f"the last message alone needs {needed} tokens or more and {reserve} for the answer; "
            f"this model reads {self.context}. Shorten it, nothing was sent."
        )

    def prompt(
        self,
        messages: list[dict],
        sampling: Sampling,
        prefix: str = "",
        think: bool = False,
        tools: Sequence[dict] | None = None,
    ) -> Prompt:
        """Encode a conversation for `ask`: plain Python that may take long, and no more."""
        begun = self.model.tokenizer.encode(prefix) if prefix else []
        reserve = min(sampling.max_tokens, self.context // 4) + len(begun)
        ids, dropped = self.encode(messages, reserve, think, tools)
        return Prompt(ids, begun, dropped)

    def ask(
        self,
        messages: list[dict],
        sampling: Sampling,
        key: str = "",
        prefix: str = "",
        prompt: Prompt | None = None,
        **more,
    ) -> Answer:
        """Queue a conversation for an answer, or for the continuation of its beginning `prefix`;
        `advance` until its `ended` is set. With `think` a model that can thinks first, with `then`
        another generator continues from the last message."""
        think = more.pop("think", False)
        ids, begun, dropped = prompt or self.prompt(messages, sampling, prefix, think)
        if then := more.pop("then", None):
            begin = self.question_in(ids, messages[-1]["content"], think)
            more["handover"] = Handover(begin, then)
        more |= {"prefix": prefix, "begun": begun, "dropped": dropped}
        more["pictures"] = [one for said in messages for one in said.get("pictures", ())]
        return self.start([*ids, *begun], sampling, key, **more)

    def question_in(self, ids: list[int], question: str, think: bool) -> int:
        """Where the last message's own tokens begin in a prompt."""
        alone = self.encode([{"role": "user", "content": question}], think=think)[0]
        own = len(alone) - len(common_prefix(alone, self.head_ids()))
        return max(0, len(ids) - own)

    def start(self, ids: list[int], sampling: Sampling, key: str = "", **more) -> Answer:
        """Queue a prompt of token ids."""
        self._asked += 1
        key = f"{self.name}:{key or self._asked}"
        answer = Answer(key, ids, sampling, began=time.perf_counter(), **more)
        self._streams[answer] = self.model.tokenizer.stream()
        self.waiting.append(answer)
        return answer

    async def answer_all(self, answers: list[Answer]) -> list[Answer]:
        """Run until all of them ended; if the caller is cancelled, so are the rest."""
        try:
            while not all(answer.ended for answer in answers):
                await self.advance()
        finally:
            for answer in answers:
                answer.cancel()
        return answers

    # ---- one unit of work

    async def advance(self) -> None:
        """Decode one token of every answer, with a chunk of the waiting prompts if there are
        any."""
        for answer in [a for a in self.waiting + self.active if a.ended]:
            self.leave(answer)
        room = BATCHES[-1] - len(self.active)
        read = bool(self.waiting and room) and await self.read_chunk(self.waiting[:room])
        if self.active and not read:
            await self.decode()
        await self.model.executor.breathe()

    async def read_chunk(self, answers: list[Answer]) -> bool:
        """Read as much of the prompts as one chunk holds, the first prompt first, and the next
        token of every answer under way; False when the cache has no room for any of the prompts
        before another answer ends."""
        if any(answer.key not in self.pool.busy for answer in answers):
            await self.read_head()
        parts = await self.parts_of(answers)
        if not parts:
            return False
        if len(parts) == 1 and not self.active:
            parts = [
                (a, lane, part[: chunk_size(len(part), self.chunks)]) for a, lane, part in parts
            ]
        ready = [answer for answer, lane, part in parts if self.completes(answer, lane, part)]
        spoken = [(a, self.pool.lanes[a.key], a.ids[-1:]) for a in self.active]
        told = self.active + ready
        rows = 1 if len(told) <= 1 else BATCHES[-1]
        length = sum(len(part) for _, _, part in spoken + parts)
        sizes = SHARED if len(spoken + parts) > 1 else self.chunks
        size = next(c for c in sizes if c >= length)
        if len(told) == 1 and told == ready and len(parts) == 1:
            draft, size = self.fit(self.draft(ready[0]), length, size)
            if draft.tokens:
                await self.read_and_verify(parts[0], draft, size)
                return True
        self.pool.reach(max(lane.end + len(part) for _, lane, part in spoken + parts))
        pictured = any(self.shows(part) for _, _, part in parts)
        run, tokens, take = self.prepare(size, rows, pictured), [], np.zeros(rows, np.int32)
        for answer, lane, part in spoken + parts:
            tokens += [(token, len(lane.token_ids) + i, lane) for i, token in enumerate(part)]
            if answer in told:
                take[told.index(answer)] = len(tokens) - 1
        self.write_tokens(run, tokens, size)
        run.write("take", take)
        self.write_choices(run, [choice_of(answer) for answer in told], rows)
        drawn = await run.begin(*outputs_for(told))
        for _, lane, part in spoken + parts:
            lane.ids += part
        for answer, _, part in parts:
            answer.read += len(part)
        for answer in ready:
            self.waiting.remove(answer)
            self.active.append(answer)
        found = await drawn
        if told:
            self.take(found, told)
        return True

    async def read_and_verify(self, read: tuple, draft: Draft, size: int) -> None:
        """Read the last part of a prompt together with a draft of its answer, which takes the place
        of padding."""
        answer, lane, part = read
        tokens, known = part + draft.tokens, len(lane.token_ids)
        self.pool.reach(lane.end + len(tokens))
        rows, first = ROWS if len(draft.tokens) < ROWS else MANY_ROWS, len(part) - 1
        run, choices = self.prepare(size, rows, self.shows(part)), draft.choices
        self.write_tokens(run, [(one, known + i, lane) for i, one in enumerate(tokens)], size)
        if size > rows:
            take = np.minimum(np.arange(first, first + rows), size - 1, dtype=np.int32)
            run.write("take", take)
        else:  # a token is drawn after each; those of the prompt are ignored
            choices = choices[:1] * first + choices
        self.write_choices(run, choices, rows)
        drawn = await run.begin(*outputs_for([answer]))
        lane.ids += part
        answer.read += len(part)
        self.waiting.remove(answer)
        self.active.append(answer)
        found = await drawn
        if size == rows:
            found = [each[first:] for each in found]
        self.take_drafted(found, answer, lane, draft)

    async def parts_of(self, answers: list[Answer]) -> list[tuple[Answer, Lane, list[int]]]:
        """Return what is read of each prompt now."""
        shared = self.active or len(answers) > 1
        parts, room = [], SHARED[-1] - len(self.active) if shared else CHUNKS[-1]
        for answer in answers:
            fresh, more = answer.key not in self.pool.busy, room and len(parts) < IN_TURN
            lane = self.lane_of(answer) if more else None
            if lane is None:
                break
            if fresh:
                await self.carry(answer, lane)
            turn = answer.handover
            if turn and len(lane.token_ids) >= turn.begin:
                self.hand_over(answer, lane, turn)
                continue
            left = answer.prompt[len(lane.token_ids) : turn.begin if turn else None]
            parts.append((answer, lane, left[:room]))
            room -= len(left[:room])
        return parts

    def hand_over(self, answer: Answer, lane: Lane, turn: Handover) -> None:
        """Let another generator read the question, in the same lane; the rows before it stay."""
        answer.handover = None
        lane.plain = turn.begin
        self.waiting.remove(answer)
        turn.to.waiting.append(answer)
        turn.to._streams[answer] = self._streams.pop(answer)

    def completes(self, answer: Answer, lane: Lane, part: list[int]) -> bool:
        return len(lane.token_ids) + len(part) == len(answer.prompt)

    def lane_of(self, answer: Answer) -> Lane | None:
        """The lane of an answer, cut back to what its prompt shares with it; None when the
        cache has no room while others are being answered."""
        if answer.key in self.pool.busy:
            return self.pool.lanes[answer.key]
        head = self.pool.lanes[self.head_key] if self.begins_with_head(answer.prompt) else None
        wanted = min(len(answer.prompt) + answer.sampling.max_tokens, self.context)
        self.pool.resume(answer.key, answer.prompt, head)
        keep = {self.head_key, answer.key}
        try:
            lane = self.pool.lane(answer.key, wanted - len(head.ids if head else ()), keep)
        except NoRoom:
            if self.pool.busy:
                return None
            if head is None or head.start == 1:
                raise
            self.pool.lanes.clear()  # the shared prefix lay in the middle: read anew, it is first
            return None
        lane.keep_common(answer.prompt, head)
        if answer.handover:
            lane.cut(answer.handover.begin)
        self.pool.busy.add(answer.key)
        return lane

    async def carry(self, answer: Answer, lane: Lane) -> None:
        """Copy what another conversation has in common with this one, instead of computing it
        again."""
        other, common = self.pool.nearest(answer.key, answer.prompt)
        if answer.handover:
            common = min(common, answer.handover.begin - lane.shared)
        known = len(lane.ids)
        if other is None or common - known < WORTH:
            return
        self.pool.reach(lane.start + common)
        for first in range(known, common, CARRIED):
            places = np.arange(first, min(common, first + CARRIED), dtype=np.int32)
            run = self.ready(("carry", CARRIED, self.pool.addressed), None)
            for name, start in (("sources", other.start), ("slots", lane.start)):
                rows = np.zeros(CARRIED, np.int32)  # padding copies the scratch row to itself
                rows[: len(places)] = start + places
                run.write(name, rows)
            await run.advance()
        lane.ids += other.ids[known:common]

    async def read_head(self) -> None:
        """Compute the prefix that all conversations share (system prompt, template) once."""
        if self.head_key in self.pool.lanes:
            return
        head = self.head_ids()
        lane = self.pool.lane(self.head_key, max(len(head), 1))
        for first in range(0, len(head), CHUNKS[-1]):
            part = head[first : first + CHUNKS[-1]]
            size = next(c for c in self.chunks if c >= len(part))
            self.pool.reach(lane.end + len(part))
            run = self.prepare(size, 1)
            self.write_tokens(run, [(t, first + i, lane) for i, t in enumerate(part)], size)
            run.write("take", np.zeros(1, np.int32))
            self.write_choices(run, [], 1)
            await run.advance()
            lane.ids += part

    def head_ids(self) -> list[int]:
        if self._head is None:
            a, b = (self.encode([{"role": "user", "content": text}])[0] for text in ("a", "b"))
            self._head = common_prefix(a, b)
        return self._head

    @contextmanager
    def share(self, ids: list[int]) -> Iterator[None]:
        """Take `ids` for what all prompts share: within, every prompt begins with them, and nobody
        else is answered."""
        before, self._head = self.head_ids(), ids
        self.pool.lanes.clear()
        try:
            yield
        finally:
            self._head = before
            self.pool.lanes.clear()

    def begins_with_head(self, prompt: list[int]) -> bool:
        head = self.head_ids()
        return len(prompt) > len(head) and prompt[: len(head)] == head

    async def decode(self) -> None:
        answers = list(self.active)
        if len(answers) > 1:
            choices = [choice_of(answer) for answer in answers]
        elif (draft := self.draft(answers[0])).tokens:
            return await self.verify(answers[0], draft)
        else:
            choices = draft.choices
        size = next(b for b in BATCHES if b >= len(answers))
        lanes = [self.pool.lanes[answer.key] for answer in answers]
        self.pool.reach(max(lane.end for lane in lanes) + 1)
        run, begun = self.prepare(size, size), []
        for i in range(min(run.ahead, *(self.foreseen(answer) for answer in answers))):
            rows = [
                (answer.ids[-1], len(lane.token_ids) + i, lane)
                for answer, lane in zip(answers, lanes, strict=True)
            ]
            self.write_tokens(run, rows, size)
            if i:
                choices = [choice_of(answer, i) for answer in answers]
            self.write_choices(run, choices, size)
            fed = {"fed": {"ids": "token"}} if i else {}
            begun.append(await run.begin(*outputs_for(answers), **fed))
        is_steered = False
        for later, coming in enumerate(begun):
            found = await coming
            is_steered |= later > 0 and any(steers(answer) for answer in answers)
            if is_steered:
                continue  # it was begun before the push was known
            for answer, lane in zip(answers, lanes, strict=True):
                if not answer.ended:
                    lane.ids.append(answer.ids[-1])
            self.take(found, answers)

    def draft(self, answer: Answer) -> Draft:
        """Return a draft of no more tokens than one pass verifies."""
        most = min(MANY_ROWS - 1, self.room_of(answer) - 1)
        vocab, ends = self.model.config.vocab, self.model.tokenizer.eos_ids
        return continue_answer(answer, self._streams[answer], most, vocab, ends)

    def pays(self, tokens: int) -> bool:
        """Whether one pass of many rows for so many tokens is quicker than some of few: always,
        where each costs by its steps, else from three of them on."""
        return tokens > (ROWS if self.model.executor.bindings else 2 * ROWS)

    def fit(self, draft: Draft, length: int, size: int) -> tuple[Draft, int]:
        """Return the part of a draft that is verified with the last `length` tokens of a prompt,
        and the size of that run: as without a draft, unless a larger one pays."""
        whole = length + len(draft.tokens)
        if self.pays(whole - size):
            sizes = (*SHARED, *self.chunks)
            size = min((one for one in sizes if one >= whole), default=size)
        return draft.cut(size - length), size

    async def verify(self, answer: Answer, draft: Draft) -> None:
        """Decode the next token, and those after it as long as they are those of a draft."""
        rows = MANY_ROWS if self.pays(1 + len(draft.tokens)) else ROWS
        draft = draft.cut(rows - 1)
        lane, tokens = self.pool.lanes[answer.key], [answer.ids[-1], *draft.tokens]
        self.pool.reach(lane.end + len(tokens))
        run, known = self.prepare(rows, rows), len(lane.token_ids)
        self.write_tokens(run, [(one, known + i, lane) for i, one in enumerate(tokens)], rows)
        self.write_choices(run, draft.choices, rows)
        found = await (await run.begin(*outputs_for([answer])))
        if not answer.ended:
            lane.ids.append(answer.ids[-1])
        self.take_drafted(found, answer, lane, draft)

    def take_drafted(
        self, found: list[np.ndarray], answer: Answer, lane: Lane, draft: Draft
    ) -> None:
        """Take the tokens that were drawn after correctly drafted ones: only these count."""
        before = len(answer.ids)
        self.take([rows[:1] for rows in found], [answer])
        for i, token in enumerate(draft.tokens, 1):
            if answer.ended or answer.ids[-1] != token:
                break
            lane.ids.append(token)
            self.take([rows[i : i + 1] for rows in found], [answer])
        if draft.is_repeated:
            answer.places.judge(len(answer.ids) - before - 1)

    def room_of(self, answer: Answer) -> int:
        """Return how many tokens an answer may still have."""
        room = min(answer.sampling.max_tokens, self.context - len(answer.prompt))
        return room - len(answer.ids)

    def foreseen(self, answer: Answer) -> int:
        """Return how many tokens may be drawn before the first of them is known here: one, where
        the next choice depends on it in other ways than by what the model reads."""
        here = answer.push or answer.is_chosen_here or answer.on_token
        if here or answer.sampling.penalty != 1 or len(answer.ids) < len(answer.forced):
            return 1
        return max(1, self.room_of(answer))

    # ---- between the conversations and a program's inputs

    def shows(self, ids: list[int]) -> bool:
        """Whether parts of pictures are among these tokens."""
        return bool(self.model.eyes) and max(ids, default=0) >= self.model.config.vocab

    def prepare(self, tokens: int, rows: int, pictured: bool = False) -> Run:
        more = {"pictured": True} if pictured else {}
        return self.ready(("answer", tokens, rows, self.pool.addressed), self.trained, **more)

    def ready(self, program: tuple, trained: Trained | None, **more: bool) -> Run:
        """A run of a program by its name and shape, over the cache as it is now."""
        if self._reached != self.pool.reached:
            self._reached = self.pool.reached
            self._runs.clear()
        key = (*program, *more)
        if key not in self._runs:
            planned = self.model.program(*program, trained=trained, **more)
            tensors = {**self.pool.tensors, **self.tensors}
            self._runs[key] = self.model.prepare(planned, tensors, self.pool.room)
        return self._runs[key]

    def write_tokens(self, run, rows: list[tuple], size: int) -> None:
        """rows of (token, position in its lane, lane); padding goes to the scratch row."""
        ids, positions, slots = (np.zeros(size, np.int32) for _ in range(3))
        spans = np.zeros((size, 4), np.int32)
        for i, (token, at, lane) in enumerate(rows):
            slot = lane.start + at - lane.shared
            ids[i], positions[i], slots[i] = token, at, slot
            spans[i] = lane.head_start, lane.head_start + lane.shared, lane.start, slot + 1
        if self.shows(ids.tolist()):
            ids, words, states = self.model.must_see().split(ids)
            run.write("words", words)
            run.write("pictured", states)
        for name, array in (("ids", ids), ("positions", positions), ("slots", slots)):
            run.write(name, array)
        run.write("spans", spans)

    def write_choices(self, run: Run, choices: list[Choice], rows: int) -> None:
        write_choices(run, choices, rows, self.model.config.vocab)

    def take(self, found: list[np.ndarray], answers: list[Answer]) -> None:
        """Hand the drawn tokens to their answers."""
        tokens, *best = found
        tops: list[list] = [[] for _ in answers]
        if best:
            rows = zip(*best, strict=True)
            tops = [list(zip(ids.tolist(), probs.tolist(), strict=True)) for ids, probs in rows]
        for i, answer in enumerate(answers):
            at = len(answer.ids)
            token = answer.forced[at] if at < len(answer.forced) else int(tokens[i])
            if answer.is_chosen_here and not answer.ended:
                token = self.choose(answer, answer.sampling.weigh(tops[i], answer.ids))
            answer.first_token = answer.first_token or time.perf_counter()
            if answer.on_token:
                answer.on_token(token, tops[i])
            self.grow(answer, token)

    def choose(self, answer: Answer, best: list) -> int:
        """Return one of the likeliest tokens (id, logprob), where the back end does not choose."""
        sampling, ids = answer.sampling, answer.ids
        if answer.form:
            return answer.form.choose(best, sampling, ids, self.room_of(answer))
        return draw_token(best, sampling, len(ids))

    def grow(self, answer: Answer, token: int) -> None:
        if answer.ended:
            return
        if token in self.model.tokenizer.eos_ids:
            answer.ended = "end"
        else:
            answer.ids.append(token)
            self.say(answer, self._streams[answer].push(token))
            full = len(answer.prompt) + len(answer.ids) >= self.context
            if not answer.ended and answer.form and answer.form.is_over:
                answer.ended = "end"
            elif not answer.ended and (full or len(answer.ids) >= answer.sampling.max_tokens):
                answer.ended = "length"
            elif not answer.ended and answer.sampling.stop_repeats and goes_round(answer.ids):
                answer.ended = "repeats"
        if answer.ended:
            self.leave(answer)

    def say(self, answer: Answer, piece: str) -> None:
        """Emit new text, but nothing that may turn out to begin a stop sequence."""
        said = len(answer.text) - len(answer.held)
        answer.text += piece
        for stop in answer.sampling.stop:
            at = answer.text.find(stop, max(0, said - len(stop)))
            if at >= 0:
                answer.text, answer.ended = answer.text[:at], "stop"
        held = 0 if answer.ended else count_stop_prefix(answer.text, answer.sampling.stop)
        answer.held = answer.text[len(answer.text) - held :]
        fresh = answer.text[said : len(answer.text) - held]
        if fresh:
            answer.on_text(fresh)

    def leave(self, answer: Answer) -> None:
        """Remove an ended answer; emit the text that was still pending."""
        if answer in self.waiting:
            self.waiting.remove(answer)
        if answer in self.active:
            self.active.remove(answer)
        self.pool.busy.discard(answer.key)
        stream = self._streams.pop(answer, None)
        if stream and answer.ended != "stop":
            ending = stream.end() if answer.ended == "end" else ""  # no half characters
            answer.text += ending
            if answer.held + ending:
                answer.on_text(answer.held + ending)
            answer.held = ""
        answer.finished = answer.finished or time.perf_counter()


def choice_of(answer: Answer, later: int = 0) -> Choice:
    """Return the inputs of the next token's choice, or of the one `later` tokens on, which has no
    pushes."""
    before = [*answer.prompt, *answer.ids]
    return Choice(
        answer.sampling, len(answer.ids) + later, before, {} if later else compute_pushes(answer)
    )


def compute_pushes(answer: Answer) -> dict[int, float]:
    """Return token -> nats, of the next token."""
    return pushes(answer, [*answer.begun, *answer.ids], answer.prefix + answer.text)


def steers(answer: Answer) -> bool:
    """Whether a push changes how the next token is chosen."""
    return answer.sampling.steer and not answer.ended and bool(compute_pushes(answer))


def outputs_for(answers: list[Answer]) -> tuple[str, ...]:
    """Return what is read of a run: the drawn tokens, and the likeliest where they are needed."""
    return ("token", "ids", "logprobs")[
        : 3 if any(a.on_token or a.is_chosen_here for a in answers) else bool(answers)
    ]


class TooLong(ValueError):
    """A message does not fit the model's context."""


def chunk_size(left: int, sizes: tuple[int, ...] = CHUNKS) -> int:
    """The chunk that reads `left` tokens with little waste."""
    fitting = next((c for c in sizes if c >= left), sizes[-1])
    if fitting <= max(1.5 * left, sizes[0]):
        return fitting
    return max(c for c in sizes if c <= left)


def common_prefix(a: list[int], b: list[int]) -> list[int]:
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    return a[:same] if same is not None else a[: min(len(a), len(b))]


def count_stop_prefix(text: str, stops: tuple[str, ...]) -> int:
    """How many characters at the end of `text` could be the beginning of a stop sequence."""
    longest = max((len(s) for s in stops), default=0)
    for length in range(min(len(text), longest - 1), 0, -1):
        if any(stop.startswith(text[-length:]) for stop in stops):
            return length
    return 0
