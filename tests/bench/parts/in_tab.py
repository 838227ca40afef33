"""What the CPU benchmark asks of OneSeek inside the tab; every answer is JSON."""

import hashlib
import json
import math
import time
from base64 import b64decode
from collections import Counter

import js
import numpy as np
import pyodide_js

from oneseek.engine.backends.reference import DTYPES
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.kernels import few_rows, matmul
from oneseek.engine.backends.wasm.program import kernel_of
from oneseek.engine.backends.wasm.tab import Tab
from oneseek.engine.compiler.ir import OPS, Program
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.history.round_plan import LESSON, PRACTICE
from oneseek.engine.learning.rounds.candidate import Candidate, Hyper
from oneseek.engine.learning.trainer import TRAINING_BYTES
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.formats.browser import BlobSource
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from tests.bench.parts import from_file, spoken
from tests.bench.parts.batches import packed_rows_of
from tests.bench.parts.rounds import Rounds
from tests.bench.parts.told import Told
from tests.support import architectures
from tests.support.same_in_both import MemoryStore

executor = Wasm(Tab())
RNG = np.random.default_rng(0)
TOLD = 2.0  # milliseconds
state: dict = {}


def kernel_bytes():
    """What the kernels' memory has grown to."""
    return executor.memory.host.size


async def open_with(count):
    """From now on another memory with so many threads; nothing is loaded into it yet."""
    global executor
    state.clear()
    executor = Wasm(Tab(count))


async def end_one():
    executor.memory.host.end_one()


async def learned(steps):
    """What the adapter is after so many steps from the beginning, and the pieces others did."""
    candidate, before = state["candidate"], executor.count_helped()
    candidate.begin(candidate.trained.initial(0))
    for _ in range(steps):
        await candidate.step(state["batch"], Hyper(1e-3))
    adapter, _, _ = await candidate.state()
    digest = hashlib.sha256(adapter.tobytes()).hexdigest()
    return json.dumps([digest, executor.count_helped() - before])


async def threads(count):
    """At most so many from now on; how many there are."""
    there = executor.memory.host.threads
    executor.most = min(count, there)
    return json.dumps(there)


def shortest(run, repeats):
    """Of some calls, in milliseconds; calls that the clock cannot tell apart go together."""

    def measure_ms(together):
        began = time.perf_counter()
        for _ in range(together):
            run()
        return 1e3 * (time.perf_counter() - began) / together

    together = math.ceil(TOLD / max(TOLD / 100, measure_ms(1)))
    return min(measure_ms(together) for _ in range(repeats))


