"""OneSeek: a private chat assistant that runs and learns inside a browser tab.

Installed, and in the page, its rooms lie in this folder. In the tree they lie beside it, and are
looked for there; the links to them are for what reads Python without running it: type checkers,
editors, and what puts the wheel together.
"""

import os.path

__version__ = "0.2.0"

_here = os.path.dirname(os.path.abspath(__file__))
_within = os.path.join(_here, "engine")
if os.path.islink(_within) or not os.path.isdir(_within):
    __path__ = [os.path.dirname(_here)]

# The library's names (engine/front): looked up when first asked for, so that this import stays
# cheap, in the page's MicroPython too. `__init__.pyi` tells the same to type checkers.
_LIBRARY = (
    "AdamW Lion SGD Tensor Train above attention concat cosine cross_entropy dropout embedding exp "
    "gelu inspect jit layernorm linear log log_softmax max mean on random relu reshape rmsnorm rotary silu "
    "softmax sqrt sum take tanh transpose value_and_grad where"
).split()


def __getattr__(name):
    if name not in _LIBRARY:
        raise AttributeError("oneseek has no " + name)
    import oneseek.engine.front

    return getattr(oneseek.engine.front, name)
