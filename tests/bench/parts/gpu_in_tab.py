"""The functions that the GPU benchmarks call, natively and in the tab; each returns JSON."""

import asyncio
import base64
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from oneseek.engine.backends.gpu.executor import GPU
from oneseek.engine.backends.gpu.run import AHEAD, TAUGHT
from oneseek.engine.compiler.ir import OPS, Program
from oneseek.engine.compiler.pieces import LEAST_MS
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.history.round_plan import LESSON
from oneseek.engine.learning.rounds.candidate import Candidate, Hyper
from oneseek.engine.learning.trainer import TRAINING_BYTES
from oneseek.engine.model import generate
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import BytesSource, open_model
from oneseek.engine.model.generate import Generator, chunk_size
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from oneseek.engine.turns import urgent
from tests.bench.parts import spoken
from tests.bench.parts.batches import packed_rows_of
from tests.bench.parts.rounds import Rounds
from tests.support.gpu_calls import counted

RANK, TARGETS = 8, 32
state: dict = {}


def natively() -> Callable[..., Any]:
    """A function that calls those of this module natively, as `lab.call` does in a tab."""
    loop = asyncio.new_event_loop()

    def ask(name: str, *arguments):
        return json.loads(loop.run_until_complete(globals()[name](*arguments)))

    return ask


def fill(count: int, seed: int) -> np.ndarray:
    """The same pseudo-random inputs as in lab/numbers.mjs."""
    index = np.arange(1, count + 1, dtype=np.uint32) * np.uint32(2654435761)
    return ((index + np.uint32(seed * 40503)) / 2**32 - 0.5).astype(np.float32)


def trace_kernel(kernel: str, shape: list, backward: bool) -> tuple[Program, dict]:
    """The program of one kernel, forward or with backward too, and the values of its inputs."""
    program, feeds = Program(kernel), {}

    def add_input(name, size, seed=None, array=None):
        value = array if array is not None else fill(int(np.prod(size)), seed).reshape(size)
        feeds[name] = value
        return program.input(name, tuple(size), "i32" if value.dtype.kind == "i" else "f32")

    steps = {"matmul": matmul, "attention": attention, "rmsnorm": rmsnorm}
    steps["cross_entropy"] = cross_entropy
    for name, value in zip(("y", "dx"), steps[kernel](add_input, shape, backward), strict=False):
        program.output(name, value)
    return program, feeds


def matmul(given, shape, backward):
    m, k, n = shape
    a, b = given("a", (m, k), 1), given("b", (k, n), 2)
    y = OPS["matmul"](a, b)
    if not backward:
        return (y,)
    dy = given("dy", (m, n), 9)
    da, db = OPS["matmul"](dy, b, tb=True), OPS["matmul"](a, dy, ta=True)
    return y, da, db


def heads_last(seed, t, heads, d):
    """The peers' input [heads, t, d] in our layout [t, heads * d]."""
    array = fill(heads * t * d, seed).reshape(heads, t, d)
    return np.ascontiguousarray(array.swapaxes(0, 1)).reshape(t, heads * d)


def attention(given, shape, backward):
    t, heads, kv, d = shape
    at = np.arange(t, dtype=np.int32)
    spans = given("spans", (t, 4), array=np.stack([0 * at, 0 * at, 0 * at, at + 1], -1))
    q = given("q", (t, heads * d), array=heads_last(1, t, heads, d))
    k, v = (given(n, (t, kv * d), array=heads_last(s, t, kv, d)) for n, s in (("k", 2), ("v", 3)))
    sizes = dict(heads=heads, kv_heads=kv)
    y, logsum = OPS["attention"](q, k, v, spans, **sizes)
    if not backward:
        return (y,)
    dy = given("dy", (t, heads * d), array=heads_last(9, t, heads, d))
    dq = OPS["attention_dq"](dy, y, logsum, q, k, v, spans, **sizes)
    OPS["attention_dkv"](dy, y, logsum, q, k, v, spans, **sizes)
    return y, dq


