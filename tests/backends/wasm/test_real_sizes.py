"""The kernels at the sizes of SmolLM2-135M and Qwen2.5-0.5B, against numpy in double precision."""

import numpy as np
import pytest

from oneseek.engine.compiler.ir import OPS, Spec
from oneseek.engine.compiler.ops.linear import make_packed
from tests.support.kernels import check
from tests.support.op_cases import build

SMOLLM2, QWEN = (576, 1536, 192, 9, 3), (896, 4864, 128, 14, 2)


def real_sizes():
    four, eight = dict(bits=4), dict(bits=8)
    for width, hidden, narrow, heads, kv_heads in (SMOLLM2, QWEN):
        for rows in (1, 3, 4, 5, 24):
            lora = Spec((rows, 16)), Spec((hidden, 16))
            yield "packed_linear", Spec((rows, width)), *make_packed(hidden, width, 4), *lora, four
            yield "packed_linear", Spec((rows, hidden)), *make_packed(narrow, hidden, 8), eight
            yield "packed_linear", Spec((rows, width)), *make_packed(1021, width, 8, 16), eight
        for rows in (7, 24):
            yield "packed_linear_dx", Spec((rows, hidden)), *make_packed(hidden, width, 4), four
            yield "packed_linear_dx", Spec((rows, narrow)), *make_packed(narrow, hidden, 8), eight
        yield "rmsnorm", Spec((5, width)), Spec((width,)), dict(eps=1e-6)
        q, k = Spec((30, width)), Spec((70, narrow))
        sees, shared = Spec((30, 4), "spans"), dict(heads=heads, kv_heads=kv_heads)
        yield "attention", q, k, k, sees, shared
        for gradient in ("attention_dq", "attention_dkv"):
            yield gradient, q, q, Spec((30, heads)), q, k, k, sees, shared
    for vocab in (49152, 151936):
        targets = Spec((2, 32), "distinct"), Spec((2, 32), "probs"), Spec((2,), "rest")
        yield "soft_cross_entropy", Spec((2, vocab)), *targets, Spec((2,))
        yield "divergence", Spec((2, vocab)), Spec((2, vocab))
        yield "candidates", Spec((2, vocab)), Spec((2, 64), "i32"), Spec((2,), "ones")


def name_case(case):
    shapes = (spec.shape for spec in case[1:4] if isinstance(spec, Spec))
    return "-".join([case[0], *("x".join(map(str, shape)) for shape in shapes)])


@pytest.mark.parametrize("case", list(real_sizes()), ids=name_case)
def test_a_kernel_agrees_with_numpy_at_the_sizes_of_real_models(case):
    program, _, _, feeds = build(OPS[case[0]], case[1:])
    rng = np.random.default_rng(1)
    for name in {"x", "h", "b", "dy", "y", "q", "k", "v", "p", "logits"} & set(feeds):
        feeds[name] = rng.normal(size=feeds[name].shape)
    check(program, feeds)
