"""The CPU back end for a browser tab: Python writes WebAssembly SIMD kernels that work in Pyodide's
own heap, on numpy's arrays, without copies.

One core computes. Pyodide's heap is not shared memory, isolated page or not, so a helper worker
would need an interpreter and the weights once more (116 MB of SmolLM2's, and seconds to start) for
half of a step's rows, and the gradients would have to be copied between the two; `bench cpu` tells
what it could give at most (`two_workers_gain`). That breaks the promise about memory, so there are
no helpers.

Reading order: opcodes, emit, vectors, kernel, elementwise, rows, loss, choice, optim, weights,
matmul, few_rows, attention, program, heap, executor.
"""
