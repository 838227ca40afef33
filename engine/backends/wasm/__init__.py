"""The CPU back end: Python writes WebAssembly SIMD kernels that work in a memory of their own, in a
browser tab and without one.

Threads share that memory where the host allows it, and divide each run among them; one thread is
the same with nobody beside it. Arrays come from Python's memory and go back to it by copy; the
weights are there once.

Reading order: opcodes, emit, vectors, kernel, elementwise, rows, loss, choice, optim, weights,
matmul, few_rows, attention, stages, board, program, memory, executor, tab, native.
"""
