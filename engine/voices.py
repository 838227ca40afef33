"""The base, the version in use and the shadow, asked side by side: answers, thoughts and drift.

Many short questions go through at once: prompts packed after their shared beginning where only
probabilities are wanted, and decoded together where text is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from engine.cache import Pool
from engine.data import TOP, Batch, Coder, Row, Top, extent, pack
from engine.generate import Answer, Generator, Sampling
from engine.programs import RECENT
from engine.trained import Trained
from engine.weights import Model

POOL_ROWS = 1536
TOKENS, TARGETS = 512, 128  # of one packed run
AT_ONCE = 16


class Voices:
    """Who is asked: `base`, `active` or `shadow`; the last two are adapters set with `put`."""

    def __init__(self, model: Model, trained: Trained, coder: Coder):
        self.model, self.trained, self.coder = model, trained, coder
        self.pool = Pool(model.executor, model.config, POOL_ROWS)
        self.adapter = model.executor.empty(trained.spec)
        self.flats: dict[str, np.ndarray] = {}
        self.speaking = ""
        self.turns = 0
        tensors = {trained.name: self.adapter}
        self.generators = {
            False: Generator(model, pool=self.pool),
            True: Generator(model, trained, tensors, pool=self.pool),
        }
        self._runs: dict = {}

    def put(self, who: str, flat: np.ndarray) -> None:
        self.flats[who] = flat
        if self.speaking == who:
            self.speaking = ""

    def _take_the_floor(self, who: str) -> None:
        """Put this adapter in place; what the cache holds of another's is never used for it."""
        if who != "base" and self.speaking != who:
            self.adapter.write(self.flats[who])
            self.speaking = who
            self.turns += 1

    # ---- text

    async def replies(self, who: str, questions: Sequence[str], tokens: int) -> list[str]:
        made = await self._continue(who, [self.coder.prompt(q) for q in questions], tokens)
        return [answer.text for answer in made]

    async def go_on(
        self,
        who: str,
        prompts: list[list[int]],
        tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> list[list[int]]:
        made = await self._continue(who, prompts, tokens, temperature, seed)
        return [a.ids + [self.coder.end] * (a.ended == "end") for a in made]

    async def _continue(self, who, prompts, tokens, temperature=0.0, seed=0) -> list[Answer]:
        self._take_the_floor(who)
        generator = self.generators[who != "base"]
        sampling = Sampling(temperature=temperature, seed=seed, max_tokens=tokens)
        made: list[Answer] = []
        while len(made) < len(prompts):
            part: list[Answer] = []
            room = POOL_ROWS - 1
            for prompt in prompts[len(made) : len(made) + AT_ONCE]:
                room -= len(prompt) + tokens
                if part and room < 0:
                    break
                part.append(generator.start(prompt, sampling, f"{who}.{self.turns}.{len(part)}"))
            made += await generator.answer_all(part)
        return made

    # ---- probabilities

    async def thoughts(self, rows: list[tuple[list[int], list[int]]]) -> list[Top]:
        """The base's likeliest tokens at each position of the targets."""
        tops = []
        for batch in packed(rows):
            run = await self._run("think", batch, None)
            ids, logprobs = await run.read("ids"), await run.read("logprobs")
            ids, logprobs = ids[:, :TOP].astype(np.int32), logprobs[:, :TOP]
            rest = np.log(np.maximum(1 - np.exp(logprobs).sum(-1), 1e-6))
            half = (x.astype(np.float16) for x in (logprobs, rest))
            tops += [
                Top(*parts) for parts in zip(*(_cut(x, batch) for x in (ids, *half)), strict=True)
            ]
        return tops

    async def drift(
        self, who: str, rows: list[tuple[list[int], list[int]]]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Per row: KL(base, who) at each token of the target, and where both top tokens agree."""
        self._take_the_floor(who)
        pairs = []
        for batch in packed(rows):
            run = await self._run("compare", batch, self.trained)
            kl, same = _cut(await run.read("kl"), batch), _cut(await run.read("same"), batch)
            pairs += list(zip(kl, same, strict=True))
        return pairs

    async def text_loss(self, who: str, ids: list[int]) -> float:
        """Nats of all tokens but the first."""
        self._take_the_floor(who)
        batch = pack([Row("text", ids[:1], ids[1:])])
        run = await self._run("score", batch, None if who == "base" else self.trained)
        return float((await run.read("losses")).sum()) * (len(ids) - 1)

    async def _run(self, program: str, batch: Batch, trained: Trained | None):
        shape = len(batch.arrays["ids"]), len(batch.arrays["take"])
        key = (program, shape, trained is not None)
        if key not in self._runs:
            planned = self.model.program(program, *shape, trained=trained)
            tensors = {self.trained.name: self.adapter} if trained else {}
            self._runs[key] = self.model.prepare(planned, tensors)
        run = self._runs[key]
        names = ["ids", "positions", "spans", "take"]
        if program == "score":
            names += ["target_ids", "target_probs", "target_rest", "weight"]
        for name in names:
            run.write(name, batch.arrays[name])
        if program == "think":
            run.write("recent", np.full((shape[1], RECENT), -1, np.int32))
            run.write("penalty", np.ones(shape[1], np.float32))
        await run.advance()
        await self.model.executor.breathe()
        return run


class BaseVoice:
    """The base alone, as `Kept` asks it."""

    def __init__(self, voices: Voices):
        self.voices = voices
        self.thoughts = voices.thoughts

    async def go_on(self, prompts, tokens, temperature, seed):
        return await self.voices.go_on("base", prompts, tokens, temperature, seed)


def packed(rows: Sequence[tuple[list[int], list[int]]]) -> Iterator[Batch]:
    """The rows in as few runs of one shape as they need."""
    group: list[Row] = []
    for prompt, target in rows:
        more = [*group, Row("", prompt, target)]
        tokens, targets = extent(more)
        if group and (tokens > TOKENS or targets > TARGETS):
            yield pack(group, shape=(TOKENS, TARGETS))
            more = more[-1:]
        group = more
    if group:
        yield pack(group, shape=(TOKENS, TARGETS))


def _cut(values: np.ndarray, batch: Batch) -> list[np.ndarray]:
    """What belongs to each row of the batch."""
    return [values[first : first + count] for _, first, count, _ in batch.parts]
