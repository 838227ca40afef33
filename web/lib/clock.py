"""The time in whole milliseconds, as every stored record has it.

JavaScript's Date.now() would not do: MicroPython misreads a JavaScript integer over 31 bits. Big
numbers cross as floats or as JSON text.
"""

import time


def now():
    return int(time.time() * 1000)
