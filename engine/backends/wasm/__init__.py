"""The CPU back end: Python writes WebAssembly SIMD kernels, which run on a memory of their own, in
a browser tab and without one.

Where the host allows it, threads share that memory and divide each run among them; a single thread
does the same work alone. Arrays are copied from and to Python's memory; weights are in memory once.

Reading order: opcodes, emit, vectors, kernel, elementwise, rows, loss, choice, optim, weights,
matmul, few_rows, attention, stages, board, program, memory, executor, tab, native.
"""
