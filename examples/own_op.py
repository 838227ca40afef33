"""An op of your own, in one record: its definition, its shape, its gradient.

With `kernel=` it would also run on a graphics chip: one WGSL expression here, or `file.wgsl:entry`.
Run it: `.venv/bin/python examples/own_op.py`
"""

import asyncio

import numpy as np

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.grad import grad
from oneseek.engine.compiler.ir import OPS, Program, op
from oneseek.engine.compiler.ops.elementwise import like_first
from oneseek.engine.compiler.schedule import plan


@op(shape=like_first, kernel="a * a", cases=())
def square(a):
    return a * a


@square.vjp
def _(dy, y, a):
    once = OPS["mul"](dy, a)
    return (OPS["add"](once, once),)


async def main() -> None:
    program = Program("own op")
    x, dy = program.input("x", (2, 3)), program.input("dy", (2, 3))
    y = square(x)
    (dx,) = grad({y: dy}, [x])
    program.output("y", y)
    program.output("dx", dx)
    print(program)
    run = Numpy().prepare(plan(program))
    run.write("x", np.arange(6, dtype=np.float32).reshape(2, 3))
    run.write("dy", np.ones((2, 3), np.float32))
    run.run()
    print(await run.read("y"), await run.read("dx"), sep="\n")


asyncio.run(main())
