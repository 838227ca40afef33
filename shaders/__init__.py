"""WGSL kernels, one family of ops a file, forward and gradient together."""
