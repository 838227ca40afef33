"""The CPU back end for a browser tab: Python writes WebAssembly SIMD kernels that work in Pyodide's
own heap, on numpy's arrays, without copies.

Reading order: opcodes, emit, vectors, kernel, elementwise, rows, loss, choice, optim, weights,
matmul, few_rows, attention, program, heap, executor.
"""
