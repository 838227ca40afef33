"""The compute half of the wgpu API, as wgpu-py's own tests ask for it: one file that runs natively
(wgpu-native) and inside a Pyodide worker (engine/webgpu.py)."""

import asyncio
import gc

import numpy as np
import pytest
import wgpu

from tests.gpu_device import gpu

USAGE = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
DOUBLE = """
override FACTOR: f32 = 2.0;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn double(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&x)) { y[id.x] = x[id.x] * FACTOR; }
}
"""


@pytest.fixture
def device():
    return gpu().device


def compute(module, entry="double", **constants):
    return {"module": module, "entry_point": entry, "constants": constants}


def bound(device, layout, x, offset=0, size=None):
    """A bind group over x and an empty result; nobody else holds the buffer of x afterwards."""
    source = device.create_buffer_with_data(label="x", data=x, usage=USAGE)
    result = device.create_buffer(label="y", size=x.nbytes, usage=USAGE)
    size = x.nbytes - offset if size is None else size
    entries = [
        {"binding": 0, "resource": {"buffer": source, "offset": offset, "size": size}},
        {"binding": 1, "resource": {"buffer": result, "offset": 0, "size": x.nbytes}},
    ]
    return device.create_bind_group(label="xy", layout=layout, entries=entries), result


def doubled(device, pipeline, layout, x, **window):
    group, result = bound(device, layout, x, **window)
    gc.collect()
    encoder = device.create_command_encoder(label="double")
    run = encoder.begin_compute_pass(label="double")
    run.set_pipeline(pipeline)
    run.set_bind_group(0, group)
    run.dispatch_workgroups(len(x) // 4 + 1)
    run.end()
    device.queue.submit([encoder.finish()])
    return np.frombuffer(device.queue.read_buffer(result), np.float32)


def test_a_shader_with_an_automatic_layout_computes(device):
    module = device.create_shader_module(label="double", code=DOUBLE)
    pipeline = device.create_compute_pipeline(layout="auto", compute=compute(module))
    x = np.arange(10, dtype=np.float32)
    layout = pipeline.get_bind_group_layout(0)
    np.testing.assert_array_equal(doubled(device, pipeline, layout, x), 2 * x)


def test_explicit_layouts_constants_and_offsets_work(device):
    kinds = ("read-only-storage", "storage")
    entries = [
        {"binding": i, "visibility": wgpu.ShaderStage.COMPUTE, "buffer": {"type": kind}}
        for i, kind in enumerate(kinds)
    ]
    layout = device.create_bind_group_layout(label="two", entries=entries)
    whole = device.create_pipeline_layout(label="two", bind_group_layouts=[layout])
    module = device.create_shader_module(label="double", code=DOUBLE)
    pipeline = device.create_compute_pipeline(layout=whole, compute=compute(module, FACTOR=3.0))
    x = np.arange(100, dtype=np.float32)
    y = doubled(device, pipeline, layout, x, offset=256, size=40)
    np.testing.assert_array_equal(y[:10], 3 * x[64:74])
    assert not y[10:].any()


def test_a_pipeline_made_asynchronously_is_the_same(device):
    async def make():
        module = device.create_shader_module(label="double", code=DOUBLE)
        return await device.create_compute_pipeline_async(layout="auto", compute=compute(module))

    pipeline = asyncio.run(make())
    x = np.ones(4, np.float32)
    assert doubled(device, pipeline, pipeline.get_bind_group_layout(0), x).tolist() == [2] * 4


def test_buffers_are_written_copied_cleared_and_read(device):
    one = device.create_buffer(label="one", size=32, usage=USAGE)
    two = device.create_buffer(label="two", size=32, usage=USAGE)
    device.queue.write_buffer(one, 4, np.array([1, 2, 3], np.uint32))
    encoder = device.create_command_encoder()
    encoder.copy_buffer_to_buffer(one, 0, two, 8, 16)
    encoder.clear_buffer(one, 8, 4)
    device.queue.submit([encoder.finish()])
    assert np.frombuffer(device.queue.read_buffer(one), np.uint32).tolist()[:4] == [0, 1, 0, 3]
    assert np.frombuffer(device.queue.read_buffer(two, 8, 16), np.uint32).tolist() == [0, 1, 2, 3]
    assert (one.size, one.label, one.usage) == (32, "one", USAGE)


def test_a_mapped_buffer_takes_and_gives_bytes(device):
    usage = wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.MAP_WRITE
    buffer = device.create_buffer(label="mapped", size=16, usage=usage)
    buffer.map_sync(wgpu.MapMode.WRITE)
    buffer.write_mapped(np.arange(4, dtype=np.uint32))
    buffer.unmap()
    other = device.create_buffer(label="other", size=16, usage=USAGE)
    encoder = device.create_command_encoder()
    encoder.copy_buffer_to_buffer(buffer, 0, other, 0, 16)
    device.queue.submit([encoder.finish()])
    assert np.frombuffer(device.queue.read_buffer(other), np.uint32).tolist() == [0, 1, 2, 3]


def test_timestamps_measure_a_pass(device):
    assert "timestamp-query" in device.features
    queries = device.create_query_set(label="times", type="timestamp", count=2)
    usage = wgpu.BufferUsage.QUERY_RESOLVE | wgpu.BufferUsage.COPY_SRC
    resolved = device.create_buffer(label="times", size=16, usage=usage)
    writes = {
        "query_set": queries,
        "beginning_of_pass_write_index": 0,
        "end_of_pass_write_index": 1,
    }
    encoder = device.create_command_encoder()
    encoder.begin_compute_pass(label="empty", timestamp_writes=writes).end()
    encoder.resolve_query_set(queries, 0, 2, resolved, 0)
    device.queue.submit([encoder.finish()])
    begin, end = np.frombuffer(device.queue.read_buffer(resolved), np.uint64)
    assert begin <= end < begin + 60 * 10**9


def test_the_device_has_what_the_adapter_has(device):
    limit = "max-storage-buffer-binding-size"
    assert device.limits[limit] == device.adapter.limits[limit]
    assert device.features >= device.adapter.features & {"timestamp-query", "shader-f16"}
    assert device.adapter_info["device"]


def test_a_shader_that_does_not_compile_says_where(device):
    with pytest.raises(wgpu.GPUValidationError, match=r"(?s)broken.*2:11"):
        device.create_shader_module(label="broken", code="fn f() {\n  let x = ;\n}")


def test_a_pipeline_of_a_missing_entry_point_says_which(device):
    module = device.create_shader_module(label="double", code=DOUBLE)
    with pytest.raises(wgpu.GPUValidationError, match="triple"):
        device.create_compute_pipeline(
            label="triple", layout="auto", compute=compute(module, entry="triple")
        )


def test_a_buffer_over_the_limit_is_an_error(device):
    with pytest.raises(wgpu.GPUError, match="giant"):
        device.create_buffer(label="giant", size=1 << 42, usage=USAGE)
        device.queue.read_buffer(device.create_buffer(label="next", size=4, usage=USAGE))


def test_too_many_workgroups_are_an_error(device):
    module = device.create_shader_module(label="double", code=DOUBLE)
    pipeline = device.create_compute_pipeline(layout="auto", compute=compute(module))
    x = np.zeros(4 * 70_000, np.float32)
    with pytest.raises(wgpu.GPUError, match="65535"):
        doubled(device, pipeline, pipeline.get_bind_group_layout(0), x)
