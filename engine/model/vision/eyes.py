"""Eyes (vision encoders) loaded on an executor. Each state of a picture is a token of its own, with
an id beyond the vocabulary, so that a prompt stays a list of ids and no two pictures are ever
mistaken for each other."""

from __future__ import annotations

import asyncio
import hashlib
import re
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np

from oneseek.engine.backends.executor import Executor, Run, Tensor
from oneseek.engine.model.formats.packed import Packed
from oneseek.engine.model.llama import Stored
from oneseek.engine.model.template import IMAGE
from oneseek.engine.model.tokenizer import Tokenizer
from oneseek.engine.model.vision.file import EyesFile
from oneseek.engine.model.vision.siglip import Tower, plan_tower
from oneseek.engine.model.vision.tiles import Sight, patches_of

AROUND, GLOBAL = "<fake_token_around_image>", "<global-img>"
DETAILS = ("auto", "low", "high")
KEPT = 8  # pictures whose states are cached when no prompt has them
PLACE = re.compile(re.escape(IMAGE))


def knows_pictures(tokenizer: Tokenizer) -> bool:
    """Whether the vocabulary has the tokens that mark a picture."""
    begin = len(tokenizer.encode("", special=True))
    words = IMAGE, AROUND, GLOBAL
    return all(len(tokenizer.encode(one, special=True)) == begin + 1 for one in words)


@dataclass(frozen=True)
class Tiles:
    """A picture cut into tiles: uint8[n, tile, tile, 3], that of the whole last."""

    pixels: np.ndarray
    rows: int
    columns: int

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(
            f"{self.rows} {self.columns} ".encode() + self.pixels.tobytes()
        ).digest()


@dataclass(frozen=True, eq=False)
class Seen:
    """An encoded picture: a state for each of its tokens, whose ids begin at `first`."""

    first: int
    states: np.ndarray  # [tiles * states of a tile, width]
    rows: int
    columns: int

    @property
    def ids(self) -> range:
        return range(self.first, self.first + len(self.states))

    def make_prompt(self, length: int) -> str:
        """Return the text by which the model was trained to read a picture of so many tokens a
        tile: each part after its row and column, then the whole."""
        tile, text = IMAGE * length, ""
        for row in range(1, self.rows + 1):
            parts = range(1, self.columns + 1)
            text += "".join(f"{AROUND}<row_{row}_col_{column}>{tile}" for column in parts) + "\n"
        return f"{text}{chr(10) * bool(text)}{AROUND}{GLOBAL}{tile}{AROUND}"


class Eyes:
    """A tower's weights on an executor, and the pictures it has encoded."""

    def __init__(
        self, tower: Tower, sight: Sight, stored: dict[str, Stored],
        tensors: dict[str, Tensor], executor: Executor, vocab: int,
    ) -> None:  # fmt: skip
        self.tower, self.sight, self.stored = tower, sight, stored
        self.tensors, self.executor, self.vocab = tensors, executor, vocab
        self._run: Run | None = None
        self._turn = asyncio.Lock()
        self._next = vocab
        self._recent: OrderedDict[bytes, Seen] = OrderedDict()
        self._known: WeakValueDictionary[int, Seen] = WeakValueDictionary()

    @classmethod
    async def load(cls, file: EyesFile, executor: Executor, vocab: int) -> Eyes:
        """Load them onto the executor, for a model with a vocabulary of this size."""
        stored = {name: file.describe_storage(name) for name in file.names()}
        tensors: dict[str, Tensor] = {}
        for name in stored:
            weight = file.read(name)
            if isinstance(weight, Packed):
                tensors[f"{name}.codes"] = executor.upload(weight.codes)
                tensors[f"{name}.scales"] = executor.upload(weight.scales)
            else:
                tensors[name] = executor.upload(np.ascontiguousarray(weight, np.float32))
            await executor.breathe()
        return cls(file.tower, file.sight, stored, tensors, executor, vocab)

    def in_parts(self, detail: str) -> bool:
        """Whether the parts of a picture are encoded beside its whole: at `high` detail, never at
        `low`, and at `auto` on a graphics chip; a processor takes minutes for them."""
        return detail == "high" or detail == "auto" and bool(self.executor.bindings)

    async def look(self, tiles: Tiles) -> Seen:
        """Return an encoded picture; one that was encoded lately is taken from the cache."""
        digest = tiles.digest
        async with self._turn:
            if digest not in self._recent:
                states = await self._states(tiles.pixels)
                seen = Seen(self._next, states, tiles.rows, tiles.columns)
                self._next += len(states)
                self._recent[digest] = self._known[seen.first] = seen
                while len(self._recent) > KEPT:
                    self._recent.popitem(last=False)
            self._recent.move_to_end(digest)
            return self._recent[digest]

    async def _states(self, pixels: np.ndarray) -> np.ndarray:
        """Encode one tile after the other, to save memory; answers under way continue in
        between."""
        if self._run is None:
            planned = plan_tower(self.tower, self.stored)
            self._run = self.executor.prepare(planned, self.tensors)
            spans = np.zeros((self.tower.patches, 4), np.int32)
            spans[:, 3] = self.tower.patches
            self._run.write("spans", spans)
        found = []
        for tile in pixels:
            patches = patches_of(tile[None], self.tower.patch)[0]
            self._run.write("patches", self.sight.numbers(patches))
            await self._run.advance()
            states = np.asarray(await self._run.read("states"), np.float32)
            found.append(states.reshape(self.tower.states, self.tower.words).copy())
            await self.executor.breathe()
        return np.concatenate(found)

    def encode(self, tokenizer: Tokenizer, text: str, pictures: list[Seen]) -> list[int]:
        """Return the ids of a prompt with a place for each picture."""
        left = iter(pictures)
        text = PLACE.sub(lambda _: next(left).make_prompt(self.tower.states), text)
        image = tokenizer.encode(IMAGE, special=True)[-1]
        words = (id for seen in pictures for id in seen.ids)
        return [next(words) if id == image else id for id in tokenizer.encode(text, special=True)]

    def split(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ids as a program takes them: those of words, where they are words (1, else 0), and
        the states where they are not."""
        are_words = ids < self.vocab
        states = np.zeros((len(ids), self.tower.words), np.float32)
        firsts = sorted(self._known.keys())
        for at in np.flatnonzero(~are_words):
            seen = self._known[firsts[bisect_right(firsts, int(ids[at])) - 1]]
            states[at] = seen.states[ids[at] - seen.first]
        return np.where(are_words, ids, 0), are_words[:, None].astype(np.float32), states