async def prepare(m, k, n, bits):
    """A product with a constant right side [n, k]: floats, or packed in groups of 32."""
    program = Program("product")
    x = program.input("x", (m, k))
    if bits:
        codes = program.input("codes", (n, k * bits // 32), "u32")
        scales = program.input("scales", (n, k // 32, 2))
        program.output("y", OPS["packed_linear"](x, codes, scales, bits=bits))
    else:
        program.output("y", OPS["matmul"](x, program.input("w", (n, k)), tb=True))
    state["run"] = prepare_run(program)


def prepare_run(program):
    """Ready to run, with numbers in it: memory that nobody has written to is quick to read."""
    run = executor.prepare(plan(program))
    for name, value in program.inputs.items():
        numbers = RNG.normal(size=value.shape).astype(np.float32)
        run.write(name, numbers.view(DTYPES[value.spec.dtype]))
    return run


async def measure(threads, repeats):
    executor.most = threads
    return json.dumps(shortest(state["run"].run, repeats))


async def prepare_variant(name, settings, m, k, n, kind):
    """A product compiled with other constants than the engine's: of floats, or packed, forward or
    transposed."""
    program = Program(name)
    x = program.input("x", (m, n if kind == "packed_linear_dx" else k))
    if kind == "matmul":
        program.output("y", OPS[kind](x, program.input("w", (n, k)), tb=True))
    else:
        codes = program.input("codes", (n, k * 4 // 32), "u32")
        scales = program.input("scales", (n, k // 32, 2))
        program.output("y", OPS[kind](x, codes, scales, bits=4))
    changed = [
        (matmul if hasattr(matmul, where) else few_rows, where, to)
        for where, to in settings.to_py().items()
    ]
    before = [(module, where, getattr(module, where)) for module, where, _ in changed]
    for module, where, to in changed:
        setattr(module, where, parse_keys(to))
    state[name] = prepare_run(program)
    for module, where, to in before:
        setattr(module, where, to)


def parse_keys(setting):
    """JSON knows only text as keys."""
    return {int(k): v for k, v in setting.items()} if isinstance(setting, dict) else setting


async def measure_variant(name, repeats):
    return json.dumps(shortest(state[name].run, repeats))


async def load(blob):
    """The model resident; how long that took, the bytes of its weights and of its file."""
    began = time.perf_counter()
    file = open_model(BlobSource(blob, "smollm2-135m"))
    state["model"] = model = await Model.load(file, executor)
    weights = sum(tensor.block.size for tensor in model.tensors.values())
    state["generator"] = Generator(model)
    seconds = time.perf_counter() - began
    return json.dumps(dict(seconds=seconds, weight_bytes=weights, file_bytes=blob.size))


async def first_token(blob):
    """From a file to its first token, in a memory where nothing is yet."""
    await open_with(None)
    return json.dumps(await from_file.measure(BlobSource(blob, "model.gguf"), executor))


async def answer(prompt, tokens):
    """What follows a prompt, greedily, from an empty cache."""
    generator = state["generator"]
    ids = generator.model.tokenizer.encode(prompt, special=True)
    return json.dumps(await spoken.answer(generator, ids, tokens))


async def ask(question, tokens):
    """The answer to a question, greedily, from an empty cache."""
    generator = state["generator"]
    ids, _ = generator.encode([{"role": "user", "content": question}])
    return json.dumps(await spoken.answer(generator, ids, tokens))


async def prepare_training(rows, length, rank):
    """One learning step of that shape, ready to be repeated; the bytes it needs."""
    model = state["model"]
    trained = Trained.lora(model.config, rank, 2 * rank)
    candidate = Candidate(model, trained, memory_budget=TRAINING_BYTES["cpu"])
    candidate.begin(trained.initial(0))
    batch = packed_rows_of(rows, length, 32, model.config.vocab)
    began = time.perf_counter()
    candidate.load(batch, Hyper(1e-3))
    state["candidate"], state["batch"] = candidate, batch
    compiled = candidate._run.program
    bytes_of = dict(
        activations=compiled.arena,
        scratch=compiled.scratch,
        state=sum(t.block.size for t in candidate.tensors.values()),
        module=len(compiled.module.encode()),
    )
    return json.dumps(
        dict(seconds=time.perf_counter() - began, pieces=len(candidate._run), **bytes_of)
    )


async def train():
    """Seconds of one whole step."""
    candidate = state["candidate"]
    began = time.perf_counter()
    await candidate.step(state["batch"], Hyper(1e-3))
    return json.dumps(time.perf_counter() - began)


async def settle(settings=None):
    """From here on questions and lessons share memory, as they do in the product; it counts. By
    other settings than the product's where they are told."""
    state["loaded"] = executor.memory.used
    other = settings.to_py() if settings else {}
    room = TRAINING_BYTES["cpu"]
    state["rounds"] = Rounds(state["model"], other, memory_budget=room, encoder_file=encoder)
    state["generator"] = state["rounds"].assistant.base


async def lesson(question, answer, alone=False, patient=False):
    """A whole first lesson: what it took, and the memory in use then."""
    told = [(question, answer)]
    found = await state["rounds"].took(LESSON, told, alone=alone, patient=patient)
    used = executor.memory.used - state["loaded"] + found["adapter_bytes"]
    return json.dumps(found | {"bytes_training": used})


async def practice(facts, only=0):
    return json.dumps(await state["rounds"].took(PRACTICE, facts.to_py(), only))


async def profile():
    """Milliseconds of each op in one step, the work of its products, and the longest piece."""
    batch = state["batch"]
    run = state["candidate"].run_for(len(batch["ids"]), len(batch["take"]))
    times: Counter = Counter()
    work: Counter = Counter()
    longest, kernels = 0.0, {}
    for i, steps in enumerate(run.program.steps):
        began = time.perf_counter()
        run.run(i, i + 1)
        spent = 1e3 * (time.perf_counter() - began)
        times["+".join(step.op.name for step, _, _ in steps)] += spent
        longest = max(longest, spent)
        for step, lo, hi in steps:
            kernel = kernels.setdefault(id(step), kernel_of(step))
            if kernel and step.op.name.startswith("packed_linear"):
                work[step.op.name] += kernel.work * (hi - lo) / kernel.extent
    return json.dumps(dict(ms=times, work=work, longest=longest))


async def encoder():
    """The memory's, from beside the page."""
    return BlobSource(await (await js.fetch("/encoder.gguf")).blob(), "encoder.gguf")


async def told(name, *args):
    """What an assistant does that is told facts; it begins with nothing known."""
    if "told" not in state:
        state["told"] = Told(state["model"], MemoryStore(), encoder_file=encoder)
    given = [arg.to_py() if hasattr(arg, "to_py") else arg for arg in args]
    return json.dumps(await getattr(state["told"], name)(*given))


async def architecture(kind):
    """How far a small random model of a kind is from what transformers computes of it."""
    return json.dumps(await architectures.figures(kind, executor))


async def pictures():
    """How far the model with eyes is from transformers on these kernels."""
    await pyodide_js.loadPackage("pillow")  # which shows it pictures
    from tests.support import pictures

    return json.dumps(await pictures.figures(executor))


async def prepare_photo(data, times):
    """The seconds that each of some times takes to prepare a photo, given in base64."""
    await pyodide_js.loadPackage("pillow")
    from tests.bench.parts.photo import prepare

    return json.dumps([prepare(b64decode(data))[0] for _ in range(times)])
