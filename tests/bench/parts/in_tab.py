"""The functions that the benchmarks call in the tab's worker on the CPU; each returns JSON."""

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
from tests.bench.parts.skill_turns import SkillTurns
from tests.bench.parts.told import Told
from tests.support import architectures
from tests.support.same_in_both import MemoryStore

executor = Wasm(Tab())
RNG = np.random.default_rng(0)
TOLD = 2.0  # milliseconds of a timing at least, as the tab's clock is coarse
state: dict = {}


def kernel_bytes():
    """The size in bytes that the kernels' memory has grown to."""
    return executor.memory.host.size


async def open_with(count):
    """Replace the executor by one with an empty memory and so many threads."""
    global executor
    state.clear()
    executor = Wasm(Tab(count))


async def end_one():
    executor.memory.host.end_one()


async def learned(steps):
    """The SHA-256 of the adapter after so many steps from its initial state, and the number of
    pieces that helper threads computed."""
    candidate, before = state["candidate"], executor.count_helped()
    candidate.begin(candidate.trained.initial(0))
    for _ in range(steps):
        await candidate.step(state["batch"], Hyper(1e-3))
    adapter, _, _ = await candidate.state()
    digest = hashlib.sha256(adapter.tobytes()).hexdigest()
    return json.dumps([digest, executor.count_helped() - before])


async def threads(count):
    """Use at most so many threads from now on; return how many there are."""
    there = executor.memory.host.threads
    executor.most = min(count, there)
    return json.dumps(there)


def shortest(run, repeats):
    """The shortest time of a call in milliseconds; short calls are timed several at a time."""

    def measure_ms(together):
        began = time.perf_counter()
        for _ in range(together):
            run()
        return 1e3 * (time.perf_counter() - began) / together

    together = math.ceil(TOLD / max(TOLD / 100, measure_ms(1)))
    return min(measure_ms(together) for _ in range(repeats))


async def prepare(m, k, n, bits):
    """Prepare a product with a right side [n, k] of floats, or of `bits` packed in groups of 32."""
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
    """Prepare a program with random inputs: memory that was never written to reads too fast."""
    run = executor.prepare(plan(program))
    for name, value in program.inputs.items():
        numbers = RNG.normal(size=value.shape).astype(np.float32)
        run.write(name, numbers.view(DTYPES[value.spec.dtype]))
    return run


async def measure(threads, repeats):
    executor.most = threads
    return json.dumps(shortest(state["run"].run, repeats))


async def prepare_variant(name, settings, m, k, n, kind):
    """Prepare a product compiled with other constants than the engine's: of floats, or of packed
    weights, forward or transposed."""
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
    """A setting with integers as keys, which JSON turns into text."""
    return {int(k): v for k, v in setting.items()} if isinstance(setting, dict) else setting


async def measure_variant(name, repeats):
    return json.dumps(shortest(state[name].run, repeats))


async def load(blob):
    """Load the model; return the seconds and the bytes of its weights and of its file."""
    began = time.perf_counter()
    file = open_model(BlobSource(blob, "smollm2-135m"))
    state["model"] = model = await Model.load(file, executor)
    weights = sum(tensor.block.size for tensor in model.tensors.values())
    state["generator"] = Generator(model)
    seconds = time.perf_counter() - began
    return json.dumps(dict(seconds=seconds, weight_bytes=weights, file_bytes=blob.size))


async def first_token(blob):
    """Measure from a file to its first token, with an empty memory."""
    await open_with(None)
    return json.dumps(await from_file.measure(BlobSource(blob, "model.gguf"), executor))


async def answer(prompt, tokens):
    """Continue a prompt greedily and time it, by `spoken.answer`."""
    generator = state["generator"]
    ids = generator.model.tokenizer.encode(prompt, special=True)
    return json.dumps(await spoken.answer(generator, ids, tokens))


async def ask(question, tokens):
    """Answer a question greedily and time it, by `spoken.answer`."""
    generator = state["generator"]
    ids, _ = generator.encode([{"role": "user", "content": question}])
    return json.dumps(await spoken.answer(generator, ids, tokens))


async def prepare_training(rows, length, rank):
    """Prepare a training step of this shape; return the seconds, its pieces and its bytes."""
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
    """Run one training step; return its seconds."""
    candidate = state["candidate"]
    began = time.perf_counter()
    await candidate.step(state["batch"], Hyper(1e-3))
    return json.dumps(time.perf_counter() - began)


async def settle(settings=None):
    """Open an assistant, so that questions and lessons share memory as in the product; memory in
    use is counted from here on. `settings` replace some of the product's."""
    state["loaded"] = executor.memory.used
    other = settings.to_py() if settings else {}
    room = TRAINING_BYTES["cpu"]
    state["rounds"] = Rounds(state["model"], other, memory_budget=room, encoder_file=encoder)
    state["generator"] = state["rounds"].assistant.base


async def lesson(question, answer, alone=False, patient=False):
    """Run a whole first lesson; return its figures and the memory in use after it."""
    told = [(question, answer)]
    found = await state["rounds"].took(LESSON, told, alone=alone, patient=patient)
    used = executor.memory.used - state["loaded"] + found["adapter_bytes"]
    return json.dumps(found | {"bytes_training": used})


async def practice(facts, only=0):
    return json.dumps(await state["rounds"].took(PRACTICE, facts.to_py(), only))


async def profile():
    """Milliseconds of each op in one step and of the longest piece, and the floating-point
    operations of its packed products."""
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
    """The memory's encoder, fetched from beside the page."""
    return BlobSource(await (await js.fetch("/encoder.gguf")).blob(), "encoder.gguf")


async def told(name, *args):
    """Call a method of `Told`, with an assistant that begins with an empty memory."""
    if "told" not in state:
        state["told"] = Told(state["model"], MemoryStore(), encoder_file=encoder)
    given = [arg.to_py() if hasattr(arg, "to_py") else arg for arg in args]
    return json.dumps(await getattr(state["told"], name)(*given))


async def turns(name, *args):
    """Call a method of `SkillTurns`."""
    if "turns" not in state:
        state["turns"] = SkillTurns(state["model"], MemoryStore(), encoder_file=encoder)
    given = [arg.to_py() if hasattr(arg, "to_py") else arg for arg in args]
    return json.dumps(await getattr(state["turns"], name)(*given))


async def architecture(kind):
    """The error of a small random model of an architecture against transformers."""
    return json.dumps(await architectures.figures(kind, executor))


async def pictures():
    """The error of the vision model against transformers on these kernels."""
    await pyodide_js.loadPackage("pillow")  # it decodes the pictures
    from tests.support import pictures

    return json.dumps(await pictures.figures(executor))


async def prepare_photo(data, times):
    """The seconds of preparing a photo, given in base64, `times` times."""
    await pyodide_js.loadPackage("pillow")
    from tests.bench.parts.photo import prepare

    return json.dumps([prepare(b64decode(data))[0] for _ in range(times)])
