"""Packs questions and answers into one batch; all prompts follow one shared prefix.

The rows of a step share the system prompt and the template's head, so these tokens are computed
once; each row attends to them and to itself. The loss is the mean cross-entropy of the rows to
learn plus `kl_weight` times the mean KL of the rows with a `top`; a row is the mean over its
tokens. This KL has the base's likeliest tokens and the rest as one class
(engine/compiler/ops/loss.py); the evaluator's has the whole vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from oneseek.engine.model.template import ChatTemplate
from oneseek.engine.model.tokenizer import Tokenizer
from oneseek.engine.turns import pause

TOP = 32  # tokens of the base model's answer kept per position
TOKEN_SIZES = (*range(64, 512, 16), *range(512, 1024, 64), 1024, 1536, 2048)
ROW_SIZES = (*range(32, 256, 32), 256, 384, 512, 1024)
LONGEST_TARGET = 256
TOKENS, TARGETS = 256, 128  # of one packed run that only reads: five prompts with their answers
WHOLE = 64  # the shape of one that holds what it needs is a multiple of this
UNLIKELY = -14  # log-probability of a token that `Top.include` adds


class TooLong(ValueError):
    """An example that does not fit a step."""


@dataclass(frozen=True)
class Top:
    """A model's distribution at some positions: its likeliest tokens, and the log of what
    remains."""

    ids: np.ndarray  # [n, TOP]
    logprobs: np.ndarray  # [n, TOP] float16
    rest: np.ndarray  # [n] float16, log of the remaining probability

    def include(self, tokens: Sequence[int]) -> Top:
        """Return a copy that lists these tokens everywhere, each in place of the least likely one.

        Tokens that are not listed are penalised only by their total probability. Where the model is
        unsure of a name, that total is large: a taught value could take all of it and become the
        likeliest token without any loss.
        """
        wanted = np.array(list(dict.fromkeys(tokens)), np.int32)
        ids, logprobs = self.ids.copy(), self.logprobs.copy()
        missing = ~(ids[:, :, None] == wanted).any(1)
        at, which = np.nonzero(missing)
        least = np.argsort(np.where(np.isin(ids, wanted), np.inf, logprobs), 1, kind="stable")
        places = least[at, (missing.cumsum(1) - 1)[at, which]]
        given_up = np.exp(logprobs[at, places].astype(np.float64))
        ids[at, places], logprobs[at, places] = wanted[which], UNLIKELY
        rest = np.exp(self.rest.astype(np.float64)) + np.bincount(at, given_up, len(ids))
        rest = np.log(rest).astype(self.rest.dtype)
        return Top(ids, logprobs, rest)


@dataclass(frozen=True)
class Row:
    """A prompt, its target, and the base's distributions where these are the target."""

    part: str  # in training: taught, replay, anchors, neighbours, texts; of a taste: preferred ...
    prompt: Sequence[int]
    target: Sequence[int]
    top: Top | None = None
    plain: bool = False  # plain text: it follows no shared prefix


def text_row(ids: list[int]) -> Row:
    """Return the row of a plain text: every token after the first is a target."""
    return Row("text", ids[:1], ids[1:], plain=True)


@dataclass(frozen=True)
class Batch:
    """The arrays of one step, and which of its loss rows belong to which part."""

    arrays: dict[str, np.ndarray]
    parts: tuple[tuple[str, int, int, float], ...]  # part, first row, rows, weight of the row
    examples: int
    rows: tuple[Row, ...] = ()
    shared: int = 0  # tokens of the shared prefix

    def measure(self, losses: np.ndarray) -> dict[str, float]:
        """Return the mean loss of each part in nats a token (cross-entropy or KL); 0 for a row
        without weight."""
        sums: dict[str, list[float]] = {}
        for part, first, count, weight in self.parts:
            cost = float(losses[first : first + count].sum()) / weight if weight else 0.0
            sums.setdefault(part, []).append(cost)
        return {part: sum(values) / len(values) for part, values in sums.items()}

    def loss(self, losses: np.ndarray) -> float:
        """Return the step's loss, the sum of the losses of its rows."""
        return float(losses.sum())

    def hardest(self, losses: np.ndarray, wanted: str) -> list[float]:
        """The largest token loss of each row of a part, in nats. Below log 2 every token is more
        likely than all others together, so that greedy decoding gives the whole row."""
        return [
            float(losses[first : first + count].max()) * count / weight
            for part, first, count, weight in self.parts
            if part == wanted
        ]


