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
