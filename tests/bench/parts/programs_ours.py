"""Trains a program of examples/engine/ with OneSeek for `bench library`, natively and in a tab, by
AdamW at a fixed learning rate. A tab runs this file from its text, so it imports only the library;
every function returns JSON."""

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
    """Run a program from its text as a module; a dataclass looks its module up by name."""
    sys.modules[name] = module = types.ModuleType(name)
    exec(source, module.__dict__)
    return module


def plain(name: str, source: str) -> str:
    """Weights and batch for the peers: each array's shape and numbers."""
    program = example(name, source)
    arrays = leaves({"weights": program.weights(), "batch": list(next(program.batches()))})
    told = {place: {"shape": a.shape, "numbers": a.ravel().tolist()} for place, a in arrays.items()}
    return json.dumps(told)


def begin(device: str, name: str, source: str) -> str:
    """Start a program and take the first step, compilation included: its loss and milliseconds. The
    CPU kernels have one thread."""
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
    """Take more steps and read each loss: the losses, and the milliseconds of all."""
    began = time.perf_counter()
    losses = [state["train"].step(*state["batch"]) for _ in range(int(steps))]
    return json.dumps({"ms": 1e3 * (time.perf_counter() - began), "losses": losses})
