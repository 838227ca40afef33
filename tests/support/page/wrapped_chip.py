"""Simulates other GPUs: changes what JavaScript reports about the chip before the engine's worker
asks."""

from playwright.sync_api import Page, Route

FEATURES = """{
  const {get} = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "features"), kept = %s;
  const features = {get() { return new Set([...get.call(this)].filter((one) => kept.includes(one))); }};
  Object.defineProperty(GPUAdapter.prototype, "features", features);
}"""
NAMED = """{
  const tell = (name, value) => Object.defineProperty(GPUAdapterInfo.prototype, name, {get: () => value});
  tell("isFallbackAdapter", false);
  for (const name of ["vendor", "architecture", "device"]) tell(name, "test");
  tell("description", "Test chip");
}"""
QUICK = (
    NAMED
    + """
GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {};
"""
)
"""A real chip by its name, which computes in no time, and nothing at all."""

MODELLED = (
    NAMED
    + """{
  let asked = 0, busy = 0;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = () => { asked += 1; };
  const submit = GPUQueue.prototype.submit, map = GPUBuffer.prototype.mapAsync;
  GPUQueue.prototype.submit = function (buffers) {
    busy = Math.max(busy, performance.now()) + MILLISECONDS * asked;
    asked = 0;
    submit.call(this, buffers);
  };
  GPUBuffer.prototype.mapAsync = async function (...told) {
    const until = busy;
    await map.apply(this, told);
    await new Promise((go) => setTimeout(go, until - performance.now()));
  };
}"""
)
"""A real chip by its name, which takes so long for each dispatch, and computes nothing."""

ROUNDED = """{
  const begin = GPUCommandEncoder.prototype.beginComputePass;
  GPUCommandEncoder.prototype.beginComputePass = function ({timestampWrites, ...told}) {
    return begin.call(this, told);
  };
}"""
"""A clock that is rounded down, to more than a kernel takes: both ends of a pass look the same."""

CLOCK_ONLY = FEATURES % '["timestamp-query"]'
"""Nothing beyond the floor, which would be tried first."""

NO_CLOCK = FEATURES % "[]"

SLOW_TO_TELL = """{
  const map = GPUBuffer.prototype.mapAsync;
  GPUBuffer.prototype.mapAsync = async function (...told) {
    const began = performance.now();
    await map.apply(this, told);
    await new Promise((go) => setTimeout(go, 100 - (performance.now() - began)));
  };
}"""
"""A map takes 100 ms, whatever is done meanwhile."""

POLLED = """{
  const map = GPUBuffer.prototype.mapAsync, submit = GPUQueue.prototype.submit;
  const waiting = new Set();
  const look = () => { for (const go of waiting) go(); waiting.clear(); };
  setInterval(look, 100);
  GPUQueue.prototype.submit = function (buffers) { submit.call(this, buffers); look(); };
  GPUBuffer.prototype.mapAsync = async function (...told) {
    await map.apply(this, told);
    await new Promise((go) => waiting.add(go));
  };
}"""
"""Finished work is looked for every 100 ms, and at each submit, as Firefox does."""

BROKEN = """{
  GPUDevice.prototype.createComputePipelineAsync = async () => { throw new Error("the driver gave up"); };
}"""


def wrap(page: Page, *changes: str, worker: str = "worker*.mjs") -> None:
    """Add these changes to the start of each later worker script with this name."""

    def prepend_changes(route: Route) -> None:
        answer = route.fetch()
        body = "\n".join([*changes, answer.text()])
        route.fulfill(response=answer, body=body)

    page.unroute_all()
    page.route("**/" + worker, prepend_changes)
