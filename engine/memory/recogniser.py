"""Which fact a question asks for, if any: a small kernel ridge problem for each fact, among its nearest.

A fact is told apart from its own look-alikes, from talk in general (the ground, looked at once for a
base model) and from the facts nearest to it.  So the thousandth costs what the tenth did.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

WIDTH = 0.5  # of the kernel: exp(-WIDTH |a - b|^2) of directions
RIDGE = 0.01
SIZE = 224  # numbers kept of a key, a byte each
NEAREST = 4  # facts a new one is told apart from
SHORTLIST = 16  # facts that a question is held against
NEAR, SURE = 0.2, 0.3


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of rows of length one."""
    return np.exp(-2 * WIDTH * (1 - a @ b.T))


def bytes_of(rows: np.ndarray) -> np.ndarray:
    """Directions as whole numbers of a byte; their length does not matter."""
    return np.round(rows * (127 / np.abs(rows).max(-1, keepdims=True))).astype(np.int8)


@dataclass
class Ground:
    """What a base model makes of talk in general: where keys are centred, what part of them counts,
    and the keys of questions that ask for nothing taught."""

    middle: np.ndarray
    axes: np.ndarray  # [2 width, SIZE]
    rows: np.ndarray  # [n, SIZE], directions
    factor: np.ndarray = field(init=False)  # of the ridge problem that is the same for all facts

    def __post_init__(self) -> None:
        own = kernel(self.rows, self.rows) + RIDGE * np.eye(len(self.rows), dtype=np.float32)
        self.factor = np.linalg.inv(np.linalg.cholesky(own)).astype(np.float32)

    @classmethod
    def of(cls, keys: np.ndarray) -> Ground:
        middle = keys.mean(0)
        _, axes = np.linalg.eigh((keys - middle).T @ (keys - middle))
        axes = np.ascontiguousarray(axes[:, ::-1][:, :SIZE], np.float32)
        return cls(middle, axes, unit(bytes_of((keys - middle) @ axes).astype(np.float32)))

    def seen(self, keys: np.ndarray) -> np.ndarray:
        """Keys as directions in what counts."""
        return unit((np.atleast_2d(keys) - self.middle) @ self.axes)

    def beside(self, rows: np.ndarray) -> np.ndarray:
        """What the ground knows of rows: the kernel less the product of these is what is left."""
        return kernel(rows, self.rows) @ self.factor.T

    def packed(self) -> dict:
        rows = bytes_of(self.rows)
        return {
            "middle": self.middle.astype(np.float32).tobytes(),
            "axes": self.axes.astype(np.float16).tobytes(),
            "rows": rows.tobytes(),
            "size": rows.shape[1],
        }

    @classmethod
    def unpacked(cls, data: dict) -> Ground:
        middle = np.frombuffer(data["middle"], np.float32)
        axes = np.frombuffer(data["axes"], np.float16).reshape(len(middle), -1)
        rows = np.frombuffer(data["rows"], np.int8).reshape(-1, data["size"])
        return cls(middle, axes.astype(np.float32), unit(rows.astype(np.float32)))


@dataclass
class Trace:
    """One fact: the keys of its wordings, then of its look-alikes, and what each of them counts; with
    the ids and counts of the facts beside it, and what the ground counts."""

    codes: np.ndarray  # int8 [n, SIZE]
    asked: int  # how many of them are wordings
    counts: np.ndarray  # [n]
    ground: np.ndarray
    beside: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        self.middle = unit(self.rows[: self.asked].mean(0))

    @property
    def rows(self) -> np.ndarray:
        return unit(self.codes.astype(np.float32))

    def packed(self) -> dict:
        half = lambda array: array.astype(np.float16).tobytes()  # noqa: E731
        return {
            "codes": self.codes.tobytes(),
            "size": self.codes.shape[1],
            "asked": self.asked,
            "counts": half(self.counts),
            "ground": half(self.ground),
            "beside": {id: half(counts) for id, counts in self.beside.items()},
        }

    @classmethod
    def unpacked(cls, data: dict) -> Trace:
        counts = lambda part: np.frombuffer(part, np.float16).astype(np.float32)  # noqa: E731
        return cls(
            np.frombuffer(data["codes"], np.int8).reshape(-1, data["size"]),
            data["asked"],
            counts(data["counts"]),
            counts(data["ground"]),
            {id: counts(part) for id, part in data["beside"].items()},
        )


class Recogniser:
    """All facts of one base model."""

    def __init__(self, ground: Ground):
        self.ground = ground
        self.traces: dict[str, Trace] = {}
        self._middles: np.ndarray | None = None

    def add(self, id: str, trace: Trace) -> None:
        self.traces[id] = trace
        self._middles = None

    def remove(self, id: str) -> None:
        del self.traces[id]
        self._middles = None

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
        codes = bytes_of(self.ground.seen(np.concatenate([asked, alike])))
        rows = unit(codes.astype(np.float32))
        middle = unit(rows[: len(asked)].mean(0))
        near = self.nearest(middle, NEAREST + len(replaced))
        others = [id for id in near if id not in replaced][:NEAREST]
        known = [self.traces[id].rows[: self.traces[id].asked] for id in others]
        every = np.concatenate([rows, *known])
        beside = self.ground.beside(every)
        left = kernel(every, every) - beside @ beside.T
        left[np.diag_indices(len(left))] += RIDGE
        wanted = np.zeros(len(every), np.float32)
        wanted[: len(asked)] = 1
        counts = np.linalg.solve(left, wanted).astype(np.float32)
        ground = -(counts @ beside) @ self.ground.factor
        parts = np.split(counts, np.cumsum([len(rows), *map(len, known)])[:-1])
        return Trace(codes, len(asked), parts[0], ground, dict(zip(others, parts[1:], strict=True)))

    def scores(self, key: np.ndarray) -> list[tuple[str, float]]:
        """(id, score) of the facts a question may ask for, the likeliest first; near 1 it does."""
        row = self.ground.seen(key)[0]
        general = kernel(row[None], self.ground.rows)[0]
        known: dict[str, np.ndarray] = {}

        def likeness(id: str) -> np.ndarray:
            if id not in known:
                known[id] = kernel(row[None], self.traces[id].rows)[0]
            return known[id]

        found = []
        for id in self.nearest(row, SHORTLIST):
            trace = self.traces[id]
            score = likeness(id) @ trace.counts + general @ trace.ground
            for other, counts in trace.beside.items():
                if other in self.traces:
                    score += likeness(other)[: len(counts)] @ counts
            found.append((id, float(score)))
        return sorted(found, key=lambda one: -one[1])
