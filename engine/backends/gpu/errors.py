"""What a GPU can refuse, each with a name of its own so that callers can tell what is safe now."""


class GPUProblem(RuntimeError):
    """Something the device refused; the text names the step, the value and the shapes."""


class OutOfMemory(GPUProblem, MemoryError):
    """An allocation failed; everything allocated for the same plan was given back."""


class DeviceLost(GPUProblem):
    """The device is gone with all its buffers; open a new one and restore from the store."""
