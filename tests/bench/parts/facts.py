"""Loads the facts written by hand, file by file.

The modules that use them say which are for fitting and which for evaluation (`weigh.py`,
`memory.py`, `learn.py`).
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def load_facts(name: str) -> list[dict]:
    lines = (HERE / f"facts_{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]
