"""The compute half of the wgpu API over a browser's `navigator.gpu`, for Python inside Pyodide.

`install()` makes it wgpu's backend, after which the engine's code runs as it does natively. A
browser reports most errors later than the call that made them: such an error is raised by the next
call that waits.
"""

import asyncio
import contextlib
import re
from array import array

import js
import wgpu
from pyodide.ffi import can_run_sync, run_sync, to_js
from wgpu import classes
from wgpu.backends import _register_backend

FILTERS = ("validation", "out-of-memory", "internal")
MAPPABLE = {  # the only other usage that a mappable buffer may have
    wgpu.BufferUsage.MAP_READ: wgpu.BufferUsage.COPY_DST,
    wgpu.BufferUsage.MAP_WRITE: wgpu.BufferUsage.COPY_SRC,
}
STAGE = {"module", "entry_point", "constants"}


def install():
    """Make `wgpu.gpu` the browser's; a second call changes nothing."""
    if not isinstance(wgpu.gpu, GPU):
        _register_backend(GPU())
    return wgpu.gpu


def camel(name):
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def kebab(name):
    """maxBufferSize -> max-buffer-size, the spelling wgpu gives to limits."""
    return re.sub(r"([A-Z]|\d+D)", r"-\1", name).lower()


def javascript(value):
    """A Python description as the object JavaScript expects; wgpu's objects become their browser
    halves."""
    return to_js(_plain(value), dict_converter=js.Object.fromEntries)