def rmsnorm(given, shape, backward):
    rows, cols = shape
    x, w = given("x", (rows, cols), 1), given("w", (cols,), 2)
    y = OPS["rmsnorm"](x, w, eps=1e-5)
    if not backward:
        return (y,)
    dy = given("dy", (rows, cols), 9)
    dx = OPS["rmsnorm_dx"](x, w, dy, eps=1e-5)
    OPS["rmsnorm_dw"](x, w, dy, eps=1e-5)
    return y, dx


def cross_entropy(given, shape, backward):
    rows, vocabulary = shape
    ids = (np.arange(rows, dtype=np.int32)[:, None] * 7919 + 13) % vocabulary
    one, none = np.ones((rows,), np.float32), np.zeros((rows,), np.float32)
    gradient, loss = OPS["soft_cross_entropy"](
        given("logits", (rows, vocabulary), 1),
        given("ids", (rows, 1), array=ids),
        given("probs", (rows, 1), array=one[:, None]),
        given("rest", (rows,), array=none),
        given("weight", (rows,), array=one),
    )
    return loss, gradient


async def executor() -> GPU:
    if "gpu" not in state:
        state["gpu"] = await GPU.open()
    return state["gpu"]


async def prepare(kernel, shape, backward):
    shape = [int(size) for size in shape]
    program, feeds = trace_kernel(kernel, shape, backward)
    run = state["run"] = (await executor()).prepare(plan(program))
    for name, array in feeds.items():
        run.write(name, array)
    await run.ready()
    state["output"] = "dx" if backward else "y"
    return json.dumps(state["gpu"].description)


async def describe():
    return json.dumps((await executor()).description)


async def measure(repeats):
    run, gpu = state["run"], state["gpu"]
    await gpu.wait_for_work()
    began = time.perf_counter()
    for _ in range(int(repeats)):
        run.run()
    await gpu.wait_for_work()
    return json.dumps(1e3 * (time.perf_counter() - began) / repeats)


async def result():
    state["run"].run()
    array = await state["run"].read(state["output"])
    return json.dumps(base64.b64encode(np.ascontiguousarray(array).tobytes()).decode())


async def load(data):
    """Load the model onto the device; return the seconds."""
    data = data.to_py() if hasattr(data, "to_py") else data
    began = time.perf_counter()
    file = open_model(BytesSource(data, "smollm2-135m"))
    state["model"] = await Model.load(file, await executor(), 512)
    return json.dumps(time.perf_counter() - began)


async def answer(prompt, tokens):
    """Continue a prompt greedily and time it, by `spoken.answer`."""
    generator = speaker()
    ids = generator.model.tokenizer.encode(prompt, special=True)
    return json.dumps(await spoken.answer(generator, ids, int(tokens)))


async def ask(question, tokens):
    """Answer a question greedily and time it, by `spoken.answer`."""
    ids, _ = speaker().encode([{"role": "user", "content": question}])
    return json.dumps(await spoken.answer(speaker(), ids, int(tokens)))


def speaker() -> Generator:
    if "generator" not in state:
        state["generator"] = Generator(state["model"])
    return state["generator"]


async def prepare_step(rows, length):
    """Prepare a QLoRA step with adapters on all seven projections; return its dispatches."""
    model = state["model"]
    trained = Trained.lora(model.config, RANK, 2 * RANK)
    candidate = state["candidate"] = Candidate(model, trained)
    candidate.begin(trained.initial(0))
    state["batch"] = packed_rows_of(rows, length, TARGETS, model.config.vocab)
    candidate.load(state["batch"], Hyper(1e-3))
    await candidate._run.ready()
    return json.dumps(len(candidate._run))


async def step():
    """Run one step: milliseconds in all, those that the host spends issuing it, and the loss."""
    candidate = state["candidate"]
    candidate.load(state["batch"], Hyper(1e-3))
    run, gpu = candidate._run, state["model"].executor
    await gpu.wait_for_work()
    began = time.perf_counter()
    run.run()
    issued = time.perf_counter()
    await gpu.wait_for_work()
    done = time.perf_counter()
    loss = float((await run.read("losses")).sum())
    return json.dumps(dict(ms=1e3 * (done - began), host_ms=1e3 * (issued - began), loss=loss))


