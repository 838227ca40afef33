"""The settings by which the next token is chosen: as requested, else as the model's makers
recommend.

A file says it as GGUF's `general.sampling` or in generation_config.json; models.json says it for
known models, whose files often do not.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from oneseek.engine.model import registry
from oneseek.engine.model.formats import ModelFile

IN_GGUF = {
    "general.sampling.temp": "temperature",
    "general.sampling.top_k": "top_k",
    "general.sampling.top_p": "top_p",
    "general.sampling.penalty_repeat": "repetition_penalty",
}
RANGES = {  # a value outside is ignored
    "temperature": (0.0, 2.0),
    "top_k": (0, 1 << 20),
    "top_p": (0.0, 1.0),
    "repetition_penalty": (0.5, 2.0),
}
LONGEST_STOP, MOST_STOPS = 200, 4


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen and when an answer ends."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    penalty: float = 1.0
    seed: int = 0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    stop_repeats: bool = False  # an answer that goes round in circles ends
    steer: bool = False  # repetition is penalised
    usual: bool = False  # the model's own defaults, because nobody chose
    frequency: float = 0.0  # nats against a token for each time that the answer has it
    presence: float = 0.0  # nats against each token that the answer has

    def seed_of(self, at: int) -> int:
        """The seed of the answer's token at a place, so that the same ones are drawn again."""
        return (self.seed * 1_000_003 + at) & 0xFFFFFFFF

    def greedy(self) -> Sampling:
        """Return the same for learned or remembered text: no penalty on repetition, and no
        randomness unless that was asked for."""
        plain = replace(self, frequency=0.0, presence=0.0, steer=False)
        if not self.usual:
            return plain
        return replace(plain, temperature=0.0, top_k=0, top_p=1.0, penalty=1.0)

    @property
    def counts_tokens(self) -> bool:
        """Whether a token gets less likely because the answer has it already."""
        return bool(self.frequency or self.presence)

    def weigh(self, best: list[tuple[int, float]], ids: list[int]) -> list[tuple[int, float]]:
        """The likeliest tokens with their log-probabilities after the penalties, best first."""
        if not self.counts_tokens:
            return best
        times = Counter(ids)
        weighed = [
            (id, logprob - self.frequency * times[id] - self.presence if id in times else logprob)
            for id, logprob in best
        ]
        return sorted(weighed, key=lambda one: -one[1])


@dataclass(frozen=True)
class Manner:
    """The default sampling of one model; these values are for a model about which nothing is
    known."""

    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 0.9
    penalty: float = 1.0
    stop: tuple[str, ...] = ()

    @classmethod
    def of(cls, file: ModelFile) -> Manner:
        """The file's defaults, else those of models.json for a model with its configuration."""
        said = settings(from_file(file)) or settings(find_settings(file.config))
        return cls.from_settings(said) if said else cls()

    @classmethod
    def from_settings(cls, said: dict) -> Manner:
        """Read generation settings as transformers does: greedy where they say so, and at a
        temperature of 1 where they name none."""
        draws = said.get("do_sample", True)
        return cls(
            temperature=float(said.get("temperature", 1.0)) if draws else 0.0,
            top_k=int(said.get("top_k", 0)),
            top_p=float(said.get("top_p", 1.0)),
            penalty=float(said.get("repetition_penalty", 1.0)),
            stop=said.get("stop_strings", ()),
        )

    def make_sampling(
        self,
        temperature: float | None = None,
        top_p: float | None = None,
        penalty: float | None = None,
        stop: tuple[str, ...] = (),
        **more: Any,
    ) -> Sampling:
        """Return the requested sampling, with the model's own values for the rest: its top-k
        belongs to its temperature."""
        usual = temperature is None and top_p is None
        return Sampling(
            temperature=self.temperature if temperature is None else temperature,
            top_k=self.top_k if usual else 0,
            top_p=(self.top_p if usual else 1.0) if top_p is None else top_p,
            penalty=(self.penalty if usual else 1.0) if penalty is None else penalty,
            stop=stop or self.stop,
            usual=usual,
            **more,
        )


def from_file(file: ModelFile) -> dict:
    """Generation settings by the names of transformers, as they stand in the file."""
    named = {name: file.metadata.get(key) for key, name in IN_GGUF.items()}
    return {**file.generation, **{name: v for name, v in named.items() if v is not None}}


def find_settings(config: dict) -> dict:
    """Return the generation settings in models.json of a model of these sizes."""
    for model in registry.load_models().values():
        if all(config.get(key) == value for key, value in model["config"].items()):
            return model.get("generation", {})
    return {}


def settings(said: dict) -> dict:
    """Return the generation settings that concern sampling, as far as they are valid."""
    found: dict[str, Any] = {}
    for name, (low, high) in RANGES.items():
        value = said.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and math.isfinite(value) and low <= value <= high:
            found[name] = value
    if said.get("do_sample") is False and not found.get("temperature"):
        found["do_sample"] = False
    stops = said.get("stop_strings")
    stops = [stops] if isinstance(stops, str) else stops if isinstance(stops, list) else []
    stops = [one for one in stops if isinstance(one, str) and 0 < len(one) <= LONGEST_STOP]
    if stops and found:
        found["stop_strings"] = tuple(stops[:MOST_STOPS])
    return found
