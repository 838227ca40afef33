"""Four made-up devices: what the browser tells of each, and the pace that one second of measuring
would find."""

import json
from functools import cache

from oneseek.engine.learning.needs import judge, models_fit

GB = 1 << 30
DEVICES = {
    "phone": {"kind": "cpu", "memory": 4, "pace": {"answer": 6e9, "lesson": 1e8}},
    "laptop": {"kind": "gpu", "memory": 8, "pace": {"answer": 6e10, "lesson": 1e10}},
    "desktop": {"kind": "gpu", "memory": 32, "pace": {"answer": 6e11, "lesson": 1e11}},
    "old": {"kind": "cpu", "memory": 4, "pace": {"answer": 4e9, "lesson": 2e8}},
}
"""A phone without a graphics chip that computes, a laptop with an integrated one, a desktop with a
card, and an old laptop with two cores and no WebGPU."""


@cache
def describe_models(kind: str) -> dict:
    """The models on a device that hides its memory; cached, because computing it takes a second."""
    return models_fit(kind, 0)


@cache
def fits(kind: str, memory: float) -> dict:
    """A worker's verdicts on the known models, on such a device."""
    size = int(memory * GB)
    found = {id: judge(one, kind, size) for id, one in describe_models(kind).items()}
    for one in found.values():
        one["packed"] = judge(one["packed"], kind, size) if one["packed"] else {}
    return found


def fits_on(name: str) -> dict:
    return fits(DEVICES[name]["kind"], DEVICES[name]["memory"])


def tells(pace: dict, other: str = "") -> str:
    """A page script that makes the engine report this measured pace, and the verdict on `other`, a
    listed model, for a model called of-the-hub."""
    return """{
  const { get } = Object.getOwnPropertyDescriptor(MessageEvent.prototype, "data");
  Object.defineProperty(MessageEvent.prototype, "data", { get() {
    const data = get.call(this);
    if (typeof data?.answer === "string" && data.answer.includes('"Fits"')) {
      const told = JSON.parse(data.answer);
      if (told.type === "Fits") {
        if (OTHER) told.models["of-the-hub"] = told.models[OTHER];
        data.answer = JSON.stringify({ ...told, pace: PACE });
      }
    }
    return data;
  } });
}""".replace("OTHER", json.dumps(other)).replace("PACE", json.dumps(pace))
