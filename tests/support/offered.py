"""Four made-up devices: what the browser would tell of each, and what a second of measuring would
find there."""

from functools import cache

from oneseek.engine.learning.needs import judged, known_fits

GB = 1 << 30
DEVICES = {
    "phone": {"kind": "cpu", "memory": 3, "pace": {"answer": 6e9, "lesson": 1e8}},
    "laptop": {"kind": "cpu", "memory": 8, "pace": {"answer": 2e10, "lesson": 8e8}},
    "laptop-gpu": {"kind": "gpu", "memory": 16, "pace": {"answer": 6e10, "lesson": 1e10}},
    "workstation": {"kind": "gpu", "memory": 64, "pace": {"answer": 6e11, "lesson": 1e11}},
}


@cache
def known(kind: str) -> dict:
    """The models on a device that tells nothing of its memory: working it out takes a second."""
    return known_fits(kind, 0)


@cache
def fits(kind: str, memory: float) -> dict:
    """What a worker on such a device tells of the known models."""
    size = int(memory * GB)
    found = {id: judged(one, kind, size) for id, one in known(kind).items()}
    for one in found.values():
        one["packed"] = judged(one["packed"], kind, size) if one["packed"] else {}
    return found


def fits_on(name: str) -> dict:
    return fits(DEVICES[name]["kind"], DEVICES[name]["memory"])
