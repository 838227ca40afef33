"""The page, written in MicroPython."""
