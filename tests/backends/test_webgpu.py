"""The compute half of the wgpu API, tested as in wgpu-py's own tests: one file runs natively
(wgpu-native) and in a Pyodide worker (engine/backends/gpu/webgpu.py)."""

import asyncio
import gc

import numpy as np
import pytest
import wgpu
from wgpu.utils.compute import compute_with_buffers

from tests.support.gpu_device import gpu

pytestmark = pytest.mark.in_worker

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


def bind(device, layout, x, offset=0, size=None):
    """A bind group over x and an empty result; afterwards only the group refers to the buffer of
    x."""
    source = device.create_buffer_with_data(label="x", data=x, usage=USAGE)
    result = device.create_buffer(label="y", size=x.nbytes, usage=USAGE)
    size = x.nbytes - offset if size is None else size
    entries = [
        {"binding": 0, "resource": {"buffer": source, "offset": offset, "size": size}},
        {"binding": 1, "resource": {"buffer": result, "offset": 0, "size": x.nbytes}},
    ]
    return device.create_bind_group(label="xy", layout=layout, entries=entries), result


def double(device, pipeline, layout, x, **window):
    group, result = bind(device, layout, x, **window)
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
    np.testing.assert_array_equal(double(device, pipeline, layout, x), 2 * x)


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
    y = double(device, pipeline, layout, x, offset=256, size=40)
    np.testing.assert_array_equal(y[:10], 3 * x[64:74])
    assert not y[10:].any()


def test_a_pipeline_made_asynchronously_is_the_same(device):
    async def make():
        module = device.create_shader_module(label="double", code=DOUBLE)
        return await device.create_compute_pipeline_async(layout="auto", compute=compute(module))

    pipeline = asyncio.run(make())
    x = np.ones(4, np.float32)
    assert double(device, pipeline, pipeline.get_bind_group_layout(0), x).tolist() == [2] * 4


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
    for offset, size in ((10, 4), (0, 30), (8, 32)):
        with pytest.raises(ValueError):
            encoder.clear_buffer(one, offset, size)


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


def test_a_buffer_is_born_with_its_bytes(device):
    made = device.create_buffer_with_data(data=b"abcdefghijkl", usage="COPY_SRC")
    born = device.create_buffer(size=12, usage="copy_src | map_write", mapped_at_creation=True)
    born.write_mapped(b"abcd")
    born.write_mapped(b"efghijkl", 0)
    born.unmap()
    assert bytes(device.queue.read_buffer(made)) == b"abcdefghijkl"
    assert bytes(device.queue.read_buffer(born)) == b"efghijkl\0\0\0\0"
    readable = device.create_buffer_with_data(data=b"abcdefgh", usage=wgpu.BufferUsage.MAP_READ)
    readable.map_sync("READ")
    assert bytes(readable.read_mapped()) == b"abcdefgh"


def test_a_buffer_is_mapped_part_after_part(device):
    written = device.create_buffer(size=32, usage="MAP_WRITE | COPY_SRC")
    for i in range(4):
        written.map_sync("WRITE")
        written.write_mapped(b"%d" % i * 8, 8 * i)
        written.unmap()
    assert bytes(device.queue.read_buffer(written)) == b"".join(b"%d" % i * 8 for i in range(4))
    assert bytes(device.queue.read_buffer(written, 8, 8)) == b"1" * 8
    read = device.create_buffer(size=32, usage="MAP_READ | COPY_DST")
    for i in range(4):
        device.queue.write_buffer(read, 8 * i, b"%d" % i * 8)
    read.map_sync("READ", 8, 24)
    assert len(read.read_mapped()) == 24
    assert [bytes(read.read_mapped(8 * i, 8))[:1] for i in (1, 2, 3)] == [b"1", b"2", b"3"]
    copied, lent = read.read_mapped(), read.read_mapped(copy=False)
    copied[0] = 255
    with pytest.raises(TypeError):
        lent[0] = 255
    read.unmap()
    with pytest.raises(ValueError):
        lent[0]
    assert copied[0] == 255


def test_mapping_what_cannot_be_mapped_is_an_error(device):
    buffer = device.create_buffer(label="b", size=32, usage="MAP_WRITE | COPY_SRC")
    with pytest.raises(wgpu.GPUValidationError):
        device.create_buffer(size=32, usage="MAP_READ | MAP_WRITE")
    with pytest.raises(ValueError):
        buffer.map_sync("boo")
    for call in (buffer.read_mapped, buffer.unmap, lambda: buffer.write_mapped(b"1234")):
        with pytest.raises(RuntimeError):
            call()
    buffer.map_sync("WRITE", 0, 24)
    for again in ("WRITE", "READ"):
        with pytest.raises(RuntimeError):
            buffer.map_sync(again)
    with pytest.raises(RuntimeError):
        buffer.read_mapped()
    for data, offset in ((b"1234", -8), (b"1234", 6), (b"", 0), (b"1" * 32, 0), (b"1" * 64, 0)):
        with pytest.raises(ValueError):
            buffer.write_mapped(data, offset)
    buffer.write_mapped(b"1" * 24)
    buffer.unmap()
    assert bytes(device.queue.read_buffer(buffer)) == b"1" * 24 + bytes(8)


