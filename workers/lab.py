"""Runs the lab's programs in a worker of their own, and reports every step.

web/lab/begin.js starts this. Reports go to the page as JSON; from there come orders: to run a
program, to wait before the next step, to go on, to show a kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oneseek
from oneseek.engine.backends.select import NoGPU
from oneseek.engine.front.devices import executor
from oneseek.engine.front.inspection import Inspection
from oneseek.engine.front.tracing import Traced, Watch
from oneseek.engine.model.demo import MODEL

FOLDER = Path("/lab")
PROGRAM = str(FOLDER / "program.py")
MOST_PRINTED = 100_000  # characters of a run


def begin(tell: Callable[[str], None], given: Any) -> Lab:
    """The lab; the files that its examples read are put where they look for them."""
    FOLDER.mkdir(exist_ok=True)
    for name, data in given.to_py().items():
        (MODEL if name == MODEL.name else FOLDER / name).write_bytes(data)
    return Lab(tell)


class Lab(Watch):
    """One program at a time."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.told = tell
        self.found: list[Inspection] = []
        self.looking = False  # at traces: only on the first device, as the next ones trace the same
        self.device, self.step = "", 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.running: asyncio.Task | None = None

    def receive(self, text: str) -> None:
        """Carry out an order of the page."""
        order = json.loads(text)
        getattr(self, f"on_{order.pop('do')}")(**order)

    def tell(self, kind: str, **facts: Any) -> None:
        self.told(json.dumps({"is": kind, **facts}))

    def on_run(self, text: str, devices: list[str]) -> None:
        self.running = asyncio.ensure_future(self.run(text, devices))

    def on_wait(self) -> None:
        self.goes_on.clear()

    def on_go_on(self) -> None:
        self.goes_on.set()

    def on_one_step(self) -> None:
        """Go on for one step, then wait again."""
        self.goes_on.set()
        self.goes_on.clear()

    def on_kernel(self, program: int, step: int) -> None:
        found = self.found[program]
        texts = {"wgsl": found.wgsl(step), "wasm": found.wasm(step)}
        self.tell("kernel", program=program, step=step, **texts)

    async def run(self, text: str, devices: list[str]) -> None:
        """Run the program on each of the devices; the first that fails is the last."""
        self.found = []
        for number, device in enumerate(devices):
            self.device, self.step, self.looking = device, 0, number == 0
            self.tell("began", device=device)
            if number and (reason := explain_missing(device)):
                self.tell("printed", device=device, text=f"{reason}\n")
                continue
            try:
                with self:
                    execute(text, device, self.make_output())
            except BaseException as problem:
                self.tell("failed", device=device, **describe_error(problem))
                break
        self.tell("done")

    def make_output(self) -> Printed:
        return Printed(lambda text: self.tell("printed", device=self.device, text=text))

    def observe_program(self, traced: Traced) -> None:
        if self.looking:
            self.found.append(Inspection(traced))
            facts = self.found[-1].facts(PROGRAM)
            self.tell("program", number=len(self.found) - 1, **facts)

    async def observe_step(self, loss: float, ms: float) -> None:
        self.step += 1
        shown = loss if abs(loss) < float("inf") else None  # JSON has no NaN and no infinity
        self.tell("stepped", device=self.device, step=self.step, loss=shown, ms=ms)
        await asyncio.sleep(0)  # let an order in
        await self.goes_on.wait()


def explain_missing(device: str) -> str:
    """Why a device is missing; empty when it is here."""
    try:
        executor(device)
    except NoGPU as problem:
        return str(problem.__cause__)
    return ""


def execute(text: str, device: str, out: Printed) -> None:
    """Run the program as `python program.py DEVICE` would; SystemExit is no failure."""
    sys.argv[:] = [PROGRAM, device]
    names = {"__name__": "__main__", "__file__": PROGRAM}
    with oneseek.on(device), contextlib.redirect_stdout(out):
        with contextlib.suppress(SystemExit):
            exec(compile(text, PROGRAM, "exec"), names)
        out.flush()


def describe_error(problem: BaseException) -> dict[str, Any]:
    """The error, and the line of the program where it happened."""
    own = [f for f in traceback.extract_tb(problem.__traceback__) if f.filename == PROGRAM]
    line = own[-1].lineno if own else None
    if isinstance(problem, SyntaxError) and problem.filename == PROGRAM:
        return {"error": f"{type(problem).__name__}: {problem.msg}", "line": problem.lineno}
    return {"error": f"{type(problem).__name__}: {problem}", "line": line}


class Printed:
    """A file whose lines are reported, up to a limit."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell, self.kept, self.left = tell, "", MOST_PRINTED

    def write(self, text: str) -> int:
        self.kept += text[: self.left]
        self.left -= min(len(text), self.left)
        if "\n" in self.kept:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if self.kept:
            self.tell(self.kept)
        self.kept = ""
