"""Trains the programs of `bench library` natively, with OneSeek or in PyTorch: `oracle.run_module(
"programs_native", system, steps, turns, threads=1)` returns for each program the loss of the first
and of the last step, and the milliseconds of the first step and of a step in the quickest turn.
PyTorch runs eagerly."""

import json
import sys
import time
from collections.abc import Callable

from builder import ROOT
from tests.bench.parts import programs_ours

NAMES = ("moons", "characters")
LEAST_MS = 200  # milliseconds of a turn


def source(name: str) -> str:
    return (ROOT / "examples" / "engine" / f"{name}.py").read_text()


def ours(device: str, name: str) -> Callable[..., dict]:
    def ask(asked: str, *arguments) -> dict:
        if asked == "begin":
            arguments = device, name, source(name)
        return json.loads(getattr(programs_ours, asked)(*arguments))

    return ask


def in_torch(name: str) -> Callable[..., dict]:
    """The program in PyTorch, with the loss of tests/oracle in 32-bit floats."""
    import torch

    from tests.oracle import make_programs as oracle

    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(1)

    def in_floats(tree):
        if isinstance(tree, torch.Tensor):
            return tree.float() if tree.is_floating_point() else tree
        if isinstance(tree, dict):
            return {key: in_floats(part) for key, part in tree.items()}
        return [in_floats(part) for part in tree]

    program, told = getattr(oracle, name), programs_ours.OPTIMISER
    loss_of = getattr(oracle, f"{name}_loss")
    batch = in_floats(oracle.as_torch(next(program.batches())))
    weights = in_floats(oracle.as_torch(program.weights()))
    trained = [leaf.requires_grad_() for leaf in oracle.leaves(weights)]
    betas = told["beta1"], told["beta2"]
    optimiser = torch.optim.AdamW(
        trained, lr=told["rate"], betas=betas, eps=told["eps"], weight_decay=told["decay"]
    )

    def ask(asked: str, steps: int = 1) -> dict:
        began, losses = time.perf_counter(), []
        for _ in range(steps):
            optimiser.zero_grad()
            loss = loss_of(weights, *batch)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return {"ms": 1e3 * (time.perf_counter() - began), "losses": losses}

    return ask


def measure(ask: Callable[..., dict], steps: int, turns: int) -> dict:
    first = ask("begin")
    rest = ask("train", steps - 1)
    repeats = max(1, int(LEAST_MS / (rest["ms"] / (steps - 1))))
    quickest = min(ask("train", repeats)["ms"] / repeats for _ in range(turns))
    losses = [*first["losses"], *rest["losses"]]
    return {"losses": [losses[0], losses[-1]], "first_ms": first["ms"], "ms": quickest}


if __name__ == "__main__":
    system, steps, turns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    asked = {n: in_torch(n) if system == "torch" else ours(system, n) for n in NAMES}
    print(json.dumps({name: measure(ask, steps, turns) for name, ask in asked.items()}))
