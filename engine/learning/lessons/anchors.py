"""Prompts of regularisation examples: some for training, some held out to measure drift."""

from __future__ import annotations

import functools
import json

from oneseek.engine.learning.lessons.language import FOLDER


@functools.cache
def _file(code: str) -> dict:
    path = FOLDER / f"anchors_{code}.json"
    return json.loads((path if path.exists() else FOLDER / "anchors_en.json").read_text("utf-8"))


def anchors(code: str) -> list[tuple[str, str]]:
    """Return (category, prompt) of every regularisation prompt of a language for training."""
    return [
        (name, prompt) for name, prompts in _file(code)["anchors"].items() for prompt in prompts
    ]


def load_held_out_anchors(code: str) -> list[str]:
    """Return the prompts on which the evaluator measures drift; no step trains on them."""
    return list(_file(code)["held_out"])


def probes(code: str) -> list[tuple[str, tuple[str, ...]]]:
    """Questions of common knowledge as (question, words); a right answer has one of the words."""
    return [(question, tuple(words)) for question, words in _file(code)["probes"]]


def texts(code: str) -> list[str]:
    """Plain text that training may use."""
    return list(_file(code)["texts"])


def paragraphs(code: str) -> list[str]:
    """Plain text for perplexity."""
    return list(_file(code)["paragraphs"])
