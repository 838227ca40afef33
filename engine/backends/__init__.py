"""What runs a scheduled program: numpy, WebGPU, WebAssembly."""
