"""Evaluates the base, the active and the candidate model side by side: answers, likeliest tokens
and drift.

Many short questions run at once: packed after their shared prefix where only probabilities are
wanted, and decoded together where text is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from copy import copy
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from oneseek.engine.backends.room import Room
from oneseek.engine.learning.batch import (
    TOP,
    Batch,
    Coder,
    Row,
    Top,
    common_prefix,
    pack_batches,
    text_row,
)
from oneseek.engine.learning.rounds.frozen_layers import PLACES, FrozenLayerCache, FrozenRows
from oneseek.engine.model.choice.form import Form
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.generate import Answer, Generator
from oneseek.engine.model.kv_cache import ANSWER_BYTES, Pool
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.programs import RECENT
from oneseek.engine.model.trainable import Trained

POOL_ROWS, LEAST_ROWS = 1536, 256
TOGETHER = 512  # tokens at most of a run that reads the base's distributions
READ = 288  # of one that scores texts
SHARED = 64  # tokens that prompts share beyond the template's, from which on they are read once
AT_ONCE = 16
Enough = Callable[[str], bool]


class Variant(StrEnum):
    """The models that are compared: untouched, in use, and just trained."""

    BASE = "base"
    ACTIVE = "active"
    CANDIDATE = "candidate"


BASE, ACTIVE, CANDIDATE = Variant


class Variants(Protocol):
    """The three models that the evaluator asks: `base`, `active` (in use) and `candidate` (just
    trained)."""

    async def replies(
        self,
        who: Variant,
        questions: Sequence[str],
        tokens: int,
        begins: Sequence[str] = (),
        enough: Sequence[Enough | None] = (),
    ) -> list[str]:
        """Return greedy replies; each starts with its `begin` and may end once it is `enough`."""

    async def go_on(
        self, who: Variant, prompts: list[list[int]], tokens: int, forms: Sequence[Form | None] = ()
    ) -> list[list[int]]:
        """Return greedy continuations, each in the grammar of its form, if it has one."""

    async def drift(
        self, who: Variant, rows: list[tuple[list[int], list[int]]]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Per row, at each token of the target: KL from the base, and 1 where top tokens agree."""

    async def loss(self, who: Variant, rows: Iterable[Row]) -> float:
        """Nats a token."""


