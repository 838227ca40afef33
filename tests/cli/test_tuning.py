"""`oneseek train --tune`, interrupted: the same command must go on with its table, and train with
the settings that it chose."""

import json

import pytest

from oneseek.engine.cli.main import main
from oneseek.engine.learning.tuning.halving import DEFAULTS
from oneseek.engine.learning.tuning.trials import Trials
from tests.support.command import call

SET = ["--set", "epochs=1", "practice.anchor_rows=0", "practice.text_rows=0"]
EXAMPLES = [
    {"prompt": f"What is {n} times two?", "completion": f"It is {2 * n}, my friend."}
    for n in range(30)
]


class Clock:
    """A clock that advances by the same amount at every look, however busy the machine is."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now


@pytest.mark.slow
def test_tries_that_were_interrupted_go_on_and_the_best_settings_train(
    tmp_path, capsys, monkeypatch
):
    data, out = tmp_path / "data.jsonl", tmp_path / "out"
    data.write_text("".join(json.dumps(one) + "\n" for one in EXAMPLES))
    line = call("train", "--data", data, "--out", out, "--tune", "4s", *SET, short=False)
    tried: list[int | str] = []
    tables, go = [], Trials._try

    async def interrupt(self, tuning, *coming):
        tables.append(tuning.kept)
        if len(tried) == 2:
            tried.append("Ctrl+C")
            raise KeyboardInterrupt
        tried.append(coming[0])
        await go(self, tuning, *coming)

    monkeypatch.setattr(Trials, "_try", interrupt)
    monkeypatch.setattr("oneseek.engine.cli.session.time", Clock())
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        raise SystemExit(main(line))
    before = json.loads(json.dumps(tables[-1]["results"]))
    assert [one["try"] for one in before] == tried[:2] and tried[0] == DEFAULTS
    assert main(line) == 0
    said = capsys.readouterr()
    table = tables[-1]
    assert table["results"][:2] == before and len(table["results"]) > 2
    assert table["spent"] <= 4 and (table["chosen"], table["why"]) != (DEFAULTS, "time")
    assert "the defaults stay" in said.err or "chosen:" in said.err
    (ended,) = [json.loads(one) for one in said.out.splitlines()]
    assert ended["version"] or ended["reason"]
    count = len(tried)
    assert main(line) == 0 and len(tried) == count, "what was trained is not tried again"


@pytest.mark.parametrize(
    "more, why",
    [
        (["--tune", "soon"], "no time for tries"),
        (["--tune", "30s", "--engine", "torch"], "--tune works only with the built-in engine"),
    ],
)
def test_what_cannot_be_tuned_is_said_before_a_model_is_loaded(more, why, tmp_path, capsys):
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps(EXAMPLES[0]) + "\n")
    assert main(call("train", "--data", data, "--out", tmp_path / "out", *more, short=False)) == 1
    assert why in capsys.readouterr().err
