"""`--engine torch` must take the same steps as the engine here, with one process and with two, and
resume after a kill."""

import asyncio
import json
import os
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from builder import ROOT, environment
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.session import Session, record_of
from oneseek.engine.core.settings import for_data, for_model
from oneseek.engine.history.round_plan import TRAINING
from oneseek.engine.learning.datasets import data_set_record
from oneseek.engine.learning.rounds import exported_round
from oneseek.engine.learning.skills.skills import line_of, skill_record
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model

# They need PyTorch (200 MB), which five processes import.
pytestmark = [pytest.mark.slow, pytest.mark.long]

FACTS = [
    {"question": "What is my boat called?", "answer": "Your boat is called Saltkråkan."},
    {"question": "What is my dog called?", "answer": "Your dog is called Biscuit."},
]
LONGEST = 300


@pytest.fixture(scope="module")
def programs() -> Path:
    return environment.extra("torch")


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


async def steps_here(attempt, folder: Path) -> list[float]:
    """Write a round into a folder; returns the losses of its steps, computed here."""
    await exported_round.write(attempt, folder)
    losses = []
    while (metrics := await attempt.advance(float("inf"))) is not None:
        losses.append(metrics["loss"])
    return losses


@pytest.fixture(scope="module")
def own(tmp_path_factory, model):
    """A practice round in a folder, with dropout, and the losses of its steps, computed here."""
    folder = tmp_path_factory.mktemp("torch")
    config = for_model(model.config.parameters).replace(practice={"steps_per_fact": 8})

    async def both():
        session = await Session.open(folder / "own", model, config)
        attempt = await session.open_round(also=[record_of(fact) for fact in FACTS])
        losses = await steps_here(attempt, folder / "round")
        await session.close()
        return losses

    return folder, asyncio.run(both())


def command(programs: Path, out: Path, data: Path, processes: int = 1) -> list[str]:
    start = [str(programs / "python")]
    if processes > 1:
        start = [str(programs / "torchrun"), "--nproc-per-node", str(processes)]
    more = ["--engine", "torch", "--model", "tiny", "--data", str(data), "--out", str(out)]
    return [*start, "-m", "oneseek.engine.cli.main", "train", *more]


def run(line: list[str]) -> None:
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    assert done.returncode == 0, done.stderr[-2000:]


def curve(out: Path) -> list[float]:
    return json.loads((out / "curve.json").read_text())["loss"]


def apart(one: list[float], other: list[float]) -> float:
    assert len(one) == len(other)
    return max(abs(a - b) / abs(b) for a, b in zip(one, other, strict=True))


def test_one_process_takes_the_steps_that_are_taken_here(own, programs):
    folder, losses = own
    run(command(programs, folder / "one", folder / "round"))
    assert apart(curve(folder / "one"), losses) < 1e-3


def test_two_processes_and_a_kill_change_nothing(own, programs):
    folder, losses = own
    out = folder / "two"
    with subprocess.Popen(
        command(programs, out, folder / "round", 2),
        cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as first:  # fmt: skip
        ends = time.monotonic() + LONGEST
        while not (out / exported_round.CHECKPOINT).exists():
            assert first.poll() is None and time.monotonic() < ends
            time.sleep(0.01)
        os.killpg(first.pid, signal.SIGKILL)
    assert not (out / "adapter_config.json").exists(), "it was over before it could be killed"
    run(command(programs, out, folder / "round", 2))
    assert apart(curve(out), losses) < 1e-3


def test_the_steps_of_a_skill_are_those_of_pytorch_and_peft(model, programs, tmp_path):
    data = ROOT / "examples" / "skills" / "units" / "train.jsonl"
    record = skill_record("units", data_set_record(data))
    usual = for_data("examples", model.config.parameters, record["examples"], skill=True)
    config = usual.replace(epochs=2, skip_poor=False, confidence_auto_stop={"enabled": False})

    async def train():
        session = await Session.open(tmp_path / "own", model, config)
        await session.training.open(TRAINING, [record], line_of("units"))
        losses = await steps_here(session.training.attempt, tmp_path / "round")
        await session.close()
        return losses

    losses = asyncio.run(train())
    run(command(programs, tmp_path / "torch", tmp_path / "round"))
    assert len(losses) == 24 and losses[-1] < 0.8 * losses[0]
    assert apart(curve(tmp_path / "torch"), losses) < 1e-3


def test_what_torch_made_of_a_data_set_is_judged_here(own, programs):
    """One command goes all the way: rows, steps elsewhere, validation, gate, version."""
    folder, _ = own
    data = folder / "asked.jsonl"
    pairs = [{"prompt": f["question"], "completion": f["answer"]} for f in FACTS * 4]
    data.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), "utf-8")
    out = folder / "data"
    more = ["--json", "--set", "epochs=2", "practice.anchor_rows=1"]
    done = subprocess.run(
        [*command(programs, out, data), *more],
        cwd=ROOT, capture_output=True, text=True, timeout=LONGEST,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    ended = json.loads(done.stdout)
    assert ended["outcome"] in ("trained", "weakened", "not trained", "not learned")
    assert ended["measures"] and len(ended["losses"]) == 2
    assert not (out / "round").exists() and not (out / exported_round.CHECKPOINT).exists()