class Coder:
    """Encodes texts into token ids exactly as the chat does."""

    def __init__(self, tokenizer: Tokenizer, template: ChatTemplate, system: str = "") -> None:
        self.tokenizer, self.template = tokenizer, template
        self.system = [{"role": "system", "content": system}] if system else []
        self._known: dict[str, list[int]] = {}
        self.end = self._end_of_turn()

    def prompt(self, question: str) -> list[int]:
        """Ids of a conversation that waits for the answer to this question."""
        if question not in self._known:
            pause()
            messages = [*self.system, {"role": "user", "content": question}]
            text = self.template.render(messages, add_generation_prompt=True)
            self._known[question] = self.tokenizer.encode(text, special=True)
        return self._known[question]

    def conversation(self, messages: Sequence[dict]) -> list[int]:
        """Ids of a whole conversation that waits for an answer."""
        system = [] if messages and messages[0]["role"] == "system" else self.system
        text = self.template.render([*system, *messages], add_generation_prompt=True)
        return self.tokenizer.encode(text, special=True)

    def answer(self, text: str) -> list[int]:
        """Ids of a whole answer, the end of the turn included."""
        ids = [*self.tokenizer.encode(text), self.end]
        if len(ids) > LONGEST_TARGET:
            raise TooLong(
                f"an answer of {len(ids)} tokens is too long to be taught at once (at most "
                f"{LONGEST_TARGET}); nothing was changed. Import it as a document instead"
            )
        return ids

    def begin(self, text: str) -> list[int]:
        """Ids of the beginning of an answer."""
        return self.tokenizer.encode(text) if text else []

    def encode_continuation(self, begin: str, more: str) -> list[int]:
        """Ids of `more` where it follows `begin` in an answer."""
        before, whole = self.begin(begin), self.tokenizer.encode(begin + more)
        return whole[common_prefix([[*before, -1], [*whole, -2]]) :]

    def _end_of_turn(self) -> int:
        turn = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
        whole = self.template.render([*self.system, *turn], add_generation_prompt=False)
        ends = [i for i in self.tokenizer.encode(whole, special=True) if self.ends(i)]
        return ends[-1] if ends else min(self.tokenizer.eos_ids)

    def ends(self, token: int) -> bool:
        return token in self.tokenizer.eos_ids


def common_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """Return the length of the common prefix; each prompt keeps at least one token of its own."""
    length = min(len(prompt) for prompt in prompts) - 1
    first = prompts[0]
    for prompt in prompts[1:]:
        length = next((i for i in range(length) if prompt[i] != first[i]), length)
    return max(length, 0)


def fit_size(need: int, sizes: Sequence[int], what: str) -> int:
    """The smallest compiled size that holds `need`."""
    for size in sizes:
        if size >= need:
            return size
    raise TooLong(
        f"{need} {what} do not fit one step, which holds {sizes[-1]}; nothing was changed"
    )


def find_shared_prefix(rows: Sequence[Row]) -> list[int]:
    """Return the common prefix of all rows that are not plain text."""
    prompts = [row.prompt for row in rows if not row.plain]
    return list(prompts[0][: common_prefix(prompts)]) if prompts else []


def own_tokens(row: Row, shared: int) -> int:
    """Return how many tokens a row adds after the shared prefix; its last target is no input."""
    return len(row.prompt) - shared * (not row.plain) + len(row.target) - 1


def extent(rows: Sequence[Row], of: Sequence[Row] = ()) -> tuple[int, int]:
    """Return (tokens, loss rows) that these rows need; `of` holds all rows of the step."""
    shared = len(find_shared_prefix(of or rows))
    own = sum(own_tokens(row, shared) for row in rows)
    return shared + own, sum(len(row.target) for row in rows)


