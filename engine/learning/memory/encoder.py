"""The sentence encoder: embeds a text as a whole, and each of its tokens in context.

A BERT of twelve narrow layers (multilingual-e5-small), by which the memory recognises questions. It
reads English and Swedish alike. It does not generate text, and the app never trains it.

Its file has three sets of norms, biases and low-rank adapters over the same matrices: without a
prefix those of the encoder for facts (`of`); `said.` the reader's, for the lower six layers;
`published.` the finder's, as published but for the upper four layers, whose eighth layer feeds the
aligner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oneseek.engine.backends.executor import Executor, Run, Tensor
from oneseek.engine.compiler.ir import OPS, Program, Value
from oneseek.engine.compiler.schedule import Plan, fuse, plan
from oneseek.engine.learning.memory import aligning
from oneseek.engine.learning.memory.aligning import Terms, trace_comparing, trace_terms
from oneseek.engine.learning.memory.unigram import Unigram
from oneseek.engine.model import registry
from oneseek.engine.model.formats import FormatError, Packed, Source
from oneseek.engine.model.formats.download import DownloadError
from oneseek.engine.model.formats.gguf import read_header
from oneseek.engine.model.formats.packed import read_packed, read_plain
from oneseek.engine.model.formats.source import FileSource
from oneseek.engine.turns import RANKS, URGENT, urgent

SIZES = (12, 16, 20, 24, 28, 32, 48, 64, 96, 128, 160, 192, 512)  # tokens of a run
TOGETHER = 192  # tokens of several texts in a run, at most: in larger ones each costs a third more
ASKED = (12, 16, 20, 24)  # sizes of the runs of most questions
A_MOMENT = 0.01  # seconds
SAID = "said."  # prefix of the weights that are tuned to read statements
PUBLISHED = "published."  # prefix of the finder's weights: as published but for the upper layers
ALIGNING = aligning.NAME  # the program that aligns two texts
VIEWING = "view"  # the program of the published layers up to the last of VIEWED
VIEWED = (6, aligning.LOWER)  # published layers that tell kinds of texts apart
FIND = "find."  # prefix of the maps that bring a question near the statements that answer it
HEADS = (
    *(f"{SAID}{name}." for name in ("kind", "pair", "change", "replaces")),
    FIND,
    *aligning.HEADS,
)
BEFORE = "query: "  # the prefix that it was trained with, of a question
BEFORE_SAID = "passage: "  # and of a text that may answer one
WORDS = tuple(f"tokenizer.ggml.{name}" for name in ("tokens", "scores"))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


@dataclass(frozen=True)
class Meaning:
    """The encoding of one text: its embedding, its tokens' states, and how rare each token is."""

    whole: np.ndarray  # [width], a unit vector
    states: np.ndarray  # [tokens, width]
    rare: np.ndarray  # [tokens], nats


def groups(every: list[list[int]]) -> Iterator[list[list[int]]]:
    """Batches of at most TOGETHER tokens; a longer text is one alone."""
    group: list[list[int]] = []
    for ids in every:
        if group and sum(map(len, group)) + len(ids) > TOGETHER:
            yield group
            group = []
        group.append(ids)
    if group:
        yield group


@dataclass(frozen=True)
class Sizes:
    width: int
    layers: int
    heads: int
    positions: int
    eps: float

    @classmethod
    def of(cls, metadata: dict) -> Sizes:
        names = ("embedding_length", "block_count", "attention.head_count", "context_length",
                 "attention.layer_norm_epsilon")  # fmt: skip
        return cls(*(metadata[f"bert.{name}"] for name in names))


