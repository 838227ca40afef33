"""The lab's reports of a run, on each device and where a device is missing."""

import asyncio
import json
import sys

import pytest

from oneseek.engine.backends.select import NoGPU
from oneseek.workers import lab


def run(monkeypatch, program: str, devices: list[str]) -> list[dict]:
    def executor(device: str) -> None:
        if device == "webgpu":
            raise NoGPU("there is no GPU") from RuntimeError("no adapter")

    monkeypatch.setattr(lab, "executor", executor)
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    told: list[str] = []
    asyncio.run(lab.Lab(told.append).run(program, devices))
    return [json.loads(one) for one in told]


def test_a_chip_that_is_not_there_is_said_and_is_no_error(monkeypatch):
    told = run(monkeypatch, "print('hello')", ["numpy", "webgpu"])
    assert [one["is"] for one in told] == ["began", "printed", "began", "printed", "done"]
    assert [one["text"] for one in told if one["is"] == "printed"] == ["hello\n", "no adapter\n"]


@pytest.mark.parametrize(("program", "line"), [("x = 1\n1 / 0", 2), ("x = 1\ny = (", 2)])
def test_an_error_has_its_line_and_ends_the_run(monkeypatch, program, line):
    told = run(monkeypatch, program, ["numpy", "webgpu"])
    assert [one["is"] for one in told] == ["began", "failed", "done"]
    assert told[1]["line"] == line
