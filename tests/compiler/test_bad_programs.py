"""An invalid program must be refused where it is written, with the op, the weight and the shapes
named."""

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.grad import grad
from oneseek.engine.compiler.ir import OPS, Program, ShapeError, Spec
from oneseek.engine.compiler.schedule import plan
from tests.support.op_cases import CASES, build


def wrong(case):
    """Yield variants of a case, each with one side of one input longer by one."""
    for i, spec in enumerate(case):
        for axis in range(len(spec.shape) if isinstance(spec, Spec) else 0):
            shape = [*spec.shape]
            shape[axis] += 1
            yield (*case[:i], Spec((*shape,), spec.dtype), *case[i + 1 :])


@pytest.mark.parametrize("op,case", CASES)
def test_what_numpy_cannot_compute_is_refused_with_its_name_and_shapes(op, case):
    for changed in wrong(case):
        try:
            program, _, outs, feeds = build(op, changed)
        except ShapeError as refusal:
            assert str(refusal).startswith(f"{op.name}(")
            assert all(
                repr(s).split("[")[1] in str(refusal) for s in changed if isinstance(s, Spec)
            )
            continue
        run = Numpy(np.float64).prepare(plan(program))
        for name, array in feeds.items():
            run.write(name, array)
        run.run()  # accepted by the shape rule, so it has to compute and have the promised shapes
        for i, out in enumerate(outs):
            assert run.get(program.outputs[f"out{i}"]).shape == out.shape, changed


def test_a_weight_that_does_not_fit_is_named():
    program = Program("p")
    x = program.input("x", (4, 64))
    codes = program.input("model.layers.7.mlp.up_proj.weight.codes", (96, 16), "u32")
    scales = program.input("model.layers.7.mlp.up_proj.weight.scales", (96, 4, 2))
    named = r"packed_linear\(x=x:f32\[4,64\], codes=model\.layers\.7\.mlp\.up_proj\.weight\.codes:u32\[96,16\]"
    with pytest.raises(ShapeError, match=named):
        OPS["packed_linear"](x, codes, scales, bits=4)
    assert not program.steps


def test_a_loss_that_does_not_reach_a_trained_weight_names_it():
    program = Program("p")
    x, y, w = (program.input(name, (3, 4)) for name in ("x", "y", "adapter.a"))
    total = x + y
    with pytest.raises(ValueError, match=r"does not depend on adapter\.a"):
        grad({total: y}, [w])


def test_an_op_without_a_gradient_on_the_way_to_a_trained_weight_is_named():
    program = Program("p")
    norm = OPS["root"](program.input("w", (4,)))
    with pytest.raises(ValueError, match="root has no vjp"):
        grad({norm: norm}, [program.inputs["w"]])


def test_memory_is_given_out_once_and_only_where_there_is_room():
    program = Program("p")
    x = program.input("x", (3, 4))
    with pytest.raises(ValueError, match="two inputs are called x"):
        program.input("x", (1,))
    with pytest.raises(ValueError, match=r"x:f32\[3,4\] has no room for \(2, 4\) at 8"):
        x.view(8, (2, 4))
    with pytest.raises(ValueError, match=r"cannot take the shape \(5, 5\)"):
        x.reshape(5, 5)
    with pytest.raises(ValueError, match="x already has a place"):
        program.place(x, program.buffer((3, 4)), 0)
    with pytest.raises(ValueError, match=r"does not fit %\d+ at 4"):
        program.place(x + x, program.buffer((3, 4)), 4)


def test_an_op_over_values_of_two_programs_is_refused():
    one, other = (Program(name).input("x", (3,)) for name in ("one", "other"))
    with pytest.raises(ValueError, match="add was given x of the program one and x of another"):
        OPS["add"](one, other)
