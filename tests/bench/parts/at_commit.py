"""The process of `bench before` that measures the code of a commit, started in its tree: it reads
the name of a part from stdin and writes a line of JSON, again and again."""

import asyncio
import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np

PACKAGE = "oneseek." if Path("oneseek").exists() else ""  # older trees have `engine` at the top
FACT = ("What is the code of the boat house?", "The code of the boat house is 7391.")
TEXT = "Once upon a time there was a tree that stood on a hill above the sea. " * 4
PROMPT, TOKENS = 60, 24
SHAPES = [(m, k, n) for m in (1, 24, 240) for k, n in ((576, 1536), (1536, 576))]
STEP, RANK, TARGETS = (4, 48), 16, 32


def part(*names: str):
    """The module under the first of these names that the tree has."""
    for name in names[:-1]:
        try:
            return importlib.import_module(PACKAGE + name)
        except ModuleNotFoundError:
            continue
    return importlib.import_module(PACKAGE + names[-1])


def kernels(threads: int | None = None):
    """An executor with the kernels of the tab under wasmtime."""
    native = part("engine.backends.wasm.native").Native(threads)
    return part("engine.backends.wasm.executor").Wasm(native)


def trainer_class():
    """The class that trains an adapter step by step, and that of its hyperparameters."""
    module = part("engine.learning.rounds.candidate", "engine.learning.rounds.shadow")
    return getattr(module, "Candidate", None) or module.Shadow, module.Hyper


class Work:
    """Each part is a method that returns milliseconds by name."""

    def __init__(self, smollm2: str, demo: str) -> None:
        self.files, self.known = {"smollm2": smollm2, "demo": demo}, {}

    async def model(self, name: str, executor):
        file = part("engine.model.formats").open_model(self.files[name])
        return await part("engine.model.loaded").Model.load(file, executor)

    async def products(self) -> dict:
        if "products" not in self.known:
            self.known["products"], executor = {}, kernels(1)
            ir, rng = part("engine.compiler.ir"), np.random.default_rng(0)
            for m, k, n in SHAPES:
                program = ir.Program("product")
                x = program.input("x", (m, k))
                codes = program.input("codes", (n, k // 8), "u32")
                scales = program.input("scales", (n, k // 32, 2))
                program.output("y", ir.OPS["packed_linear"](x, codes, scales, bits=4))
                run = executor.prepare(part("engine.compiler.schedule").plan(program))
                run.write("x", rng.normal(size=(m, k)).astype(np.float32))
                run.write("codes", rng.integers(0, 1 << 32, codes.shape, np.uint32))
                run.write("scales", rng.normal(size=scales.shape).astype(np.float32))
                self.known["products"][f"product {m} x {k} x {n}"] = run
        found = {}
        for name, run in self.known["products"].items():
            found[name] = min(measure_ms(run.run) for _ in range(8))
        return found

    async def answer(self) -> dict:
        if "answer" not in self.known:
            model = await self.model("smollm2", part("engine.backends.select").processor())
            self.known["answer"] = part("engine.model.generate").Generator(model)
        generator = self.known["answer"]
        for key in generator.pool.lanes.keys() - {generator.head_key}:
            del generator.pool.lanes[key]
        ids = generator.model.tokenizer.encode(TEXT)[:PROMPT]
        chosen = part("engine.model.choice.sampling", "engine.model.generate")
        began = time.perf_counter()
        answer = generator.start(ids, chosen.Sampling(max_tokens=TOKENS))
        with part("engine.turns", "engine.core.turns").urgent():
            await generator.answer_all([answer])
        first = 1e3 * (answer.first_token - began)
        return {"first token": first, "token": 1e3 / answer.tokens_per_second}

    async def training(self) -> dict:
        kind, hyper = trainer_class()
        batches = importlib.import_module("tests.bench.parts.batches")
        if "training" not in self.known:
            model = await self.model("smollm2", kernels())
            trained = part("engine.model.trainable").Trained.lora(model.config, RANK, 2 * RANK)
            stepped = kind(model, trained, memory_budget=80 << 20)
            stepped.begin(trained.initial(0))
            batch = batches.packed_rows_of(*STEP, TARGETS, model.config.vocab)
            self.known["training"] = stepped, batch
            await stepped.step(batch, hyper(1e-3))
        stepped, batch = self.known["training"]
        began = time.perf_counter()
        await stepped.step(batch, hyper(1e-3))
        return {"step": 1e3 * (time.perf_counter() - began)}

    async def lesson(self) -> dict:
        """A lesson of the demo model, by an assistant with an empty memory."""
        rounds = importlib.import_module("tests.bench.parts.rounds")
        model = await self.model("demo", kernels())
        told = rounds.Rounds(model, {})
        found = await told.took(part("engine.history.round_plan").LESSON, [FACT])
        return {"step of a lesson": 1e3 * found["step_seconds"], "lesson": 1e3 * found["seconds"]}


def measure_ms(work) -> float:
    began = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - began)


async def main() -> None:
    work = Work(*sys.argv[1:])
    for line in sys.stdin:
        print(json.dumps(await getattr(work, line.strip())()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