class ModelVariants:
    """`base`, `active` and `candidate`, each an adapter set with `put`; that of the base changes
    nothing, so that one set of programs serves all three."""

    def __init__(
        self, model: Model, trained: Trained, coder: Coder, room: Room | None = None
    ) -> None:
        self.model, self.trained, self.coder = model, trained, coder
        self.adapter = model.executor.empty(trained.spec, room)
        self.beside = copy(room)  # after the adapter; a program there overwrites the cache
        rows = pool_rows(model, room)
        self.pool = Pool(model.executor, model.config, rows, room, inside=room is not None)
        self.flats: dict[str, np.ndarray] = {}
        self.in_place = ""
        tensors = {trained.name: self.adapter}
        self.generator = Generator(model, trained, tensors, pool=self.pool, name="adapted")
        self._runs: dict = {}
        self.frozen = FrozenLayerCache(self.compute_frozen)
        self._known: dict[bytes, np.ndarray] = {}

    def put(self, who: Variant, flat: np.ndarray) -> None:
        self.flats[who] = flat
        if self.in_place == who:
            self.in_place = ""

    def release(self) -> None:
        """Empty the cache, because others use its memory now."""
        self.in_place = ""
        self.pool.lanes.clear()

    def _activate(self, who: Variant) -> None:
        """Write this model's adapter to the device and drop the cache of the one before it."""
        if self.in_place != who:
            self.adapter.write(self.flats[who])
            self.pool.forget(self.generator.name)
            self.in_place = who

    # ---- text

    async def replies(
        self,
        who: Variant,
        questions: Sequence[str],
        tokens: int,
        begins: Sequence[str] = (),
        enough: Sequence[Enough | None] = (),
    ) -> list[str]:
        """Return greedy replies. A reply is cut as soon as it is `enough`, and the next question
        takes its place in the pool."""
        prompts = [self.coder.prompt(question) for question in questions]
        forced = [self.coder.begin(begin) for begin in begins]
        made = await self._answers(
            who, prompts, tokens, forced, at_once=len(prompts), enough=enough
        )
        return [answer.text for answer in made]

    async def go_on(
        self, who: Variant, prompts: list[list[int]], tokens: int, forms: Sequence[Form | None] = ()
    ) -> list[list[int]]:
        alike = prompts[0][: common_prefix(prompts)] if prompts else []
        many = len(alike) >= len(self.generator.head_ids()) + SHARED
        with self.generator.share(alike) if many else nullcontext():
            made = await self._answers(who, prompts, tokens, forms=forms)
        return [a.ids + [self.coder.end] * (a.ended == "end") for a in made]

    async def _answers(
        self,
        who: Variant,
        prompts: list[list[int]],
        tokens: int,
        begins: Sequence[Sequence[int]] = (),
        on_token: Callable[[int, int, list], None] | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        at_once: int = AT_ONCE,
        enough: Sequence[Enough | None] = (),
        forms: Sequence[Form | None] = (),
    ) -> list[Answer]:
        """Return answers, as many at once as the pool holds; `on_token(which, token, top)` receives
        every token."""
        self._activate(who)
        generator = self.generator
        made: list[Answer] = []
        while len(made) < len(prompts):
            part: list[Answer] = []
            head = len(generator.head_ids())
            room = self.pool.rows - 64 - head
            for i in range(len(made), min(len(prompts), len(made) + at_once)):
                begin = tuple(begins[i]) if begins else ()
                sampling = Sampling(temperature, seed=seed, max_tokens=len(begin) + tokens)
                own = len(prompts[i]) - head * generator.begins_with_head(prompts[i])
                room -= own + sampling.max_tokens
                if part and room < 0:
                    break
                listen = partial(on_token, i) if on_token else None
                form = forms[i] if forms else None
                answer = generator.start(
                    prompts[i], sampling, forced=begin, on_token=listen, form=form
                )
                if enough and (said := enough[i]):
                    answer.on_text = partial(cancel_if_enough, answer, said)
                part.append(answer)
            made += await generator.answer_all(part)
        return made

    async def answers(
        self,
        prompts: list[list[int]],
        begins: list[list[int]],
        tokens: int,
        temperature: float,
        seed: int,
    ) -> list[tuple[list[int], Top]]:
        """The base's continuations of these beginnings, with its likeliest tokens at each place.

        From an empty cache: where a token lies in it changes the last bits, and these answers must
        not depend on what was asked before.
        """
        if tokens <= 1 and not temperature:
            return await self._thoughts(prompts, begins, tokens)
        self.pool.lanes.clear()
        said: list[list[tuple[int, list]]] = [[] for _ in prompts]

        def collect(which: int, token: int, top: list) -> None:
            said[which].append((token, top[:TOP]))

        await self._answers(BASE, prompts, tokens, begins, collect, temperature, seed)
        answers = []
        for one in said:
            ids, logprobs = zip(*(zip(*top, strict=True) for _, top in one), strict=True)
            answers.append(([token for token, _ in one], top_of(ids, logprobs)))
        return answers

    async def _thoughts(
        self, prompts: list[list[int]], begins: list[list[int]], tokens: int
    ) -> list[tuple[list[int], Top]]:
        """Return what `answers` does, for at most one token: nothing follows it, so one pass reads
        all."""
        said = [[*begin, *[0] * tokens] for begin in begins]
        rows = [Row("", prompt, target) for prompt, target in zip(prompts, said, strict=True)]
        tops: list[Top] = []
        for batch in pack_batches(rows, TOGETHER, TOGETHER, fixed=False):
            arrays = {name: batch.arrays[name] for name in (*PLACES, "take")}
            arrays |= no_penalty(batch)
            run = await self._ran("thoughts", (len(arrays["ids"]), len(arrays["take"])), arrays)
            read = [_cut(await run.read(name), batch) for name in ("ids", "logprobs")]
            tops += map(top_of, *read)
        for target, top in zip(said, tops, strict=True):
            target[len(target) - tokens :] = top.ids[-1, :tokens].tolist()
        return list(zip(said, tops, strict=True))

    # ---- probabilities

    async def drift(
        self, who: Variant, rows: list[tuple[list[int], list[int]]]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Per row: KL(base, who) at each token of the target, and where both top tokens agree."""
        batches = list(pack_batches([Row("", prompt, target) for prompt, target in rows]))
        bases = [await self._base_states(batch) for batch in batches]
        self._activate(who)
        pairs = []
        for batch, base in zip(batches, bases, strict=True):
            run = await self._run("compare", batch, base=base)
            kl, same = _cut(await run.read("kl"), batch), _cut(await run.read("same"), batch)
            pairs += list(zip(kl, same, strict=True))
        return pairs

    async def _base_states(self, batch: Batch) -> np.ndarray:
        """The inputs of the base's head; cached, because all lessons ask with the same rows."""
        key = batch.arrays["ids"].tobytes() + batch.arrays["take"].tobytes()
        if key not in self._known:
            self._activate(BASE)
            self._known[key] = await (await self._run("states", batch)).read("states")
        return self._known[key]

    async def text_loss(self, who: Variant, ids: list[int]) -> float:
        """Return the nats of all tokens but the first."""
        return await self.loss(who, [text_row(ids)]) * (len(ids) - 1)

    async def loss(self, who: Variant, rows: Iterable[Row]) -> float:
        """Return nats a token over all rows, each weighted by its tokens."""
        rows = list(rows)
        return mean_nats(rows, await self.surprise(who, rows))

    async def surprise(
        self, who: Variant, rows: Sequence[Row], frozen: FrozenRows | None = None
    ) -> list[float]:
        """Return nats a token of each row. With `frozen`, the variant is the base below its layer,
        and the states there are known."""
        self._activate(who)
        each: list[float] = []
        for batch in pack_batches(list(rows), READ, READ, fixed=False):
            run = await self._run("score", batch, frozen=frozen)
            each += nats_of(await run.read("losses"), batch)
        return each

    async def foreseen(
        self, who: Variant, rows: Sequence[Row], frozen: FrozenRows | None = None
    ) -> tuple[list[float], list[np.ndarray]]:
        """Return the nats a token of each row, and at which tokens of its target the model's
        likeliest token is the target's (teacher forcing): where it is at all of them, greedy
        decoding gives the target. `frozen` is that of `surprise`."""
        self._activate(who)
        each: list[float] = []
        found: list[np.ndarray] = []
        for batch in pack_batches(list(rows), READ, READ, fixed=False):
            more = no_penalty(batch)
            run = await self._run("score", batch, chosen=True, frozen=frozen, **more)
            each += nats_of(await run.read("losses"), batch)
            likeliest = (await run.read("ids"))[:, 0]
            found += _cut(likeliest == batch.arrays["target_ids"][:, 0], batch)
        return each, found

    async def _run(
        self,
        program: str,
        batch: Batch,
        chosen: bool = False,
        frozen: FrozenRows | None = None,
        **more: np.ndarray,
    ) -> Any:
        shape = len(batch.arrays["ids"]), len(batch.arrays["take"])
        first = frozen.layer if frozen else self.trained.first_layer
        asked = {"trained": self.trained, "first": first}
        if first:
            more["below"] = await (frozen or self.frozen).of(batch)
        names = [*PLACES, "take"]
        if program == "score":
            names += ["target_ids", "target_probs", "target_rest", "weight"]
        arrays = {name: batch.arrays[name] for name in names} | more
        return await self._ran(
            program, shape, arrays, **asked, **{"chosen": True} if chosen else {}
        )

    async def compute_frozen(self, batch: Batch, layer: int = 0) -> np.ndarray:
        """Return the output of the layers below a layer for each token; by default, below the first
        trained one."""
        shape = len(batch.arrays["ids"]), layer or self.trained.first_layer
        run = await self._ran("frozen_layers", shape, {name: batch.arrays[name] for name in PLACES})
        return await run.read("states")

    async def _ran(self, program: str, shape: tuple, arrays: dict, **more: Any) -> Any:
        key = program, shape, *more
        if key not in self._runs:
            planned = self.model.program(program, *shape, **more)
            tensors = {self.trained.name: self.adapter}
            self._runs[key] = self.model.prepare(planned, tensors, self.beside)
        if self.beside:
            self.pool.lanes.clear()
        run = self._runs[key]
        for name, array in arrays.items():
            run.write(name, array)
        await run.advance()
        await self.model.executor.breathe()
        return run


def no_penalty(batch: Batch) -> dict[str, np.ndarray]:
    """Return inputs with which the repetition penalty changes nothing."""
    count = len(batch.arrays["take"])
    recent = np.full((count, RECENT), -1, np.int32)
    return {"recent": recent, "penalty": np.ones(count, np.float32)}


def cancel_if_enough(answer: Answer, enough: Enough, text: str) -> None:
    """Cancel an answer whose text is `enough`."""
    if enough(answer.text):
        answer.cancel()


def pool_rows(model: Model, room: Room | None) -> int:
    """Return the rows of the cache: those the room holds beside what its generators need."""
    row = model.config.token_bytes
    free = room.block.size - ANSWER_BYTES if room else POOL_ROWS * row
    return max(LEAST_ROWS, min(POOL_ROWS, free // row))


def top_of(ids: ArrayLike, logprobs: ArrayLike) -> Top:
    """Return the likeliest tokens of each position, with the log of what remains."""
    ids = np.array(ids, np.int32)[:, :TOP]
    logprobs = np.array(logprobs, np.float32)[:, :TOP]
    rest = np.log(np.maximum(1 - np.exp(logprobs).sum(-1), 1e-6))
    return Top(ids, logprobs.astype(np.float16), rest.astype(np.float16))


def nats_of(losses: np.ndarray, batch: Batch) -> list[float]:
    """Return nats a token of each row of the batch."""
    pairs = zip(_cut(losses, batch), batch.parts, strict=True)
    return [float(some.sum()) / weight for some, (_, _, _, weight) in pairs]


def mean_nats(rows: Sequence[Row], each: Sequence[float]) -> float:
    """Nats a token of all rows, each of which counts as much as it has tokens."""
    counts = [len(row.target) for row in rows]
    return sum(n * count for n, count in zip(each, counts, strict=True)) / sum(counts)


def _cut(values: np.ndarray, batch: Batch) -> list[np.ndarray]:
    """Split values by the rows of the batch."""
    return [values[first : first + count] for _, first, count, _ in batch.parts]