def fit_shape(tokens: int, targets: int) -> tuple[int, int]:
    """Return the smallest compiled shape with room for these counts. There are few shapes, because
    each has a program of its own."""
    return fit_size(tokens, TOKEN_SIZES, "tokens"), fit_size(targets, ROW_SIZES, "answer tokens")


def pack(
    rows: Sequence[Row],
    kl_weight: float = 3.0,
    shape: tuple[int, int] | None = None,
    of: Sequence[Row] = (),
) -> Batch:
    """Pack all rows into one stream of tokens, padded to `shape`: by default the smallest that
    fits. Where `rows` are a part of a larger step, `of` holds all rows of that step: the shared
    beginning and the weights are those of the whole step."""
    whole = of or rows
    need = extent(rows, whole)
    tokens, targets = shape or need
    size, count = fit_shape(max(tokens, need[0]), max(targets, need[1]))
    head = find_shared_prefix(whole)
    arrays = _empty(size, count)
    arrays["ids"][: len(head)] = head
    arrays["positions"][: len(head)] = np.arange(len(head))
    arrays["spans"][: len(head), 2] = 0
    soft = sum(row.top is not None for row in whole)
    parts, at, first = [], len(head), 0
    for row in rows:
        shared = 0 if row.plain else len(head)
        own = [*row.prompt[shared:], *row.target[:-1]]
        here = slice(at, at + len(own))
        arrays["ids"][here] = own
        arrays["positions"][here] = shared + np.arange(len(own))
        arrays["spans"][here] = (0, shared, at, 0)
        arrays["spans"][here, 3] = at + 1 + np.arange(len(own))
        there = slice(first, first + len(row.target))
        arrays["take"][there] = at + len(row.prompt) - shared - 1 + np.arange(len(row.target))
        weight = kl_weight / soft if row.top is not None else 1 / (len(whole) - soft)
        arrays["weight"][there] = weight / len(row.target)
        _targets(arrays, there, row)
        parts.append((row.part, first, len(row.target), weight))
        at, first = here.stop, there.stop
    return Batch(arrays, tuple(parts), len(rows), tuple(rows), len(head))


def pack_batches(
    rows: Sequence[Row], most: int = TOKENS, targets: int = TARGETS, fixed: bool = True
) -> Iterator[Batch]:
    """Yield the rows in few batches of one shape: of the most tokens and targets if `fixed`, else
    of what they need."""
    groups: list[list[Row]] = []
    for row in rows:
        more = [*groups[-1], row] if groups else [row]
        if groups and all(
            need <= room for need, room in zip(extent(more), (most, targets), strict=True)
        ):
            groups[-1] = more
        else:
            groups.append([row])
    shape = most, targets
    if not fixed:
        needs = zip(*map(extent, groups), strict=True)
        shape = tuple(-(-max(need) // WHOLE) * WHOLE for need in needs)
    for group in groups:
        yield pack(group, shape=shape)


def _empty(size: int, count: int) -> dict[str, np.ndarray]:
    """Padding: a padded token sees only itself, a padded target weighs nothing."""
    arrays = {
        "ids": np.zeros(size, np.int32),
        "positions": np.zeros(size, np.int32),
        "spans": np.zeros((size, 4), np.int32),
        "take": np.zeros(count, np.int32),
        "target_ids": np.tile(np.arange(TOP, dtype=np.int32), (count, 1)),
        "target_probs": np.zeros((count, TOP), np.float32),
        "target_rest": np.zeros(count, np.float32),
        "weight": np.zeros(count, np.float32),
    }
    arrays["spans"][:, 2] = np.arange(size)
    arrays["spans"][:, 3] = np.arange(size) + 1
    return arrays


def _targets(arrays: dict[str, np.ndarray], there: slice, row: Row) -> None:
    if row.top is None:
        arrays["target_ids"][there, 0] = row.target
        arrays["target_probs"][there, 0] = 1
        return
    arrays["target_ids"][there] = row.top.ids
    arrays["target_probs"][there] = np.exp(row.top.logprobs.astype(np.float32))
    arrays["target_rest"][there] = np.exp(row.top.rest.astype(np.float32))
