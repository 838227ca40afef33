"""What `bench library` asks of OneSeek, natively and in a tab: a program of examples/engine/ is
trained by AdamW at a fixed rate. In a tab this file is run from its text, so it needs nothing but
the library; every answer is JSON."""

import json
import sys
import time
import types

import oneseek
from oneseek.engine.front.devices import get_executor
from oneseek.engine.front.tracing import leaves

OPTIMISER = {"rate": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "decay": 0.01}
state: dict = {}


def example(name: str, source: str) -> types.ModuleType:
    """A program from its text; a dataclass looks its module up by name."""
    sys.modules[name] = module = types.ModuleType(name)
    exec(source, module.__dict__)
    return module


def plain(name: str, source: str) -> str:
    """Weights and batch as peers get them: each array's shape and numbers."""
    program = example(name, source)
    arrays = leaves({"weights": program.weights(), "batch": list(next(program.batches()))})
    told = {place: {"shape": a.shape, "numbers": a.ravel().tolist()} for place, a in arrays.items()}
    return json.dumps(told)


def begin(device: str, name: str, source: str) -> str:
    """The first step, with what is made once: its loss and milliseconds. The processor's kernels
    have one thread."""
    began = time.perf_counter()
    program = example(name, source)
    oneseek.on(device)
    if device == "cpu":
        get_executor().most = 1
    state["train"] = oneseek.Train(program.loss, program.weights(), oneseek.AdamW(**OPTIMISER))
    state["batch"] = next(program.batches())
    loss = state["train"].step(*state["batch"])
    return json.dumps({"ms": 1e3 * (time.perf_counter() - began), "losses": [loss]})


def train(steps: int) -> str:
    """So many steps more, each with its loss read: the losses, and milliseconds of all."""
    began = time.perf_counter()
    losses = [state["train"].step(*state["batch"]) for _ in range(int(steps))]
    return json.dumps({"ms": 1e3 * (time.perf_counter() - began), "losses": losses})
