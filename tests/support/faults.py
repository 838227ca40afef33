"""The places where a process may be killed."""

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
