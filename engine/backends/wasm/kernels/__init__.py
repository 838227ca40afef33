"""The kernels, each emitted as WebAssembly by a few lines of Python."""
