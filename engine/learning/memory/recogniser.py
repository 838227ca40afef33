"""Which fact a question asks for, if any: a small kernel ridge problem for each fact, among its
nearest.

A fact is told apart from its own look-alikes, from talk in general (the ground, looked at once for
a base model) and from the facts nearest to it.  So the thousandth costs what the tenth did.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

RIDGE = 0.05
SIZE = 192  # numbers kept of each key, a byte each; what is left of it counts in one sum a fact
NEAREST = 4  # facts a new one is told apart from
SHORTLIST = 48  # facts that a question is held against
LIKELY, NEARNESS = 4, 0.5  # those of them that are told of, and what being near counts there
NEAR, SURE = 0.17, 0.28  # measured: see tests/bench/memory.py


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Likeness of directions; what is less long, for it lies off the axes, is less alike to all."""
    return np.exp(a @ b.T - 1)


REST = np.float32(
    np.exp(-1)
)  # how much what `kernel` does not see counts: its slope at a right angle


@dataclass
class Rows:
    """Keys, each a byte a number and how long it is."""

    codes: np.ndarray  # int8 [n, SIZE]
    lengths: np.ndarray  # [n], of one step of the code

    @classmethod
    def of(cls, low: np.ndarray) -> Rows:
        lengths = (np.abs(low).max(-1) / 127).astype(np.float16).astype(np.float32)
        steps = np.round(low / np.maximum(lengths, 1e-9)[:, None]).clip(-127, 127)
        return cls(steps.astype(np.int8), lengths)

    @property
    def all(self) -> np.ndarray:
        return self.codes.astype(np.float32) * self.lengths[:, None]

    def first(self, count: int) -> np.ndarray:
        return self.codes[:count].astype(np.float32) * self.lengths[:count, None]

    def packed(self) -> dict:
        return {"codes": self.codes.tobytes(), "lengths": half(self.lengths)}

    @classmethod
    def unpacked(cls, data: dict) -> Rows:
        lengths = floats(data["lengths"])
        return cls(np.frombuffer(data["codes"], np.int8).reshape(len(lengths), -1), lengths)


def half(array: np.ndarray) -> bytes:
    return array.astype(np.float16).tobytes()


def floats(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.float16).astype(np.float32)


