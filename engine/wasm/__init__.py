"""The CPU back end for a browser tab: Python writes WebAssembly SIMD kernels that work in
Pyodide's own heap.

Reading order: emit, vectors, weights, matmul, few_rows, attention, rows, elementwise, optim,
program, executor.
"""
