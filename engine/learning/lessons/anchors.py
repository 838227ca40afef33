"""General prompts that hold the model where it was: some to train on, some only to measure with."""

from __future__ import annotations

import functools
import json

from oneseek.engine.learning.lessons.language import FOLDER


@functools.cache
def _file(code: str) -> dict:
    path = FOLDER / f"anchors_{code}.json"
    return json.loads((path if path.exists() else FOLDER / "anchors_en.json").read_text("utf-8"))


def anchors(code: str) -> list[tuple[str, str]]:
    """(category, prompt) of every anchor of a language that training may use."""
    return [
        (name, prompt) for name, prompts in _file(code)["anchors"].items() for prompt in prompts
    ]


def load_held_out_anchors(code: str) -> list[str]:
    """Prompts the gate measures drift on: never trained on."""
    return list(_file(code)["held_out"])


def probes(code: str) -> list[tuple[str, tuple[str, ...]]]:
    """(question, words one of which the answer has) of common knowledge."""
    return [(question, tuple(words)) for question, words in _file(code)["probes"]]


def texts(code: str) -> list[str]:
    """Plain text that training may use."""
    return list(_file(code)["texts"])


def paragraphs(code: str) -> list[str]:
    """Plain text for perplexity."""
    return list(_file(code)["paragraphs"])
