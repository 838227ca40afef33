"""Hyperparameter search: which settings are tried next on a data set, and which are chosen.

Successive halving within a budget of time: many settings train a little, the better ones three
times as long, and the defaults every time. Others are chosen only when they beat the defaults by
more than chance among the examples explains.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.lessons import Draw

RATES = (5e-4, 1e-3, 2e-4, 1e-4, 5e-5)  # the likeliest first
RANKS, BATCHES, PASSES = (4, 8, 16), (2, 4, 8), (1, 2)
MOST_TRIES = 27
DEFAULTS = 0  # their place among the tries
RUNGS, FEWER = 3, 3  # each with a third of the tries before it, trained three times as long
AT_LAST = 4  # trainings as long as the defaults' that fit into the last rung, at least
LEAST_STEPS = 4  # of the defaults on the first rung
HELD_ROWS = 3  # regularisation examples of every step
MARGIN = 0.95  # share of the time that tries may use
CHANCE = 0.025  # how rarely luck alone may look better than the defaults
SHORTEST, LONGEST = 1, 24 * 3600  # seconds

SavedTuning = dict[str, Any]
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?")
SECONDS = {"s": 1, "m": 60, "min": 60, None: 60, "h": 3600}


def seconds_of(text: str) -> float:
    """How long `90s`, `10m` or `1h` is; a number alone is minutes."""
    found = DURATION.fullmatch(text.strip().lower())
    seconds = float(found[1]) * SECONDS[found[2]] if found else 0.0
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"{text!r} is no time for tries: 90s, 10m or 1h is, up to a day")
    return seconds


def of_rank(rank: int, usual: TrainingConfig) -> dict[str, Any]:
    """Return LoRA settings of this rank, about as strong (alpha / rank) as the usual ones."""
    lora = usual.lora_config
    alpha = min(32, max(16, round(rank * lora.alpha / lora.rank)))
    return {"rank": rank, "alpha": lora.alpha if rank == lora.rank else alpha}


def tries_of(
    usual: TrainingConfig,
    ranks: Sequence[int],
    examples: int,
    seed: int,
    batches: Sequence[int] = BATCHES,
) -> list[dict[str, Any]]:
    """The candidate settings: the defaults, then other rates alone, then the rest at random."""

    def one(rank: int, rate: float, batch: int, passes: int) -> dict[str, Any]:
        epochs = min(100, usual.epochs * passes)
        return {"lora_config": of_rank(rank, usual), "learning_rate": rate,
                "batch_size": batch, "epochs": epochs}  # fmt: skip

    rank, rate, batch = usual.lora_config.rank, usual.learning_rate, usual.batch_size
    room = max(batch, examples // 4)
    found = [one(rank, rate, batch, 1)]
    found += [one(rank, other, batch, 1) for other in RATES[:3]]
    anything = [
        one(other, rates, rows, passes)
        for other in ranks
        for rates in RATES
        for rows in batches
        for passes in PASSES
        if rows <= room
    ]
    for more in Draw(seed, "settings").shuffle(anything):
        if more not in found:
            found.append(more)
    return [some for n, some in enumerate(found) if some not in found[:n]][:MOST_TRIES]


def steps_of(settings: dict, usual: TrainingConfig, examples: int, share: float) -> int:
    """Return the steps of a try that gets this share of the whole training with its settings."""
    whole = settings["epochs"] * math.ceil(examples / settings["batch_size"])
    return max(1, round(share * min(usual.max_steps, whole)))


class Tuning:
    """The state of a search. All of it lies in `kept`, plain values for JSON, to be stored and
    resumed."""

    def __init__(self, kept: SavedTuning, usual: TrainingConfig) -> None:
        self.kept, self.usual = kept, usual

    @classmethod
    def begin(
        cls, seconds: float, usual: TrainingConfig, tries: list[dict[str, Any]], examples: int
    ) -> Tuning:
        kept = {"seconds": seconds, "spent": 0.0, "examples": examples, "tries": tries,
                "pace": 0.0, "shares": [], "rung": 0, "results": [],
                "chosen": None, "why": ""}  # fmt: skip
        return cls(kept, usual)

    @property
    def over(self) -> bool:
        return self.kept["chosen"] is not None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the run trains by."""
        return self.kept["tries"][self.kept["chosen"]]

    # ---- how long what takes

    def work(self, number: int, share: float) -> float:
        """Return how many rows a try computes."""
        settings = self.kept["tries"][number]
        steps = steps_of(settings, self.usual, self.kept["examples"], share)
        return steps * (settings["batch_size"] + HELD_ROWS)

    def set_pace(self, seconds: float, steps: int) -> None:
        """Set the pace from the first steps of the defaults, and as many rungs as the time that
        is left allows."""
        rows = self.kept["tries"][DEFAULTS]["batch_size"] + HELD_ROWS
        self.kept["pace"] = seconds / (steps * rows)
        whole = self.work(DEFAULTS, 1.0) * self.kept["pace"]
        left = self.kept["seconds"] - self.kept["spent"]
        for rungs in range(RUNGS, 0, -1):
            last = min(1.0, left / rungs / (AT_LAST * whole))
            shares = [last / FEWER ** (rungs - 1 - rung) for rung in range(rungs)]
            if self._steps(shares[0]) >= min(LEAST_STEPS, self._steps(1.0)):
                self.kept["shares"] = shares
                return
        self._choose(DEFAULTS, "time")

    def _steps(self, share: float) -> int:
        settings = self.kept["tries"][DEFAULTS]
        return steps_of(settings, self.usual, self.kept["examples"], share)

    def _fits(self, number: int, rung: int) -> bool:
        """Whether a try fits the time of its rung: an equal share, and what earlier rungs left."""
        shares, seconds = self.kept["shares"], self.kept["seconds"]
        until = MARGIN * seconds * (rung + 1) / len(shares)
        return self.kept["spent"] + self.work(number, shares[rung]) * self.kept["pace"] <= until

    # ---- what is tried

    def result(self, number: int, rung: int) -> dict | None:
        """Return the result of a try on a rung, if it has one."""
        for one in self.kept["results"]:
            if (one["try"], one["rung"]) == (number, rung):
                return one
        return None

    def select_tries(self, rung: int) -> list[int]:
        """Return the tries of a rung: the defaults and the best third of those before."""
        if rung == 0:
            return list(range(len(self.kept["tries"])))
        before = [one for one in self.kept["results"] if one["rung"] == rung - 1]
        others = sorted((one["loss"], one["try"]) for one in before if one["try"] != DEFAULTS)
        best = [number for _, number in others[: max(1, len(before) // FEWER)]]
        return [DEFAULTS, *best]

    def next(self) -> tuple[int, int, float] | None:
        """A try, its rung and the share of the whole training it gets; None when all are over."""
        while not self.over:
            rung = self.kept["rung"]
            if rung == len(self.kept["shares"]):
                self._decide()
                break
            for number in self.select_tries(rung):
                if self.result(number, rung):
                    continue
                if self._fits(number, rung):
                    return number, rung, self.kept["shares"][rung]
                if number == DEFAULTS:  # without them nothing can be compared
                    break
            self.kept["rung"] += 1
        return None

    def add_result(
        self,
        number: int,
        rung: int,
        losses: Sequence[float],
        tokens: Sequence[int],
        seconds: float,
    ) -> dict:
        """Store a finished try: its loss in nats a token on each held-back example. The result has
        `better`, by how much the mean is below the defaults', and `error`, the standard error."""
        result: SavedTuning = {"try": number, "rung": rung, "loss": mean(losses, tokens)}
        result["seconds"] = seconds
        if number == DEFAULTS:
            result["each"] = list(losses)
        elif usual := self.result(DEFAULTS, rung):
            apart = [a - b for a, b in zip(usual["each"], losses, strict=True)]
            result |= {"better": mean(apart, tokens), "error": error(apart, tokens)}
            result["of"] = len(losses)
        self.kept["results"].append(result)
        self.kept["spent"] += seconds
        spent = sum(one["seconds"] for one in self.kept["results"])
        shares = self.kept["shares"]
        rows = sum(self.work(one["try"], shares[one["rung"]]) for one in self.kept["results"])
        self.kept["pace"] = spent / rows
        return result

    def out_of_time(self) -> None:
        """End the search, because a try took longer than there was time for."""
        self.kept["rung"] = len(self.kept["shares"])

    # ---- what is chosen

    def beats(self, result: dict) -> bool:
        """Whether a try beats the defaults by more than chance gives the best of so many tries."""
        if "error" not in result:
            return False
        compared = len({one["try"] for one in self.kept["results"]}) - 1
        return result["better"] > noise(result, compared)

    def _decide(self) -> None:
        last = len(self.kept["shares"]) - 1
        rung = [one for one in self.kept["results"] if one["rung"] == last]
        if len(rung) < 2 or self.result(DEFAULTS, last) is None:
            return self._choose(DEFAULTS, "time")
        better = [one for one in rung if self.beats(one)]
        unharmed = [one for one in better if not one.get("harm")]
        if unharmed:
            best = min(unharmed, key=lambda one: (one["loss"], one["try"]))
            return self._choose(best["try"], "better")
        return self._choose(DEFAULTS, "harm" if better else "noise")

    def _choose(self, number: int, why: str) -> None:
        self.kept["chosen"], self.kept["why"] = number, why


def mean(values: Sequence[float], tokens: Sequence[int]) -> float:
    return sum(v * n for v, n in zip(values, tokens, strict=True)) / sum(tokens)


def error(values: Sequence[float], tokens: Sequence[int]) -> float:
    """Return the standard error of their mean over examples."""
    middle, total, count = mean(values, tokens), sum(tokens), len(values)
    squares = sum((n / total * (v - middle)) ** 2 for v, n in zip(values, tokens, strict=True))
    return math.sqrt(squares * count / (count - 1))


def noise(result: dict, compared: int) -> float:
    """Return the improvement that luck may show in the best of `compared` tries: by Student's
    distribution, for there are few examples (its expansion around the normal one)."""
    free = result["of"] - 1
    z = NormalDist().inv_cdf(1 - CHANCE / max(1, compared))
    wide = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return wide * result["error"]
