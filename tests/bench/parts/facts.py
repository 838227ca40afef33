"""The facts that were written by hand, file by file: to fit by, or to be judged by.

Which are which is said where they are used (`weigh.py`, `memory.py`, `learn.py`).
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def load_facts(name: str) -> list[dict]:
    lines = (HERE / f"facts_{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]
