"""The time in whole milliseconds, as every stored record has it.

Not JavaScript's Date.now(): MicroPython takes a JavaScript integer over 31 bits for another one.
Big numbers cross as floats or as JSON text.
"""

import time


def now():
    return int(time.time() * 1000)
