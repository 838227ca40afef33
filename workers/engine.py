"""The engine worker: one device, one resident model, chat and training on it, one request a method."""

import js

from workers.protocol import Device


class Engine:
    """One `on_<name>` for each request of workers/protocol.py that names the engine."""

    def __init__(self, emit):
        self.emit = emit
        self.device = None

    async def on_start(self, request):
        """Choose what to compute on: the graphics chip when it is a real one, else the processor."""
        self.device = await choose(request.engine)
        return self.device


def serve(emit):
    return Engine(emit)


async def choose(asked):
    """The device to compute on, and in words why it is that one."""
    if asked == "cpu":
        return Device(kind="cpu", name="WebAssembly", why="asked for in the address")
    adapter = await js.navigator.gpu.requestAdapter() if hasattr(js.navigator, "gpu") else None
    if adapter is None:
        return Device(kind="cpu", name="WebAssembly", why="this browser has no WebGPU adapter")
    info = adapter.info
    name = info.description or info.device or info.vendor or "WebGPU"
    software = adapter.info.isFallbackAdapter or "swiftshader" in name.lower()
    if software and asked != "gpu":
        return Device(kind="cpu", name="WebAssembly", why=f"{name} only imitates a graphics chip")
    return Device(kind="gpu", name=name, why="it is this device's graphics chip")
