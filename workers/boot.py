"""The first code of each Pyodide worker: loads the project, its packages and the worker's own
module.

PyScript runs it with the page's settings in its configuration.  Every step is told to the page, and
so is a failure, because a worker that says nothing looks the same as one that is slow.
"""

import asyncio
import importlib
import json
import traceback
from typing import Any

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import to_js
from pyscript import config

__export__ = ["receive"]

settings = config["oneseek"]
name = settings["worker"]
channel = js.BroadcastChannel.new(settings["channel"])
js.performance.mark("python")


# A lock that only the end of this worker releases: how the page knows at once that it died.
ALIVE = """(name) => new Promise((held) => navigator.locks.request(name, () => {
  held();
  return new Promise(() => {});
}))"""


async def start() -> Any:
    """The worker's mail, open for requests; None when it could not be opened, which the page then
    knows."""
    try:
        await load_project()
        return await open_mail()
    except Exception as error:
        tell_broken(error)


async def load_project() -> None:
    """The project's own Python, which came beside the interpreter."""
    await pyodide_js.project
    js.performance.mark("project")
    importlib.invalidate_caches()


async def open_mail() -> Any:
    from engine.core.messages import Booting, Ready
    from workers import garbage
    from workers.post import Post

    post = Post(name, channel.postMessage)
    post.emit(Booting(worker=name, step="packages"))
    await pyodide_js.loadPackage(to_js(settings["packages"]))
    modules = {}
    for script, address in settings["scripts"].items():
        modules[script] = await run_js("(address) => import(address)")(address)
    post.emit(Booting(worker=name, step="module"))
    module = importlib.import_module(settings["module"])
    post.handlers = module.serve(post.emit, settings, modules)
    js.performance.mark("module")
    garbage.start()
    await run_js(ALIVE)(channel.name)
    post.emit(Ready(worker=name, build=settings["build"]))
    return post


def tell_broken(error: BaseException) -> None:
    """Spelled out here: the protocol may be the very thing that could not be loaded. It has no
    number."""
    reason, detail = str(error), "".join(traceback.format_exception(error))
    event = {"type": "Broken", "worker": name, "reason": reason, "detail": detail}
    channel.postMessage(json.dumps({"worker": name, "seq": 0, "event": json.dumps(event)}))


async def receive(text: str) -> str:
    """What the page calls: the text of a request in, the text of its answer out."""
    return await (await started).receive(text)


started = asyncio.ensure_future(start())
