"""The back ends, which run a scheduled program: numpy, WebGPU and WebAssembly."""