class Bert:
    """Traces the encoder into a program. A weight with the prefix `tuned` replaces the one
    without."""

    def __init__(
        self, program: Program, sizes: Sizes, weights: dict[str, tuple], tuned: str = ""
    ) -> None:
        self.program, self.sizes, self.weights, self.tuned = program, sizes, weights, tuned

    def plain(self, name: str) -> Value:
        name = self.tuned + name if self.tuned + name in self.weights else name
        return self.program.input(name, self.weights[name])

    def declare_packed(self, name: str) -> tuple[Value, Value]:
        rows, cols = self.weights[name]
        codes = self.program.input(f"{name}.codes", (rows, cols // 8), "u32")
        return codes, self.program.input(f"{name}.scales", (rows, cols // 32, 2))

    def linear(self, x: Value, name: str) -> Value:
        added: tuple[Value, ...] = ()
        if f"{self.tuned}{name}.a" in self.weights:
            a, b = (self.plain(f"{name}.{part}") for part in "ab")
            added = OPS["matmul"](x, a, tb=True), b
        y = OPS["packed_linear"](x, *self.declare_packed(name + ".weight"), *added, bits=4)
        return OPS["add_bias"](y, self.plain(name + ".bias"))

    def norm(self, x: Value, name: str) -> Value:
        gain, bias = self.plain(name + ".weight"), self.plain(name + ".bias")
        return OPS["layernorm"](x, gain, bias, eps=self.sizes.eps)

    def embed(self, ids: Value, positions: Value) -> Value:
        x = OPS["packed_rows"](*self.declare_packed("token_embd.weight"), ids, bits=4)
        x = x + OPS["rows"](self.plain("position_embd.weight"), positions)
        kind = self.plain("token_types.weight").view(0, (self.sizes.width,))  # segment 0
        return self.norm(OPS["add_bias"](x, kind), "token_embd_norm")

    def read(self, tokens: int, layers: int) -> Iterator[tuple[int, Value]]:
        """Yield the number of each layer, from 1, and its output for `tokens` tokens of several
        texts, each of which attends to all of its own text."""
        program = self.program
        ids, positions = (program.input(name, (tokens,), "i32") for name in ("ids", "positions"))
        spans = program.input("spans", (tokens, 4), "i32")
        x = self.embed(ids, positions)
        for i in range(layers):
            x = self.block(x, f"blk.{i}.", spans)
            yield i + 1, x

    def block(self, x: Value, layer: str, spans: Value) -> Value:
        heads = self.sizes.heads
        q, k, v = (self.linear(x, f"{layer}attn_{one}") for one in "qkv")
        y, _ = OPS["attention"](q, k, v, spans, heads=heads, kv_heads=heads)
        x = self.norm(x + self.linear(y, layer + "attn_output"), layer + "attn_output_norm")
        y = self.linear(OPS["gelu"](self.linear(x, layer + "ffn_up")), layer + "ffn_down")
        return self.norm(x + y, layer + "layer_output_norm")


def plan_encoding(sizes: Sizes, weights: dict[str, tuple], tokens: int, tuned: str = "") -> Plan:
    """Plan the encoding of `tokens` tokens. The output `states` has their states; with the
    published weights, `keys` and `values` too, and `middle`, from which these come."""
    program = Program(f"encode {tokens} {tuned}")
    bert = Bert(program, sizes, weights, tuned)
    for layer, x in bert.read(tokens, layers_of(sizes, weights, tuned)):
        if tuned == PUBLISHED and layer == aligning.LOWER:
            program.output("middle", x)
            trace_terms(program, x, bert.plain)
    program.output("states", x)
    return plan(fuse(program))


def plan_viewing(sizes: Sizes, weights: dict[str, tuple], tokens: int) -> Plan:
    """Plan the outputs `layer6` and `layer8`: those of the published layers VIEWED."""
    program = Program(f"view {tokens}")
    for layer, x in Bert(program, sizes, weights, PUBLISHED).read(tokens, max(VIEWED)):
        if layer in VIEWED:
            program.output(f"layer{layer}", x)
    return plan(fuse(program))


def plan_comparison(weights: dict[str, tuple], tokens: int) -> Plan:
    program = Program(f"compare {tokens}")
    trace_comparing(program, tokens, lambda name: program.input(name, weights[name]))
    return plan(fuse(program))


def layers_of(sizes: Sizes, weights: dict[str, tuple], tuned: str) -> int:
    """The number of layers that are run: those with weights under the prefix `tuned`."""
    every = range(sizes.layers)
    return sum(f"{tuned}blk.{i}.attn_output_norm.weight" in weights for i in every)


OpensFile = Callable[[], Awaitable[Source]]
# Raised if the encoder is missing: it was never built or fetched, the network fails, or the file is
# damaged.
NOT_HERE = (registry.ModelMissing, DownloadError, FormatError)


async def encoder_here() -> Source:
    """Open the file that the build made on this machine, or that came with the page."""
    path = registry.encoder_file()
    if path is None:
        raise registry.ModelMissing(registry.ENCODER_MISSING)
    return FileSource(str(path))


class Encoder:
    """The encoder's weights on an executor and its vocabulary, loaded with the first text."""

    def __init__(self, found: OpensFile, executor: Executor) -> None:
        self.found, self.executor = found, executor
        self.weights: dict[str, tuple] = {}
        self.tensors: dict[str, Tensor] = {}
        self.heads: dict[str, np.ndarray] = {}  # small linear heads, applied on the processor
        self._runs: dict[tuple[int, str, str], Run] = {}
        self._plans: dict[tuple[int, str], Plan] = {}
        self._loading: asyncio.Task[None] | None = None
        # Each rank has a lock and runs of its own, so that an urgent text never waits for another.
        self._reading = {rank: asyncio.Lock() for rank in RANKS}

    async def load(self) -> None:
        """Load the encoder onto the executor, once for all callers. Loading does not wait for a
        training grant, which would be a deadlock: the grant waits for questions, and a question for
        the encoder."""
        if self._loading is None:
            with urgent():
                self._loading = asyncio.ensure_future(self._load_file())
        loading = self._loading
        while not loading.done():
            await asyncio.wait({loading}, timeout=A_MOMENT)
            await self.executor.breathe()
        if loading.exception():
            self._loading = None  # the next call tries again
        loading.result()

    async def _load_file(self) -> None:
        source = await self.found()
        try:
            await self._load(source)
        finally:
            source.close()

    async def _load(self, source: Source) -> None:
        metadata, directory = read_header(source)
        if metadata.get("general.architecture") != "bert":
            raise FormatError(source.name, "this is no sentence encoder")
        self.sizes = Sizes.of(metadata)
        begin, self.end, padding, unknown = (
            metadata[f"tokenizer.ggml.{name}_token_id"]
            for name in ("bos", "eos", "padding", "unknown")
        )
        control = {begin, self.end, padding}
        await self.executor.breathe()
        pieces, scores = (metadata[name] for name in WORDS)
        self.words = Unigram(pieces, scores, unknown, control)
        self.before = [begin, *self.words.encode(BEFORE)]
        await self.executor.breathe()
        weights = {}
        for name, entry in directory.items():
            read = read_packed if entry.kind.bits else read_plain
            weight = read(entry.source, entry.offset, entry.kind, entry.shape)
            if name.startswith(HEADS):
                self.heads[name] = np.asarray(weight, np.float32)
                continue
            weights[name] = entry.shape
            if isinstance(weight, Packed):
                self.tensors[f"{name}.codes"] = self.executor.upload(weight.codes)
                self.tensors[f"{name}.scales"] = self.executor.upload(weight.scales)
            else:
                self.tensors[name] = self.executor.upload(np.ascontiguousarray(weight, np.float32))
            await self.executor.breathe()
        self.weights = weights

    async def warm(self) -> None:
        """Load the encoder and prepare the runs of most questions, before anybody asks."""
        await self.load()
        for tokens in ASKED:
            self.prepare(tokens, URGENT)
            await self.executor.breathe()

    def prepare(self, tokens: int, rank: str, tuned: str = "") -> Run:
        key = tokens, rank, tuned
        if key not in self._runs:
            planned = self._plan(tokens, tuned)
            self._runs[key] = self.executor.prepare(planned, self.tensors)
        return self._runs[key]

    def _plan(self, tokens: int, tuned: str) -> Plan:
        """The plan of a size, cached so that its kernels are linked once."""
        key = tokens, tuned
        if key not in self._plans:
            if tuned == ALIGNING:
                self._plans[key] = plan_comparison(self.weights, tokens)
            elif tuned == VIEWING:
                self._plans[key] = plan_viewing(self.sizes, self.weights, tokens)
            else:
                self._plans[key] = plan_encoding(self.sizes, self.weights, tokens, tuned)
        return self._plans[key]

    def ids(self, text: str) -> list[int]:
        """The token ids of a text behind the prefix of questions; a long text is cut off."""
        most = min(self.sizes.positions, SIZES[-1]) - len(self.before) - 1
        return [*self.before, *self.words.encode(text)[:most], self.end]

    async def of(self, texts: Sequence[str]) -> list[Meaning]:
        """The meanings of texts, in their order; as many texts as fit share a run."""
        await self.load()
        every = [self.ids(text) for text in texts]
        read = [states for group in groups(every) for states in await self.states(group)]
        return [self._build_meaning(ids, states) for ids, states in zip(every, read, strict=True)]

    async def tokens(
        self, texts: Sequence[str], tuned: str = ""
    ) -> list[tuple[list[str], np.ndarray]]:
        """The pieces of each text, and their states."""
        await self.load()
        every, inner = [self.ids(text) for text in texts], slice(len(self.before), -1)
        read = [states for group in groups(every) for states in await self.states(group, tuned)]
        pieces = self.words.pieces
        return [
            ([pieces[id] for id in ids[inner]], states[inner])
            for ids, states in zip(every, read, strict=True)
        ]

    async def states(self, group: list[list[int]], tuned: str = "") -> list[np.ndarray]:
        """The states of each text of a batch, encoded in one run."""
        (states,) = await self._read(group, tuned, "states")
        return states

    async def read_published(
        self, group: list[list[int]]
    ) -> list[tuple[np.ndarray, Terms, np.ndarray]]:
        """For each text of a batch, by the published weights: its states, by which statements are
        found; its terms; and the states of the layer that these come from."""
        names = "states", "keys", "values", "middle"
        states, keys, values, middle = await self._read(group, PUBLISHED, *names)
        terms = (Terms(unit(k), v) for k, v in zip(keys, values, strict=True))
        return list(zip(states, terms, middle, strict=True))

    async def read_viewed(self, group: list[list[int]]) -> list[list[np.ndarray]]:
        """The outputs of the published layers VIEWED, each for every text of a batch."""
        return await self._read(group, VIEWING, *(f"layer{layer}" for layer in VIEWED))

    async def align(self, asked: Terms, said: Sequence[Terms]) -> list[float]:
        """The evidence in nats that each of some texts answers a question, from their terms."""

        async def compute(count: int, given: Mapping[str, np.ndarray]) -> np.ndarray:
            (compared,) = await self._run(count, ALIGNING, given, "compared")
            return compared[:count]

        return await aligning.align(asked, said, self.heads, compute)

    async def _read(
        self, group: list[list[int]], tuned: str, *names: str
    ) -> list[list[np.ndarray]]:
        ends = np.cumsum([len(ids) for ids in group])
        ids, positions = np.zeros((2, ends[-1]), np.int32)
        spans = np.zeros((ends[-1], 4), np.int32)
        for row, end in zip(group, ends, strict=True):
            own = slice(end - len(row), end)
            ids[own], positions[own] = row, np.arange(len(row))
            spans[own] = 0, 0, end - len(row), end
        given = {"ids": ids, "positions": positions, "spans": spans}
        read = await self._run(int(ends[-1]), tuned, given, *names)
        return [[one.copy() for one in np.split(x[: ends[-1]], ends[:-1])] for x in read]

    async def _run(
        self, count: int, tuned: str, given: Mapping[str, np.ndarray], *names: str
    ) -> list[np.ndarray]:
        """The outputs of a program for `count` tokens, padded to the size of the run with zeros."""
        rank = self.executor.turns.rank
        async with self._reading[rank]:
            tokens = next(size for size in SIZES if size >= count)
            run = self.prepare(tokens, rank, tuned)
            for name, data in given.items():
                rest = np.zeros((tokens - count, *data.shape[1:]), data.dtype)
                run.write(name, np.concatenate([data, rest]))
            await run.advance()
            await self.executor.breathe()
            return [(await run.read(name)).reshape(tokens, -1) for name in names]

    def _build_meaning(self, ids: list[int], states: np.ndarray) -> Meaning:
        inner = slice(len(self.before), -1)
        rare = -np.array([self.words.scores[id] for id in ids[inner]], np.float32)
        return Meaning(unit(states.mean(0)), states[inner], rare)
