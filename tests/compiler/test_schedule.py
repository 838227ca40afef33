"""The printed form of a program, and the memory of the product's training step."""

import pytest

import oneseek.engine.compiler.ops  # noqa: F401  every op registers itself
from oneseek.engine.compiler.grad import grad
from oneseek.engine.compiler.ir import OPS, Program
from oneseek.engine.compiler.schedule import fuse, plan
from oneseek.engine.model import programs
from oneseek.engine.model.llama import Config, Stored
from oneseek.engine.model.trainable import Trained

SMOLLM2 = Config(
    vocab=49152, width=576, layers=30, heads=9, kv_heads=3, head_width=64, hidden=1536,
    positions=2048,
)  # fmt: skip
LISTING = """\
lesson: 6 steps
  in   x:f32[4,64]  1024 bytes
  in   q.weight:f32[8,64]  2048 bytes
  in   q.lora_a:f32[2,64]  512 bytes
  in   q.lora_b:f32[8,2]  64 bytes
  in   dy:f32[4,8]  128 bytes
    0  %0:f32[4,2] = matmul(x, q.lora_a, -) tb=True scale=2.0
    1  %1:f32[4,8] = matmul(x, q.weight, -) tb=True
    2  %3:f32[4,8] = matmul(%0, q.lora_b, %1) tb=True
    3  %4:f32[4,2] = matmul(dy, q.lora_b, -) tb=False scale=1.0
    4  %5:f32[8,2] = matmul(dy, %0, -) ta=True tb=False scale=1.0
    5  %7:f32[2,64] = matmul(%4, x, -) ta=True tb=False scale=2.0
  out  da = %7:f32[2,64]
  out  db = %5:f32[8,2]
  out  y = %3:f32[4,8]"""


def test_a_program_prints_what_it_does_and_nothing_for_frozen_weights():
    program = Program("lesson")
    sizes = dict(x=(4, 64), weight=(8, 64), lora_a=(2, 64), lora_b=(8, 2), dy=(4, 8))
    names = (name if name in ("x", "dy") else f"q.{name}" for name in sizes)
    x, w, a, b, dy = map(program.input, names, sizes.values())
    matmul = OPS["matmul"]
    h = matmul(x, a, tb=True, scale=2.0)
    y = matmul(x, w, tb=True) + matmul(h, b, tb=True)
    for name, gradient in zip("ab", grad({y: dy}, [a, b]), strict=True):
        program.output(f"d{name}", gradient)
    program.output("y", y)
    assert repr(fuse(program)) == LISTING


@pytest.mark.parametrize("keep_blocks,most", [(None, 600e6), (0, 100e6)])
def test_smollm2s_step_at_4_times_128_tokens_needs_little_more_than_it_must(keep_blocks, most):
    stored = {
        name: Stored(shape, 4 * (len(shape) == 2)) for name, shape in SMOLLM2.shapes().items()
    }
    trained = Trained.lora(SMOLLM2, 8, 16)
    program = programs.learn(SMOLLM2, stored, 512, 256, 2048, trained, keep_blocks=keep_blocks)
    planned = plan(program)
    assert planned.bytes < most
    assert planned.bytes <= 1.25 * planned.lower_bound
