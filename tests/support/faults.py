"""The points at which tests kill a process."""

FAULTS = [
    "slice:before",
    "slice:after",
    "checkpoint:before",
    "checkpoint:after",
    "gate:before",
    "gate:after",
    "promote:before",
    "promote:after",
    "forget:intended",
    "forget:before",
    "forget:after",
]
