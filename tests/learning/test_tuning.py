"""Successive halving over settings: its budget, its defaults, its table after any interruption, and
its allowance for luck."""

import copy
import json
import random
import statistics

import pytest

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.tuning.halving import (
    DEFAULTS,
    HELD_ROWS,
    LEAST_STEPS,
    Tuning,
    seconds_of,
    tries_of,
)
from oneseek.engine.learning.tuning.table import table

HELD = 24
TOKENS = [3 + n % 5 for n in range(HELD)]


class World:
    """A simulated training: every row takes the same time, and a higher rate or a larger share
    helps."""

    def __init__(self, seed: int, pace: float, spread: float = 0.3, flat: bool = False) -> None:
        self.draw, self.pace, self.spread, self.flat = random.Random(seed), pace, spread, flat
        self.hard = [self.draw.uniform(1, 4) for _ in range(HELD)]

    def losses(self, tuning: Tuning, number: int, rung: int, share: float) -> list[float]:
        settings = tuning.kept["tries"][number]
        good = 0.0 if self.flat else 2e3 * settings["learning_rate"] * share
        noise = random.Random(f"{number} {rung} {self.hard[0]}")
        return [one - good + noise.gauss(0, self.spread) for one in self.hard]


def begin_tuning(seconds: float, world: World, examples: int = 60, seed: int = 1, epochs: int = 3):
    usual = TrainingConfig(epochs=epochs)
    tries = tries_of(usual, (4, 8, 16), examples, seed)
    tuning = Tuning.begin(seconds, usual, tries, examples)
    steps = LEAST_STEPS
    rows = steps * (tuning.kept["tries"][DEFAULTS]["batch_size"] + HELD_ROWS)
    tuning.kept["spent"] = rows * world.pace
    tuning.set_pace(rows * world.pace, steps)
    return tuning


def go_on(tuning: Tuning, world: World, most: int = 10**6) -> Tuning:
    while most and (coming := tuning.next()):
        number, rung, share = coming
        losses = world.losses(tuning, number, rung, share)
        tuning.add_result(number, rung, losses, TOKENS, tuning.work(number, share) * world.pace)
        most -= 1
    return tuning


@pytest.mark.parametrize("seed", range(60))
def test_the_time_is_kept_and_the_defaults_are_among_those_of_every_rung(seed):
    draw = random.Random(seed)
    seconds, pace = draw.uniform(5, 3000), 10 ** draw.uniform(-4, 0)
    world = World(seed, pace)
    tuning = go_on(
        begin_tuning(seconds, world, draw.randint(18, 4000), seed, draw.randint(1, 9)), world
    )
    kept = tuning.kept
    assert tuning.over and json.loads(json.dumps(kept)) == kept
    tried = [(one["try"], one["rung"]) for one in kept["results"]]
    assert len(tried) == len(set(tried))
    if kept["results"]:
        assert kept["spent"] <= seconds
    for rung in {rung for _, rung in tried}:
        assert [number for number, where in tried if where == rung][0] == DEFAULTS
    if kept["chosen"] != DEFAULTS:
        assert kept["why"] == "better" and tuning.result(kept["chosen"], len(kept["shares"]) - 1)
    assert table(kept)[-1]


@pytest.mark.parametrize("seed", range(20))
def test_interrupted_anywhere_and_gone_on_with_the_table_is_the_same(seed):
    draw = random.Random(seed)
    world, seconds = World(seed, 0.01), draw.uniform(20, 400)
    whole = go_on(begin_tuning(seconds, world), world).kept
    broken = begin_tuning(seconds, world)
    while not broken.over:  # only the stored table survives each interruption
        go_on(broken, world, draw.randint(0, 3))
        stored = json.loads(json.dumps(broken.kept))
        broken = Tuning(stored, broken.usual)
    assert broken.kept == whole


def test_what_is_clearly_better_is_chosen_and_the_best_are_trained_the_longest():
    world = World(1, 0.01)
    tuning = go_on(begin_tuning(600, world), world)
    by_rung = [[r for r in tuning.kept["results"] if r["rung"] == n] for n in range(3)]
    assert len(by_rung[0]) > len(by_rung[1]) > len(by_rung[2]) >= 2
    assert tuning.kept["why"] == "better" and tuning.settings["learning_rate"] == 1e-3


def test_of_equals_the_defaults_are_kept_but_for_the_luck_that_was_told():
    """At most six in a hundred runs may choose otherwise, although each compares the luckiest of
    two dozen settings."""
    worlds = [World(seed, 0.01, flat=True) for seed in range(80)]
    chosen = [
        go_on(begin_tuning(600, world, seed=n), world).kept["chosen"]
        for n, world in enumerate(worlds)
    ]
    assert statistics.mean(number != DEFAULTS for number in chosen) <= 0.06


def test_what_would_harm_is_never_chosen():
    world = World(1, 0.01)
    tuning = begin_tuning(600, world)
    while coming := tuning.next():
        number, rung, share = coming
        result = tuning.add_result(number, rung, world.losses(tuning, *coming), TOKENS,
                              tuning.work(number, share) * world.pace)  # fmt: skip
        if number != DEFAULTS and rung == 2:
            result["harm"] = ["known facts lost"]
    assert (tuning.kept["chosen"], tuning.kept["why"]) == (DEFAULTS, "harm")
    assert "harmed" in table(tuning.kept)[-1]


def test_without_time_for_another_the_defaults_stay_and_it_is_said():
    world = World(1, 10.0)
    kept = go_on(begin_tuning(300, world), world).kept
    assert (kept["chosen"], kept["why"]) == (DEFAULTS, "time")
    late = begin_tuning(600, World(1, 0.01))
    late.add_result(DEFAULTS, 0, [1.0] * HELD, TOKENS, 1.0)
    before = copy.deepcopy(late.kept["results"])
    late.out_of_time()
    assert late.next() is None and late.kept["why"] == "time" and late.kept["results"] == before


def test_a_time_is_read_as_people_write_it():
    assert [seconds_of(text) for text in ("90s", "10m", "10", "1h", "2 min")] == [
        90, 600, 600, 3600, 120,
    ]  # fmt: skip
    for wrong in ("", "soon", "-5m", "0m", "25h", "1e3"):
        with pytest.raises(ValueError, match="no time for tries"):
            seconds_of(wrong)
