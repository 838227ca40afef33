"""The device that a tab computes on: the graphics chip where it is a real one, or the processor."""

from __future__ import annotations

import asyncio
from typing import Any

import js
from pyodide.ffi import can_run_sync, run_sync, to_js

from oneseek.engine.core.messages import Device
from oneseek.engine.turns import Turns

OPEN_SECONDS = 30  # with its trial kernels; after a crash of the GPU process it may stay silent


async def open_executor(kind: str) -> Any:
    if kind == "gpu":
        from oneseek.engine.backends.gpu.executor import GPU

        async with asyncio.timeout(OPEN_SECONDS):
            return await GPU.open()
    from oneseek.engine.backends.wasm.executor import Wasm
    from oneseek.engine.backends.wasm.tab import Tab

    return Wasm(Tab())


async def choose(asked: str) -> Device:
    """The device to compute on, and why it is that one."""
    if asked == "cpu":
        return processor("asked")
    if not hasattr(js.navigator, "gpu"):
        return processor("no-webgpu")
    # as the engine will ask: another question may get no answer, or that of another chip
    wanted = to_js({"powerPreference": "high-performance"}, dict_converter=js.Object.fromEntries)
    adapter = await js.navigator.gpu.requestAdapter(wanted)
    if not adapter:  # JavaScript has a null of its own
        return processor("no-adapter")
    info = adapter.info
    name = info.description or info.device or f"{info.vendor} {info.architecture}".strip()
    if (info.isFallbackAdapter or "swiftshader" in name.lower()) and asked != "gpu":
        return processor("software")
    why = "asked" if asked == "gpu" else "chip"
    return Device(kind="gpu", name=name or "WebGPU", why=why, detail="")


def processor(why: str, detail: str = "") -> Device:
    return Device(kind="cpu", name="WebAssembly", why=why, detail=detail)


def without_chip(problem: Exception) -> Device:
    """The processor, with what happened when the graphics chip failed."""
    if isinstance(problem, TimeoutError):
        return processor("silent", f"no answer within {OPEN_SECONDS} seconds")
    return processor("failed", f"{type(problem).__name__}: {problem}")


def device_memory() -> int:
    """Bytes of memory as the browser tells them, rounded; 0 where it does not."""
    return int(getattr(js.navigator, "deviceMemory", 0) * (1 << 30))


def wait_inside(turns: Turns) -> None:
    """Wait for a turn in the middle of plain Python: the browser suspends the whole stack."""
    if can_run_sync():
        run_sync(turns.breathe())
