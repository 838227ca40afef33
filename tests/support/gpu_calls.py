"""Counts the calls of a device, natively and in a browser: the cost of a token on any GPU."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator

IN_A_BROWSER = """(() => {
  const counts = {}, undo = [];
  const count = (kind, name, as) => {
    const real = kind.prototype[name];
    kind.prototype[name] = function (...told) {
      counts[as] = (counts[as] ?? 0) + 1;
      return real.apply(this, told);
    };
    undo.push(() => { kind.prototype[name] = real; });
  };
  count(GPUQueue, "writeBuffer", "writes");
  count(GPUQueue, "submit", "submits");
  count(GPUBuffer, "mapAsync", "maps");
  count(GPUComputePassEncoder, "dispatchWorkgroups", "dispatches");
  for (const name of ["Buffer", "BindGroup", "ComputePipeline", "ComputePipelineAsync", "ShaderModule", "QuerySet"]) {
    count(GPUDevice, "create" + name, "creates");
  }
  return { counts, end: () => undo.forEach((go) => go()) };
})()"""
CREATES = ("buffer", "bind_group", "compute_pipeline", "compute_pipeline_async", "shader_module",
           "query_set")  # fmt: skip


@contextlib.contextmanager
def counted(device) -> Iterator[Counter]:
    """Yield a counter of calls of `device` (wgpu's) by kind: dispatches, writes, submits, maps,
    creates. It is complete when the block ends."""
    found: Counter = Counter()
    with (_in_a_browser if sys.platform == "emscripten" else _natively)(device, found):
        yield found


@contextlib.contextmanager
def _in_a_browser(device, found):
    from pyodide.code import run_js

    watch = run_js(IN_A_BROWSER)
    try:
        yield
    finally:
        watch.end()
        found.update(watch.counts.to_py())


@contextlib.contextmanager
def _natively(device, found):
    from oneseek.engine.backends.gpu import native_replay

    whole, lib = contextlib.ExitStack(), native_replay.lib
    made = device.create_buffer(size=16, usage="COPY_DST | MAP_READ")

    def count(owner, name, kind):
        real = getattr(owner, name)

        def call(*told, **more):
            asked_by = sys._getframe(1).f_globals["__name__"]
            found[kind] += not asked_by.startswith("wgpu.")  # wgpu itself submits when it maps
            return real(*told, **more)

        setattr(owner, name, call)
        whole.callback(setattr, owner, name, real)

    class Library:
        def __getattr__(self, name):
            real = getattr(lib, name)
            if name != "wgpuComputePassEncoderDispatchWorkgroups":
                return real

            def dispatch(*told):
                found["dispatches"] += 1
                real(*told)

            return dispatch

    count(type(device.queue), "write_buffer", "writes")
    count(type(device.queue), "submit", "submits")
    count(type(made), "map_async", "maps")
    for name in CREATES:
        count(type(device), f"create_{name}", "creates")
    native_replay.lib = Library()
    whole.callback(setattr, native_replay, "lib", lib)
    with whole:
        yield
