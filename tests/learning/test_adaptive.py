"""Runs over several base models: fair weights, a timely end, documented events, identity data."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core.collecting.content import content_hash
from oneseek.engine.core.settings import StopConfig
from oneseek.engine.learning.adaptive import (
    AdaptiveConfig,
    AdaptiveWeights,
    ConfidenceAutoStop,
    Leaderboard,
)
from oneseek.engine.learning.run_data import IDENTITY_FILE, identity_examples
from oneseek.engine.learning.runs import (
    NoBaseModels,
    TrainingRun,
    generate_run_id,
    validate_base_models,
    write_atomically,
)

LOSSES = st.dictionaries(st.sampled_from("abcde"), st.floats(0.01, 20), min_size=2)


@given(st.lists(st.lists(st.floats(0.01, 20), min_size=3, max_size=3), min_size=1, max_size=8))
def test_multipliers_stay_in_range_and_weights_sum_to_one(epochs):
    adaptive = AdaptiveWeights("abc")
    for losses in epochs:
        adaptive.adjust(dict(zip("abc", losses, strict=True)))
        assert all(0.5 <= value <= 1.5 for value in adaptive.multipliers.values())
        assert sum(adaptive.weights.values()) == pytest.approx(1)


def test_the_best_model_is_boosted_and_the_worst_penalised_as_documented():
    adaptive = AdaptiveWeights("abc")
    assert adaptive.adjust({"a": 1.0, "b": 2.0, "c": 3.0})
    assert adaptive.multipliers == pytest.approx({"a": 1.3, "b": 0.95, "c": 0.6})
    assert adaptive.weights["a"] == pytest.approx(1.3 / 2.85)


@given(LOSSES)
def test_a_better_model_never_gets_less_weight_than_a_worse_one(losses):
    adaptive = AdaptiveWeights(sorted(losses))
    adaptive.adjust(losses)
    ordered = sorted(losses, key=lambda model: losses[model])
    weights = [adaptive.weights[model] for model in ordered]
    assert all(a >= b - 1e-9 for a, b in zip(weights, weights[1:], strict=False))


def test_equal_models_a_disabled_table_and_a_second_epoch_once_change_nothing():
    assert not AdaptiveWeights("ab").adjust({"a": 1.0, "b": 1.0})
    assert not AdaptiveWeights("ab", AdaptiveConfig(enabled=False)).adjust({"a": 1.0, "b": 2.0})
    once = AdaptiveWeights("ab", AdaptiveConfig(adjust_strategy={"adjust_every_epoch": False}))
    assert once.adjust({"a": 1.0, "b": 2.0}) and not once.adjust({"a": 1.0, "b": 2.0})


def test_it_stops_after_patience_epochs_without_enough_change():
    stop = ConfidenceAutoStop(StopConfig(threshold=0.01, patience=2, min_epochs=2))
    assert [stop.update(loss) for loss in (3.0, 2.0, 1.995, 1.5, 1.4999, 1.4999)] == [
        *[False] * 5,
        True,
    ]
    assert stop.info() == {"remaining": 0, "threshold": 0.01, "current_change": 0.0}


def test_the_leaderboard_ranks_by_loss_then_wins_and_tells_every_five_seconds():
    now = [0]
    board = Leaderboard(lambda: now[0])
    for model, loss in (("a", 2.0), ("b", 1.0), ("c", 1.0), ("d", None)):
        board.record(model, loss=loss)
    board.record("b", wins=0.5, games=2)
    board.record("c", wins=1.5, games=2)
    assert [row["model"] for row in board.rank()] == ["c", "b", "a", "d"]
    assert board.rank()[0]["wins"] == 1.5 and board.rank()[0]["rank"] == 1
    told = []
    for second in range(12):
        now[0] = second * 1000
        told.append(board.due())
    assert [second for second, due in enumerate(told) if due] == [0, 5, 10]


def test_run_ids_never_hold_a_colon_and_never_repeat():
    taken = {"run-20261120-090000"}
    found = generate_run_id(1_795_165_200_000, taken.__contains__)
    assert found == "run-20261120-090001" and ":" not in found


def test_base_models_come_only_from_an_explicit_choice(monkeypatch):
    monkeypatch.delenv("BASE_MODELS", raising=False)
    for nothing in (None, [], "", [""]):
        with pytest.raises(NoBaseModels, match="^No base models selected$"):
            validate_base_models(nothing, ["a"])
    with pytest.raises(ValueError, match="there are: a, b"):
        validate_base_models(["c"], ["a", "b"])
    assert validate_base_models("a, b,a", ["a", "b"]) == ["a", "b"]
    monkeypatch.setenv("BASE_MODELS", "b")
    assert validate_base_models(None, ["a", "b"]) == ["b"]


class Descent:
    """Two real tiny models: each fits y = 3x by gradient descent from its own start."""

    def __init__(self):
        self.slope = {"small": 0.0, "large": 2.5}

    async def __call__(self, model, epoch, weight, rate):
        error = self.slope[model] - 3.0
        self.slope[model] -= rate * error
        return (self.slope[model] - 3.0) ** 2


def test_a_run_tells_the_documented_events_and_leaves_the_documented_files(tmp_path):
    events = []
    stop = StopConfig(threshold=0.001, patience=2)
    run = TrainingRun(
        ["small", "large"], 50, 0.4, lambda: 1_795_165_200_000, events.append, stop=stop
    )
    results = asyncio.run(run.run(Descent()))
    kinds = [event["type"] for event in events]
    assert kinds[0] == "initial_state" and kinds[-1] == "training_complete"
    assert "weight_adjustment" in kinds and all(event["runId"] == run.id for event in events)
    epoch = next(event for event in events if event["type"] == "epoch_end")
    assert set(epoch) >= {
        "type", "epoch", "val_losses", "weights", "lr_multipliers", "total_loss",
        "auto_stop_info", "progress_percent", "timestamp",
    }  # fmt: skip
    assert epoch["timestamp"] == "2026-11-20T09:00:00.000Z" and epoch["progress_percent"] == 2
    assert results["stopped_early"] and results["epochs"] < 50
    assert results["leaderboard"][0]["model"] == "large"
    run.write(tmp_path / run.id, {"dna": "0"}, {"entries": []})
    assert {path.name for path in (tmp_path / run.id).iterdir()} == {
        "oneseek_dna.json",
        "training_results.json",
        "live_metrics.json",
        "ledger_proof.json",
    }
    assert json.loads((tmp_path / run.id / "training_results.json").read_text()) == results


def test_a_run_that_had_enough_when_it_was_killed_trains_no_further_epoch():
    stop, kept = StopConfig(threshold=0.001, patience=2), []
    run = TrainingRun(
        ["small", "large"],
        50,
        0.4,
        lambda: 0,
        stop=stop,
        keep=lambda run: kept.append(run.to_dict()),
    )
    asyncio.run(run.run(Descent()))
    before_its_end = json.loads(json.dumps(kept[-2]))
    assert before_its_end["state"] == "training" and len(before_its_end["metrics"]) < 50
    again = TrainingRun.of(before_its_end, lambda: 0, lambda event: None, lambda run: None)
    asyncio.run(again.run(None))  # no trainer is passed, so any training would fail
    assert again.results == run.results


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    write_atomically(tmp_path / "f.json", {"a": 1})
    with pytest.raises(ValueError):
        write_atomically(tmp_path / "f.json", {"a": float("nan")})
    assert json.loads((tmp_path / "f.json").read_text()) == {"a": 1}


def test_the_identity_is_fifty_different_examples_half_in_each_language():
    examples = identity_examples()
    assert len({content_hash(one["prompt"], one["answer"]) for one in examples}) == 50
    assert sum(one["language"] == "sv" for one in examples) == 25
    lines = [json.loads(line) for line in IDENTITY_FILE.read_text().splitlines()]
    assert all(set(line) == {"instruction", "input", "output"} for line in lines)
    assert sum("OneSeek" in one["answer"] for one in examples) >= 6