def _plain(value, rename=camel):
    if isinstance(value, classes.GPUObjectBase):
        return value._internal
    if isinstance(value, dict):
        return {
            rename(key): _plain(item, str if key == "constants" else camel)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    return value


def _flags(kind, value):
    """Return usage flags as a number; wgpu also takes 'STORAGE | COPY_SRC'."""
    if isinstance(value, int):
        return value
    try:
        return sum(kind[part.strip().upper()] for part in value.split("|"))
    except KeyError:
        raise ValueError(f"{value!r} is not made of {list(kind)}") from None


class Promise(classes.GPUPromise):
    """Something awaitable as wgpu's promise: awaited, or waited for where the browser can switch
    stacks (JSPI)."""

    def __init__(self, title, handler=None, *, awaitable=None, **more):
        super().__init__(title, handler, **more)
        if awaitable is not None:
            self._task = asyncio.ensure_future(awaitable)
            self._task.add_done_callback(self._take)

    def _take(self, task):
        error = task.exception()
        if self._state != "pending":
            return
        if error is None:
            self._wgpu_set_input(task.result())
        elif isinstance(error, classes.GPUError):
            self._wgpu_set_error(error)
        else:
            self._wgpu_set_error(classes.GPUInternalError(f"{self._title}: {error}"))

    def _sync_wait(self):
        if not can_run_sync():
            raise RuntimeError(
                f"{self._title}: this browser cannot wait inside Python (no JavaScript Promise "
                "Integration); await the call whose name ends in _async instead"
            )
        with contextlib.suppress(Exception):
            run_sync(self._task)  # a failure is raised by the promise itself
        self._take(self._task)


def make_promise(title, awaitable, handler=None):
    return Promise(title, handler, awaitable=awaitable)


class GPU(classes.GPU):
    """`navigator.gpu`."""

    def request_adapter_sync(self, **options):
        return self.request_adapter_async(**options).sync_wait()

    def request_adapter_async(self, *, canvas=None, **options):
        gpu = getattr(js.navigator, "gpu", None)
        if not gpu:
            raise RuntimeError("This browser has no WebGPU (navigator.gpu is missing).")

        def wrap_adapter(adapter):
            if not adapter:
                raise RuntimeError("WebGPU is here, but the browser offers no adapter.")
            return Adapter(adapter)

        return make_promise(
            "request_adapter", gpu.requestAdapter(javascript(options)), wrap_adapter
        )

    def enumerate_adapters_async(self):
        return self.request_adapter_async().then(lambda adapter: [adapter])

    @property
    def wgsl_language_features(self):
        return set(js.navigator.gpu.wgslLanguageFeatures)


class Adapter(classes.GPUAdapter):
    """One graphics processor, with the limits and features it really has."""

    def __init__(self, internal):
        self._spelling = {kebab(n): n for n in dir(internal.limits) if n.startswith(("max", "min"))}
        limits = {name: getattr(internal.limits, n) for name, n in self._spelling.items()}
        info, fields = internal.info, ("vendor", "architecture", "device", "description")
        described = {name: getattr(info, name, "") or "" for name in fields}
        software = getattr(info, "isFallbackAdapter", False) or info.architecture == "swiftshader"
        described["device"] = described["device"] or described["architecture"]
        described["adapter_type"] = "CPU" if software else "Unknown"
        described["backend_type"] = "WebGPU"
        described["subgroup_min_size"] = getattr(info, "subgroupMinSize", None)
        described["subgroup_max_size"] = getattr(info, "subgroupMaxSize", None)
        super().__init__(
            internal, set(internal.features), limits, classes.GPUAdapterInfo(described)
        )

    def request_device_async(
        self, *, label="", required_features=(), required_limits=None, default_queue=None
    ):
        limits = {self._spelling[kebab(k)]: v for k, v in (required_limits or {}).items()}
        described = javascript({"label": label, "required_features": list(required_features)})
        described.requiredLimits = to_js(limits, dict_converter=js.Object.fromEntries)

        def wrap_device(internal):
            real = {name: getattr(internal.limits, n) for name, n in self._spelling.items()}
            return Device(label, internal, self, set(internal.features), real)

        return make_promise("request_device", self._internal.requestDevice(described), wrap_device)


class Device(classes.GPUDevice):
    """Makes everything else; keeps the errors that the browser has yet to report."""

    def __init__(self, label, internal, adapter, features, limits):
        super().__init__(label, internal, adapter, features, limits, Queue(internal.queue))
        self.nudge_ms = 0.0  # between two empty submits while a map is awaited; 0: none
        self._unsettled = []  # (what was called, promise of an error or null)
        self._uncaptured = []
        internal.onuncapturederror = self._note_uncaptured

    def _note_uncaptured(self, event):
        event.preventDefault()
        self._uncaptured.append(exception(event.error, ""))

    def guard(self, what, make):
        """Call `make` with every kind of error caught; `what` names the call in the exception."""
        for name in FILTERS:
            self._internal.pushErrorScope(name)
        try:
            return make()
        finally:
            caught = [self._internal.popErrorScope() for _ in FILTERS]
            self._unsettled.append((what, js.Promise.all(to_js(caught))))

    async def settle_async(self):
        """Raise the first error that a call since the last check has caused."""
        waiting, self._unsettled = self._unsettled, []
        caught = [(what, error) for what, found in waiting for error in await found if error]
        self._raise_first(caught)

    def settle(self):
        """Do the same where Python can wait; elsewhere the next awaited call raises the error."""
        if can_run_sync():
            run_sync(self.settle_async())

    def _raise_first(self, caught):
        uncaptured, self._uncaptured = self._uncaptured, []
        for what, error in caught:
            raise exception(error, what)
        for error in uncaptured:
            raise error

    def settle_with(self, title, promise, handler=None):
        """Return a promise for `promise` that also raises the errors of earlier calls."""

        async def wait():
            result = await promise
            await self.settle_async()
            return result

        return make_promise(title, wait(), handler)

    def _get_lost_async(self):
        return make_promise(
            "device.lost",
            self._internal.lost,
            lambda info: classes.GPUDeviceLostInfo(info.reason, info.message),
        )

    lost_async = property(_get_lost_async)

    def destroy(self):
        self._internal.destroy()

    def _release(self):
        self._internal.onuncapturederror = None

    def create_buffer(self, *, label="", size, usage, mapped_at_creation=False):
        usage = _flags(wgpu.BufferUsage, usage)
        for mapped, partner in MAPPABLE.items():
            if usage & mapped and usage & ~(mapped | partner):
                raise classes.GPUValidationError(f"buffer {label!r}: {usage:#x} cannot be mapped")
        described = {"label": label, "size": size, "usage": usage}
        described["mapped_at_creation"] = mapped_at_creation
        make = lambda: self._internal.createBuffer(javascript(described))  # noqa: E731
        try:
            internal = self.guard(f"create_buffer {label!r} of {size} bytes", make)
        except Exception as error:  # a mapped buffer too large for the page is a RangeError at once
            raise classes.GPUOutOfMemoryError(
                f"buffer {label!r} of {size} bytes: {error}"
            ) from None
        state = "mapped" if mapped_at_creation else "unmapped"
        return Buffer(label, internal, self, size, usage, state)

    def create_bind_group_layout(self, *, label="", entries):
        described = javascript({"label": label, "entries": entries})
        internal = self._internal.createBindGroupLayout(described)
        return classes.GPUBindGroupLayout(label, internal, self)

    def create_pipeline_layout(self, *, label="", bind_group_layouts, immediate_size=0):
        described = javascript({"label": label, "bind_group_layouts": bind_group_layouts})
        internal = self._internal.createPipelineLayout(described)
        return classes.GPUPipelineLayout(label, internal, self)

    def create_bind_group(self, *, label="", layout, entries):
        described = javascript({"label": label, "layout": layout, "entries": entries})
        internal = self._internal.createBindGroup(described)
        return BindGroup(label, internal, self, entries)

    def create_shader_module(self, *, label="", code, compilation_hints=()):
        if not isinstance(code, str):
            raise TypeError(f"a browser's shaders are WGSL text, not {type(code).__name__}")
        described = javascript({"label": label, "code": code})
        make = lambda: self._internal.createShaderModule(described)  # noqa: E731
        internal = self.guard(f"shader {label!r}", make)
        self.settle()
        return classes.GPUShaderModule(label, internal, self)

    def create_compute_pipeline(self, *, label="", layout, compute):
        described = _pipeline(label, layout, compute)
        make = lambda: self._internal.createComputePipeline(described)  # noqa: E731
        internal = self.guard(f"pipeline {label!r}", make)
        self.settle()
        return ComputePipeline(label, internal, self)

    def create_compute_pipeline_async(self, *, label="", layout, compute):
        described = _pipeline(label, layout, compute)
        making = self._internal.createComputePipelineAsync(described)
        title = f"pipeline {label!r}"
        return make_promise(title, making, lambda made: ComputePipeline(label, made, self))

    def create_command_encoder(self, *, label=""):
        internal = self._internal.createCommandEncoder(javascript({"label": label}))
        return CommandEncoder(label, internal, self)

    def create_query_set(self, *, label="", type, count):
        described = javascript({"label": label, "type": type, "count": count})
        return QuerySet(label, self._internal.createQuerySet(described), self, type, count)

    def push_error_scope(self, filter):
        self._internal.pushErrorScope(filter)

    def pop_error_scope_async(self):
        popped = self._internal.popErrorScope()
        return make_promise("pop_error_scope", popped, lambda e: exception(e, "") if e else None)

    def pop_error_scope_sync(self):
        return self.pop_error_scope_async().sync_wait()


def _pipeline(label, layout, compute):
    if unknown := set(compute) - STAGE:
        raise ValueError(f"a compute stage has {sorted(STAGE)}, not {sorted(unknown)}")
    return javascript({"label": label, "layout": layout, "compute": compute})


def exception(error, what):
    """A browser's GPUError as wgpu's exception."""
    kinds = {
        "GPUValidationError": classes.GPUValidationError,
        "GPUOutOfMemoryError": classes.GPUOutOfMemoryError,
    }
    kind = kinds.get(error.constructor.name, classes.GPUInternalError)
    return kind(f"{what}: {error.message}" if what else error.message)


class Buffer(classes.GPUBuffer):
    """Memory on the device, freed as soon as Python drops it."""

    def __init__(self, label, internal, device, size, usage, map_state):
        super().__init__(label, internal, device, size, usage, map_state)
        if map_state == "mapped":
            self._open(wgpu.MapMode.WRITE, 0, size)

    def _open(self, mode, begin, size):
        """Make one view of everything mapped: a browser returns each range only once."""
        self._map_state, self._mode, self._begin = "mapped", mode, begin
        self._view = js.Uint8Array.new(self._internal.getMappedRange(begin, size))
        self._lent = []

    def map_async(self, mode, offset=0, size=None):
        mode = _flags(wgpu.MapMode, mode)
        offset, size = _check_range(
            offset or 0, self.size - (offset or 0) if size is None else size
        )
        if offset + size > self.size:
            raise ValueError(f"{self.label!r} has {self.size} bytes, not {offset + size}")
        if self._map_state != "unmapped":
            raise RuntimeError(f"{self.label!r} is {self._map_state} already")
        self._map_state = "pending"
        mapping = self._internal.mapAsync(mode, offset, size)
        if self._device.nudge_ms:
            queue = self._device.queue._internal
            mapping = js.oneseekNudged(queue, mapping, self._device.nudge_ms)
        opened = lambda _: self._open(mode, offset, size)  # noqa: E731
        return self._device.settle_with(f"map {self.label!r}", mapping, opened)

    def _bytes(self, mode, offset, size):
        """Return the mapped bytes from `offset` of the buffer, `size` of them or all."""
        if self._map_state != "mapped" or not self._mode & mode:
            raise RuntimeError(f"{self.label!r} is not mapped for this")
        offset = self._begin if offset is None else offset
        left = self._begin + self._view.length - offset
        offset, size = _check_range(offset, left if size is None else size)
        if offset < self._begin or size > left:
            raise ValueError(f"{self.label!r}: {size} bytes at {offset} are not mapped")
        return self._view.subarray(offset - self._begin, offset - self._begin + size)

    def read_mapped(self, buffer_offset=None, size=None, *, copy=True):
        data = self._bytes(wgpu.MapMode.READ, buffer_offset, size).to_memoryview()
        if not copy:  # read-only, and valid until the buffer is unmapped
            data = data.toreadonly()
            self._lent.append(data)
        return data

    def write_mapped(self, data, buffer_offset=None):
        data = memoryview(data).cast("B")
        view = self._bytes(wgpu.MapMode.WRITE, buffer_offset, (data.nbytes + 3) & ~3)
        view.subarray(0, data.nbytes).assign(data)

    def unmap(self):
        if self._map_state != "mapped":
            raise RuntimeError(f"{self.label!r} is not mapped")
        self._internal.unmap()
        self._map_state = "unmapped"
        for view in self._lent:
            view.release()

    def destroy(self):
        self._internal.destroy()

    def _release(self):
        self._internal.destroy()


def _check_range(offset, size):
    """Check a range against the alignment that WebGPU demands for mapping, and return it."""
    if offset < 0 or offset % 8 or size < 1 or size % 4:
        raise ValueError(f"{size} bytes at {offset}: offsets are multiples of 8, sizes of 4")
    return offset, size


class BindGroup(classes.GPUBindGroup):
    def __init__(self, label, internal, device, entries):
        super().__init__(label, internal, device)
        self._entries = entries  # keeps the buffers alive: a dropped one is freed at once


class ComputePipeline(classes.GPUComputePipeline):
    def get_bind_group_layout(self, index):
        internal = self._internal.getBindGroupLayout(index)
        return classes.GPUBindGroupLayout("", internal, self._device)


class QuerySet(classes.GPUQuerySet):
    def destroy(self):
        self._internal.destroy()

    def _release(self):
        self._internal.destroy()


class CommandEncoder(classes.GPUCommandEncoder):
    def begin_compute_pass(self, *, label="", timestamp_writes=None):
        described = javascript({"label": label, "timestamp_writes": timestamp_writes})
        return ComputePass(label, self._internal.beginComputePass(described), self._device)

    def clear_buffer(self, buffer, offset=0, size=None):
        size = buffer.size - offset if size is None else size
        if offset < 0 or offset % 4 or size % 4 or offset + size > buffer.size:
            raise ValueError(f"{size} bytes at {offset} of {buffer.label!r} cannot be cleared")
        self._internal.clearBuffer(buffer._internal, offset, size)

    def copy_buffer_to_buffer(
        self, source, source_offset, destination, destination_offset, size=None
    ):
        size = source.size - source_offset if size is None else size
        self._internal.copyBufferToBuffer(
            source._internal, source_offset, destination._internal, destination_offset, size
        )

    def resolve_query_set(
        self, query_set, first_query, query_count, destination, destination_offset
    ):
        self._internal.resolveQuerySet(
            query_set._internal, first_query, query_count, destination._internal, destination_offset
        )

    def finish(self, *, label=""):
        internal = self._internal.finish(javascript({"label": label}))
        return classes.GPUCommandBuffer(label, internal, self._device)

    def push_debug_group(self, group_label):
        self._internal.pushDebugGroup(group_label)

    def pop_debug_group(self):
        self._internal.popDebugGroup()


class ComputePass(classes.GPUComputePassEncoder):
    def set_pipeline(self, pipeline):
        self._internal.setPipeline(pipeline._internal)

    def set_bind_group(self, index, bind_group, offsets=(), start=0, length=None):
        stop = None if length is None else start + length
        self._internal.setBindGroup(index, bind_group._internal, to_js(list(offsets)[start:stop]))

    def dispatch_workgroups(self, x, y=1, z=1):
        self._internal.dispatchWorkgroups(x, y, z)

    def dispatch_workgroups_indirect(self, indirect_buffer, indirect_offset):
        self._internal.dispatchWorkgroupsIndirect(indirect_buffer._internal, indirect_offset)

    def end(self):
        self._internal.end()


class Recording:
    """Dispatches kept on JavaScript's side by replay.js, where a thousand take under a
    millisecond."""

    def __init__(self, dispatches):
        if not hasattr(js, "oneseekReplay"):
            raise RuntimeError("replay.js was not loaded in this worker")
        pipelines, groups, places, counts = (
            zip(*dispatches, strict=True) if dispatches else [()] * 4
        )
        self._keep = pipelines, groups, places
        self._arguments = [to_js([thing._internal for thing in things]) for things in self._keep]
        self._arguments.append(to_js([number for count in counts for number in count]))

    def replay(self, compute_pass, start, stop):
        """Issue all dispatches of a slice in one call from Python to JavaScript."""
        js.oneseekReplay(compute_pass._internal, *self._arguments, start, stop)

    def turn(self, device, given, before, span, after, staging):
        """Do what native_replay.py's `turn` does, in one call from Python to JavaScript."""
        buffer, at, data = given or (None, 0, b"")
        written = given and to_js(memoryview(data).cast("B"))
        found = js.oneseekTurn(
            device._internal,
            buffer and buffer._internal,
            at,
            written,
            before,
            *self._arguments,
            *span,
            after,
            staging._internal,
            device.nudge_ms,
        )

        async def read_back():
            data = await found
            if device._unsettled or device._uncaptured:
                await device.settle_async()
            return data.to_bytes()

        return read_back()

    @staticmethod
    def flat(copies):
        """Return the copies one after another in one array."""
        return to_js([_plain(part) for copy in copies for part in copy])


def bind_groups(device, wanted):
    """Do what native_replay.py's `bind_groups` does, in one call from Python to JavaScript."""
    layouts: dict = {}
    buffers: dict = {}
    numbers = array("d")
    for layout, places in wanted:
        numbers.extend((layouts.setdefault(layout, len(layouts)), len(places)))
        for buffer, at, size in places:
            numbers.extend((buffers.setdefault(buffer, len(buffers)), at, size))
    told = [to_js([thing._internal for thing in things]) for things in (layouts, buffers)]
    made = js.oneseekGroups(device._internal, *told, to_js(memoryview(numbers)))
    groups = zip(made, wanted, strict=True)
    return [BindGroup("", internal, device, places) for internal, (_, places) in groups]


class Queue(classes.GPUQueue):
    def __init__(self, internal):
        super().__init__("", internal, None)

    def submit(self, command_buffers):
        self._internal.submit(to_js([buffer._internal for buffer in command_buffers]))

    def write_buffer(self, buffer, buffer_offset, data, data_offset=0, size=None):
        data = memoryview(data).cast("B")
        size = data.nbytes - data_offset if size is None else size
        view = to_js(data[data_offset : data_offset + size])
        self._internal.writeBuffer(buffer._internal, buffer_offset, view)

    def read_buffer(self, buffer, buffer_offset=0, size=None):
        size = buffer.size - buffer_offset if size is None else size
        usage = wgpu.BufferUsage.COPY_DST | wgpu.BufferUsage.MAP_READ
        staging = self._device.create_buffer(label="read_buffer", size=size, usage=usage)
        encoder = self._device.create_command_encoder(label="read_buffer")
        encoder.copy_buffer_to_buffer(buffer, buffer_offset, staging, 0, size)
        self.submit([encoder.finish()])
        staging.map_async("READ").sync_wait()
        return staging.read_mapped()

    def on_submitted_work_done_async(self):
        done = self._internal.onSubmittedWorkDone()
        return self._device.settle_with("on_submitted_work_done", done)