@dataclass
class Ground:
    """What a base model makes of questions in general: where keys are centred, the axes along which
    they differ most, and the keys of questions that ask for nothing taught."""

    middle: np.ndarray
    axes: np.ndarray  # [2 width, SIZE]
    questions: Rows
    rows: np.ndarray = field(init=False)
    factor: np.ndarray = field(
        init=False
    )  # of the part of the problem that is the same for all facts
    even: np.ndarray = field(init=False)  # makes every axis count the same

    def __post_init__(self) -> None:
        self.rows = self.questions.all
        own = kernel(self.rows, self.rows) + RIDGE * np.eye(len(self.rows), dtype=np.float32)
        self.factor = np.linalg.inv(np.linalg.cholesky(own)).astype(np.float32)
        self.even = 1 / np.sqrt((self.rows**2).mean(0) + 1e-9)

    @classmethod
    def of(cls, keys: np.ndarray) -> Ground:
        middle = keys.mean(0)
        away = unit(keys - middle)
        _, axes = np.linalg.eigh(away.T @ away)
        axes = axes[:, ::-1][:, :SIZE].astype(np.float16).astype(np.float32)
        return cls(middle, axes, Rows.of(away @ axes))

    def seen(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keys as directions: along the axes, and what is left."""
        away = unit(np.atleast_2d(keys) - self.middle)
        low = away @ self.axes
        return low, away - low @ self.axes.T

    def beside(self, rows: np.ndarray) -> np.ndarray:
        """What the ground knows of rows: the kernel less the product of these is what is left."""
        return kernel(rows, self.rows) @ self.factor.T

    def packed(self) -> dict:
        return {
            "middle": self.middle.astype(np.float32).tobytes(),
            "axes": half(self.axes),
            **self.questions.packed(),
        }

    @classmethod
    def unpacked(cls, data: dict) -> Ground:
        middle = np.frombuffer(data["middle"], np.float32)
        axes = floats(data["axes"]).reshape(len(middle), -1)
        return cls(middle, axes, Rows.unpacked(data))


@dataclass
class Trace:
    """One fact: the keys of its wordings, then of its look-alikes, and what each of them counts;
    what the facts beside it count, the ground, and all that the axes do not show."""

    keys: Rows
    asked: int  # how many of them are wordings
    counts: np.ndarray  # [n]
    rest: np.ndarray  # [2 width]
    ground: np.ndarray
    beside: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        self.middle = unit(self.keys.first(self.asked).mean(0))

    def packed(self) -> dict:
        return {
            **self.keys.packed(),
            "asked": self.asked,
            "counts": half(self.counts),
            "rest": half(self.rest),
            "ground": half(self.ground),
            "beside": {id: half(counts) for id, counts in self.beside.items()},
        }

    @classmethod
    def unpacked(cls, data: dict) -> Trace:
        return cls(
            Rows.unpacked(data),
            data["asked"],
            floats(data["counts"]),
            floats(data["rest"]),
            floats(data["ground"]),
            {id: floats(part) for id, part in data["beside"].items()},
        )


class Recogniser:
    """All facts of one base model."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.traces: dict[str, Trace] = {}
        self._middles: np.ndarray | None = None
        self._questions: np.ndarray | None = None

    def add(self, id: str, trace: Trace) -> None:
        self.traces[id] = trace
        self._middles = self._questions = None

    def remove(self, id: str) -> None:
        del self.traces[id]
        self._middles = self._questions = None

    def nearest(self, row: np.ndarray, most: int) -> list[str]:
        """The ids of the facts whose wordings are nearest to a direction."""
        if not self.traces:
            return []
        if self._middles is None:
            self._middles = np.stack([trace.middle for trace in self.traces.values()])
        near = self._middles @ row
        first = np.argpartition(-near, min(most, len(near)) - 1)[:most]
        ids = list(self.traces)
        return [ids[i] for i in first[np.argsort(-near[first], kind="stable")]]

    def learn(self, asked: np.ndarray, alike: np.ndarray, replaced: tuple[str, ...] = ()) -> Trace:
        """What tells a fact by the keys of its wordings and of its look-alikes. Facts that it takes
        the place of do not count as others."""
        low, rest = self.ground.seen(np.concatenate([asked, alike]))
        keys = Rows.of(low)
        near = self.nearest(unit(keys.first(len(asked)).mean(0)), NEAREST + len(replaced))
        others = [id for id in near if id not in replaced][:NEAREST]
        known = [self.traces[id].keys.first(self.traces[id].asked) for id in others]
        every = np.concatenate([keys.all, *known])
        beside = self.ground.beside(every)
        left = kernel(every, every) - beside @ beside.T
        left[: len(rest), : len(rest)] += REST * (rest @ rest.T)
        left[np.diag_indices(len(left))] += RIDGE
        wanted = np.zeros(len(every), np.float32)
        wanted[: len(asked)] = 1
        counts = np.linalg.solve(left, wanted).astype(np.float32)
        parts = np.split(counts, np.cumsum([len(low), *map(len, known)])[:-1])
        return Trace(
            keys,
            len(asked),
            parts[0],
            REST * (parts[0] @ rest),
            -(counts @ beside) @ self.ground.factor,
            dict(zip(others, parts[1:], strict=True)),
        )

    def nearness(self, row: np.ndarray) -> dict[str, float]:
        """How near a direction is to the very question of each fact, where every axis counts the
        same: that finds what it is about, also where no wording of the fact is like it."""
        if self._questions is None:
            own = np.concatenate([trace.keys.first(1) for trace in self.traces.values()])
            self._questions = unit(own * self.ground.even)
        near = self._questions @ unit(row * self.ground.even)
        return dict(zip(self.traces, near.tolist(), strict=True))

    def scores(self, key: np.ndarray) -> list[tuple[str, float, float]]:
        """(id, score, nearness) of the facts a question may ask for, the likeliest first; with a
        score near 1 it does."""
        if not self.traces:
            return []
        low, rest = self.ground.seen(key)
        general = kernel(low, self.ground.rows)[0]
        known: dict[str, np.ndarray] = {}

        def likeness(id: str) -> np.ndarray:
            if id not in known:
                known[id] = kernel(low, self.traces[id].keys.all)[0]
            return known[id]

        near = self.nearness(low[0])
        found = []
        beside = sorted(near, key=lambda id: -near[id])[:LIKELY]
        for id in dict.fromkeys([*self.nearest(low[0], SHORTLIST), *beside]):
            trace = self.traces[id]
            score = likeness(id) @ trace.counts + general @ trace.ground + rest[0] @ trace.rest
            for other, counts in trace.beside.items():
                if other in self.traces:
                    score += likeness(other)[: len(counts)] @ counts
            found.append((id, float(score), near[id]))
        return sorted(found, key=lambda one: -(one[1] + NEARNESS * one[2]))[:LIKELY]