async def issuing():
    """Milliseconds of replaying a step's dispatches, and of recording its whole command buffer. In
    a tab JavaScript replays and Python does the rest."""
    run, device, spent = state["candidate"]._run, state["gpu"].device, []
    for _ in range(8):
        began = time.perf_counter()
        encoder = device.create_command_encoder(label="never submitted")
        compute = encoder.begin_compute_pass(label="never submitted")
        before = time.perf_counter()
        run._recording.replay(compute, 0, len(run))
        after = time.perf_counter()
        compute.end()
        encoder.finish()
        spent.append((after - before, time.perf_counter() - began))
    replay, whole = (1e3 * min(times) for times in zip(*spent, strict=True))
    return json.dumps(dict(replay_ms=replay, record_ms=whole))


async def profile():
    """GPU milliseconds of each kind of kernel in one step."""
    run, spent = state["candidate"]._run, Counter()
    for start in range(0, len(run), 64):
        stop = min(len(run), start + 64)
        for i, ms in enumerate(await run.time(start, stop)):
            spent[run.step(start + i).op.name] += ms
    return json.dumps(spent)


async def waits():
    """Milliseconds of an empty wait and of a token as the engine estimates them, and the number of
    tokens that it therefore begins ahead."""
    clock, run = (await executor()).clock, speaker().prepare(1, 1)
    return json.dumps(
        dict(wait_ms=clock.wait_ms, nudge_ms=getattr(clock.gpu.device, "nudge_ms", 0))
        | dict(ahead=run.ahead, token_ms=run._cost[1])
    )


async def counts(prompt):
    """Dispatches of a token, of one with adapters on all layers and of a prompt; and the calls of
    each other kind a token."""
    model = state["model"]
    trained = Trained.lora(model.config, RANK, 2 * RANK)
    adapter = {trained.name: model.executor.empty(trained.spec)}
    plain, adapted = speaker(), Generator(model, trained, adapter)
    found = {"token": len(plain.prepare(1, 1)), "adapted_token": len(adapted.prepare(1, 1))}
    left, found["prompt"], found["prompt_runs"] = int(prompt), 0, 0
    while left > 0:
        size = chunk_size(left, plain.chunks)
        found["prompt"] += len(plain.prepare(size, 1))
        found["prompt_runs"] += 1
        left -= size
    for dispatch in plain.prepare(1, 1)._dispatches:  # the costs of a fast chip, whatever is here
        model.executor.costs.known[dispatch.kind] = LEAST_MS
    for _ in range(2):  # the first answer creates what is reused
        asked = [{"role": "user", "content": "What is a tree? Tell me about it."}]
        answer = plain.ask(asked, Sampling(max_tokens=16))
        with urgent():
            while len(answer.ids) < 2:
                await plain.advance()
            before = len(answer.ids)
            with counted(model.executor.device) as calls:
                await plain.answer_all([answer])
    drawn = len(answer.ids) - before + (answer.ended == "end")
    found |= {f"{kind}_a_token": calls[kind] / drawn
              for kind in ("writes", "submits", "maps", "creates")}  # fmt: skip
    return json.dumps(found)


async def idle_token(times, cost_ms):
    """The least and median milliseconds of a token for which the GPU computes nothing. `cost_ms` is
    the assumed time of a token, from which the engine decides how many to begin before the first is
    read."""
    generator, rows = speaker(), generate.MANY_ROWS
    asked = [{"role": "user", "content": "What is a tree? Tell me about it."}]
    answer = generator.ask(asked, Sampling(max_tokens=AHEAD * (int(times) + 4)))
    generate.MANY_ROWS = 1  # the same token repeats, and would be drafted
    with urgent():
        while len(answer.ids) < 4:
            await generator.advance()
        if answer.ended:
            raise RuntimeError(f"the answer ended after {answer.ids}")
        run, spent = generator.prepare(1, 1), []
        await run.ready()
        pieces, cost, cut = run._pieces, run._cost, run._cut
        run._pieces, run._times = [], TAUGHT + 1
        run._cost = state["gpu"].costs.lessons, cost_ms
        ahead = 0
        while not answer.ended and len(spent) < times:
            run._alone = []
            ahead, before, began = run.ahead, len(answer.ids), time.perf_counter()
            await generator.decode()
            spent.append(1e3 * (time.perf_counter() - began) / (len(answer.ids) - before))
        run._pieces, run._cost, run._cut = pieces, cost, cut
    generate.MANY_ROWS = rows
    answer.cancel()
    generator.leave(answer)
    return json.dumps(dict(ahead=ahead, least_ms=min(spent), median_ms=statistics.median(spent)))


