"""The first code of each Pyodide worker: it loads the packages and the worker's own module, and
opens its mail.

worker.mjs runs it with the page's settings. Every step is told to the page.
"""

import importlib
import json

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import to_js

from oneseek.engine.core.messages import Booting, Ready
from oneseek.workers import garbage
from oneseek.workers.post import Post

# Holds a web lock until this worker ends: by that the page knows at once that it died.
ALIVE = """(name) => new Promise((held) => navigator.locks.request(name, () => {
  held();
  return new Promise(() => {});
}))"""


async def begin(told: str) -> Post:
    """Open the worker's mail for requests, and return it."""
    importlib.invalidate_caches()  # the project's own files came beside the interpreter
    settings = json.loads(told)
    name, channel = settings["worker"], js.BroadcastChannel.new(settings["channel"])
    post = Post(name, channel.postMessage)
    post.emit(Booting(worker=name, step="packages"))
    if settings["packages"]:
        await pyodide_js.loadPackage(to_js(settings["packages"]))
    modules = {}
    for script, address in settings["scripts"].items():
        modules[script] = await run_js("(address) => import(address)")(address)
    post.emit(Booting(worker=name, step="module"))
    module = importlib.import_module(settings["module"])
    post.open(module.serve(post.emit, settings, modules))
    js.performance.mark("module")
    garbage.start()
    await run_js(ALIVE)(channel.name)
    post.emit(Ready(worker=name, build=settings["build"]))
    return post
