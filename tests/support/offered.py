"""Four made-up devices: what the browser would tell of each, and what a second of measuring would
find there."""

from engine.learning.needs import known_fits

GB = 1 << 30
DEVICES = {
    "phone": {"kind": "cpu", "memory": 3, "pace": {"answer": 6e9, "lesson": 1e8}},
    "laptop": {"kind": "cpu", "memory": 8, "pace": {"answer": 2e10, "lesson": 8e8}},
    "laptop-gpu": {"kind": "gpu", "memory": 16, "pace": {"answer": 6e10, "lesson": 1e10}},
    "workstation": {"kind": "gpu", "memory": 64, "pace": {"answer": 6e11, "lesson": 1e11}},
}


def fits(device: dict) -> dict:
    """What a worker on that device tells of the known models."""
    return known_fits(device["kind"], int(device["memory"] * GB))