async def endless(tokens):
    """Decode so many tokens on a chip that computes nothing, without end token and drafts."""
    tokenizer = state["model"].tokenizer
    kept, tokenizer.eos_ids = (tokenizer.eos_ids, generate.MANY_ROWS), frozenset()
    generate.MANY_ROWS = 1
    found = await spoken.answer(speaker(), [1, 2, 3], int(tokens))
    tokenizer.eos_ids, generate.MANY_ROWS = kept
    return json.dumps(found)


async def steps(count):
    """Milliseconds of each of `count` background steps; the engine learns costs meanwhile."""
    candidate, spent = state["candidate"], []
    for _ in range(int(count)):
        began = time.perf_counter()
        await candidate.step(state["batch"], Hyper(1e-3))
        spent.append(1e3 * (time.perf_counter() - began))
    return json.dumps(spent)


async def shape(rows, length):
    """Host milliseconds until a step of a new shape can run within the memory of a tab: in all, of
    tracing, of binding and of recording; and the number of kernels to compile, whose time is left
    out."""
    model, budget = state["model"], TRAINING_BYTES["gpu"]
    candidate = state.setdefault("shapes", Candidate(model, state["candidate"].trained, budget))
    rows, length = int(rows), int(length)
    tokens, taken, began = rows * length, rows * (length - length // 2), time.perf_counter()
    model.plan_learning(tokens, taken, candidate.trained, budget, dropout=candidate.dropout)
    traced, known = time.perf_counter(), len(model.executor.kernels._pipelines)
    run = candidate.run_for(tokens, taken)
    bound = time.perf_counter()
    made = len(model.executor.kernels._pipelines) - known
    await run.ready()
    began_again = time.perf_counter()
    run._record()
    recorded = time.perf_counter() - began_again
    return json.dumps({
        "trace_ms": 1e3 * (traced - began), "bind_ms": 1e3 * (bound - traced),
        "record_ms": 1e3 * recorded, "kernels": made,
        "all_ms": 1e3 * (bound - began + recorded),
    })  # fmt: skip


async def encoder():
    """The memory's encoder, fetched from beside the page."""
    import js

    from oneseek.engine.model.formats.browser import BlobSource

    return BlobSource(await (await js.fetch("/encoder.gguf")).blob(), "encoder.gguf")


async def lesson(question, answer):
    """Run a whole lesson with its gate, as the product does; return its figures."""
    if "rounds" not in state:
        state["rounds"] = Rounds(state["model"], {}, encoder_file=encoder)
    return json.dumps(await state["rounds"].took(LESSON, [(question, answer)]))


async def maps(rows, length):
    """The device calls of a background step, among them `maps`, the waits; its costs are known."""
    await prepare_step(int(rows), int(length))
    for _ in range(4):
        await state["candidate"].step(state["batch"], Hyper(1e-3))
    with counted(state["gpu"].device) as calls:
        await state["candidate"].step(state["batch"], Hyper(1e-3))
    return json.dumps(calls)


async def slices(count):
    """Milliseconds of each slice of `count` background steps, from submit to completion."""
    candidate, clock, spent = state["candidate"], state["gpu"].clock, []
    candidate.load(state["batch"], Hyper(1e-3))
    run, at = candidate._run, 0
    for _ in range(int(count)):
        at = 0
        while at < len(run):
            began = time.perf_counter()
            at = await run.advance(at, clock.slice_ms)
            spent.append(1e3 * (time.perf_counter() - began) - clock.wait_ms)
    return json.dumps(dict(slice_ms=clock.slice_ms, spent_ms=spent))
