"""The announced memory of a lesson must be what it takes: natively and in Chromium, measured as the
process's peak and as the heaps of Python and of the kernels."""

import asyncio
import json
import math
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from oneseek.engine.backends.select import processor
from oneseek.engine.core.settings import TrainingConfig, for_model
from oneseek.engine.history.round_plan import LESSON, make_plan
from oneseek.engine.learning.needs import file_takes, model_takes
from oneseek.engine.learning.trainer import TRAINING_BYTES, RoundTrainer
from oneseek.engine.model import registry
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from tests.bench.parts import lab
from tests.support.rounds import DOG

STEPS = 2
CHATS = {"tiny": "blue " * 60, "smollm2-135m": "blue " * 1900}  # about the longest possible chat
MODELS = ["tiny", pytest.param("smollm2-135m", marks=pytest.mark.long)]  # 0.6 and 98 MB: minutes
ALONE = "import sys; from tests.learning.test_told_memory import measure_lesson; measure_lesson(sys.argv[1])"


SHORT = {"lesson": {"max_steps": STEPS, "more_steps": 0}}


def short(config: TrainingConfig) -> TrainingConfig:
    return config.replace(**SHORT)


def peak() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def measure_lesson(name: str) -> None:
    """Measure a lesson; runs in a new process, whose peak memory it reads."""
    executor, before = processor(), peak()

    async def lesson():
        with closing(open_model(registry.find(name))) as file:
            model = await Model.load(file, executor)
        generator = Generator(model)
        answer = generator.ask([{"role": "user", "content": CHATS[name]}], Sampling(max_tokens=2))
        await generator.answer_all([answer])
        config = short(for_model(model.config.parameters))
        trainer = await RoundTrainer.open(model, config)
        fresh = trainer.fresh()
        attempt = trainer.begin(fresh, make_plan(LESSON, fresh, [DOG], [], {}))
        while await attempt.advance(math.inf) is not None:
            pass
        kept = await attempt.capture()
        await attempt.judge()
        return model_takes(model)["learn_bytes"], len(kept)

    told, _ = asyncio.run(lesson())
    print(json.dumps({"told": told, "taken": peak() - before}))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_natively(name, capsys):
    call = [sys.executable, "-c", ALONE, name]
    found = json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
    agree(name, "natively", found["told"], found["taken"], capsys)


@pytest.mark.long
@pytest.mark.parametrize("name", MODELS)
def test_in_chromium(name, capsys):
    path = registry.find(name)
    with closing(open_model(path)) as file:
        told = file_takes(file, TRAINING_BYTES["cpu"])["learn_bytes"]
    with lab.opened(peers={}, model=path) as page:
        before = lab.call(page, "ours", "memory")["wasm"]
        lab.call(page, "ours", "load", "/model.gguf")
        lab.call(page, "ours", "python", "settle", SHORT)
        lab.call(page, "ours", "python", "ask", CHATS[name], 2)
        lab.call(page, "ours", "python", "lesson", DOG["prompt"], DOG["answer"], seconds=900)
        after = lab.call(page, "ours", "memory")["wasm"]
    agree(name, "in Chromium", told, after - before, capsys)


def agree(name, where, told, taken, capsys):
    with capsys.disabled():
        print(f"\n{name} {where}: told {told / 2**20:.0f} MiB, taken {taken / 2**20:.0f}")
    assert 0.8 < told / taken < 1.25