def test_a_dispatch_may_take_its_size_from_a_buffer(device):
    module = device.create_shader_module(label="double", code=DOUBLE)
    pipeline = device.create_compute_pipeline(layout="auto", compute=compute(module))
    x = np.ones(40, np.float32)
    group, result = bind(device, pipeline.get_bind_group_layout(0), x)
    size = device.create_buffer_with_data(data=np.array([0, 5, 1, 1], np.uint32), usage="INDIRECT")
    encoder = device.create_command_encoder()
    run = encoder.begin_compute_pass()
    run.set_pipeline(pipeline)
    run.set_bind_group(0, group, [], 0, 999)
    run.dispatch_workgroups_indirect(size, 4)
    run.end()
    device.queue.submit([encoder.finish()])
    y = np.frombuffer(device.queue.read_buffer(result), np.float32)
    assert y.tolist() == [2.0] * 20 + [0.0] * 20


CONSTANTS = """
override a: i32 = 1;
override b: u32 = 2;
@id(1) override c: f32 = 3.0;
@id(2) override d: bool = false;
@group(0) @binding(0) var<storage, read_write> seen: array<u32, 4>;

@compute @workgroup_size(1)
fn main() { seen = array(u32(a), b, u32(c), u32(d)); }
"""


@pytest.mark.parametrize(
    "constants,seen", [({}, [1, 2, 3, 0]), ({"a": 21, "b": 22, 1: 23, 2: 24}, [21, 22, 23, 1])]
)
def test_constants_are_overridden_by_name_and_by_number(device, constants, seen):
    module = device.create_shader_module(label="constants", code=CONSTANTS)
    stage = {"module": module, "constants": constants}  # a single entry point needs no name
    pipeline = device.create_compute_pipeline(layout="auto", compute=stage)
    result = device.create_buffer(size=16, usage="STORAGE | COPY_SRC")
    layout = pipeline.get_bind_group_layout(0)
    entries = [{"binding": 0, "resource": {"buffer": result}}]
    encoder = device.create_command_encoder()
    run = encoder.begin_compute_pass()
    run.set_pipeline(pipeline)
    run.set_bind_group(0, device.create_bind_group(layout=layout, entries=entries))
    run.dispatch_workgroups(1)
    run.end()
    device.queue.submit([encoder.finish()])
    assert device.queue.read_buffer(result).cast("I").tolist() == seen


def test_wgpus_own_shortcut_for_computing_works(device):
    x = np.arange(8, dtype=np.float32)
    kept = DOUBLE.replace("storage, read>", "storage, read_write>").replace("fn double", "fn main")
    constants = {"FACTOR": 4}
    made = compute_with_buffers({0: x}, {0: "8xf", 1: (8, "f")}, kept, constants, n=2)
    assert made[0].tolist() == x.tolist()
    assert made[1].tolist() == (4 * x).tolist()
    with pytest.raises(TypeError):
        compute_with_buffers([x], {1: (8, "f")}, kept)


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


def test_a_shader_that_is_no_text_is_refused(device):
    with pytest.raises(TypeError):
        device.create_shader_module(code={"not", "a", "shader"})


def test_a_pipeline_of_a_missing_entry_point_says_which(device):
    module = device.create_shader_module(label="double", code=DOUBLE)
    with pytest.raises(wgpu.GPUValidationError, match="triple"):
        device.create_compute_pipeline(
            label="triple", layout="auto", compute=compute(module, entry="triple")
        )


def test_a_stage_with_a_field_it_has_not_is_refused(device):
    module = device.create_shader_module(label="double", code=DOUBLE)
    with pytest.raises(ValueError):
        device.create_compute_pipeline(layout="auto", compute=compute(module) | {"foo": 42})


def test_a_buffer_over_the_limit_is_an_error(device):
    with pytest.raises(wgpu.GPUError, match="giant"):
        device.create_buffer(label="giant", size=1 << 42, usage=USAGE)
        device.queue.read_buffer(device.create_buffer(label="next", size=4, usage=USAGE))


def test_too_many_workgroups_are_an_error(device):
    module = device.create_shader_module(label="double", code=DOUBLE)
    pipeline = device.create_compute_pipeline(layout="auto", compute=compute(module))
    x = np.zeros(4 * 70_000, np.float32)
    with pytest.raises(wgpu.GPUError, match="65535"):
        double(device, pipeline, pipeline.get_bind_group_layout(0), x)
