"""A round must be complete when exported to another engine; its result must pass the gate before it
is used."""

import asyncio
import json
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.main import main
from oneseek.engine.cli.options import Bar
from oneseek.engine.cli.session import Session, record_of
from oneseek.engine.core.settings import for_model
from oneseek.engine.learning.batch import pack
from oneseek.engine.learning.replay import History
from oneseek.engine.learning.rounds import exported_round
from oneseek.engine.model.adapters import save_peft
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.support.command import call, read_output

FACTS = [
    {"question": "What is my boat called?", "answer": "Your boat is called Saltkråkan."},
    {"question": "What is my dog called?", "answer": "Your dog is called Biscuit."},
]
SMALL = {"practice": {"steps_per_fact": 2, "anchor_rows": 1, "neighbour_rows": 2}}


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


@pytest.fixture
def session(model, tmp_path):
    config = for_model(model.config.parameters).replace(**SMALL)
    opened = asyncio.run(Session.open(tmp_path / "mine", model, config))
    yield opened
    asyncio.run(opened.close())


def facts(tmp_path):
    path = tmp_path / "facts.jsonl"
    path.write_text("".join(json.dumps(fact) + "\n" for fact in FACTS), "utf-8")
    return path


@pytest.mark.slow
def test_a_written_round_reads_back_as_the_very_steps_it_was(session, tmp_path):
    attempt = asyncio.run(session.open_round(also=[record_of(fact) for fact in FACTS]))
    asyncio.run(exported_round.write(attempt, tmp_path / "round"))
    back = exported_round.read(tmp_path / "round")
    assert len(back.header["steps"]) == attempt.steps == 4
    for step in range(attempt.steps):
        ours = pack(asyncio.run(attempt.rows(step)), attempt.kl_weight).arrays
        theirs = pack(back.of(step), back.header["kl_weight"]).arrays
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
        assert back.header["rates"][step] == attempt.pace.rate(step)
    lines = (tmp_path / "round" / exported_round.ROWS).read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    near = [line for line in found if line["part"] == "neighbours"]
    assert near and all("expected" in line for line in near)
    assert any(line["messages"][-1]["content"].startswith(line["begin"]) for line in near)
    taught = [line["messages"] for line in found if line["part"] == "taught"]
    assert {turns[-1]["content"] for turns in taught} == {fact["answer"] for fact in FACTS}


@pytest.mark.slow
def test_the_shares_of_a_step_add_up_to_the_step(session, model):
    """The losses of the processes over their own rows must add up to the loss over all rows."""

    def losses(batch):
        shape = len(batch.arrays["ids"]), len(batch.arrays["take"])
        run = model.prepare(model.program("score", *shape), {})
        for name, array in batch.arrays.items():
            run.write(name, array)
        asyncio.run(run.advance())
        return float(asyncio.run(run.read("losses")).sum())

    attempt = asyncio.run(session.open_round(also=[record_of(fact) for fact in FACTS]))
    rows = asyncio.run(attempt.rows(0))
    whole = losses(pack(rows, 3.0))
    shares = [losses(pack(rows[n::3], 3.0, of=rows)) for n in range(3)]
    assert sum(shares) == pytest.approx(whole, rel=1e-4)


@pytest.mark.slow
def test_what_any_tool_reads_is_the_taught_part_and_the_rest_is_told(tmp_path, capsys):
    out = tmp_path / "plain.jsonl"
    more = ["--format", "trl", "--lessons", facts(tmp_path), "--out", out]
    assert main(call("export", *more)) == 0
    told = capsys.readouterr()
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert lines and all(list(line) == ["messages"] for line in lines)
    assert {line["messages"][-1]["content"] for line in lines} == {f["answer"] for f in FACTS}
    assert json.loads(told.out)["left_out"].keys() == {"neighbours", "anchors"}
    assert "left out" in told.err and "neighbours" in told.err


def test_without_the_extra_one_line_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    more = ["--engine", "torch", "--data", facts(tmp_path), "--out", tmp_path / "out"]
    assert main(call("train", *more)) == 1
    assert "pip install 'oneseek[torch]'" in capsys.readouterr().err.splitlines()[-1]


def test_a_group_needs_its_extra_and_says_which(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["federate", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "pip install 'oneseek[federated]'" in said[0]


def adapters(session, tmp_path):
    """Save one adapter that changes nothing and one of noise."""
    trained = session.trainer.trained
    harmless = session.trainer.fresh()["adapter"]
    noise = np.random.default_rng(1).normal(0, 0.3, trained.size).astype(np.float32)
    save_peft(tmp_path / "harmless", trained, harmless, "tiny", name="Came from afar")
    save_peft(tmp_path / "noise", trained, harmless + noise, "tiny")


@pytest.mark.slow
def test_an_adapter_is_used_only_if_the_gate_lets_it_in(session, tmp_path, capsys):
    adapters(session, tmp_path)
    out = ["--out", tmp_path / "used"]
    assert main(call("adopt", tmp_path / "noise", *out, short=False)) == 0
    refused = read_output(capsys)[0]
    assert refused["outcome"] == "not imported" and refused["version"] is None
    assert refused["reason"] and not (tmp_path / "used" / "adapter_config.json").exists()
    assert main(call("adopt", tmp_path / "harmless", *out, short=False)) == 0
    taken = read_output(capsys)[0]
    assert taken["outcome"] == "imported" and taken["version"]
    assert (tmp_path / "used" / "adapter_config.json").exists()


def test_what_is_forgotten_goes_with_the_adapter_that_came_after_it(session, tmp_path):
    """One fact cannot be removed from weights trained elsewhere: forgetting it must drop them,
    without an error."""
    adapters(session, tmp_path)

    async def run():
        versions, training = session.versions, session.training
        record = record_of(FACTS[0])
        await session.store.batch([["put", "queue", record["id"], record]])
        plan = await training.open("lesson", [record])
        await versions.promote("generic", None, plan, session.trainer.fresh(), {"accepted": True})
        training.drop()
        current = await versions.current()
        adopted = await training.adopt(session.trainer.fresh())
        assert adopted["parent"] == current["number"]
        await History(versions, session.trainer).forget([record["id"]])
        return await versions.number("generic"), await versions.pool()

    number, pool = asyncio.run(run())
    assert not number and pool == []


def test_a_terminal_sees_how_far_it_is_and_how_fast_and_the_line_ends(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    bar = Bar("torch")
    for step in (1, 2):
        bar({"step": step, "steps": 2, "loss": 0.5, "tokens_per_second": 812.3})
    shown = capsys.readouterr().err
    assert shown.count("\r") == 2 and shown.endswith("2/2  loss 0.500  812 tokens/s \n")
