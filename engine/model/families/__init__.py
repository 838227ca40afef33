"""The model families that are more than a Llama with other settings, each a module that reads like
its formulas, and the choice of one by a configuration."""

from __future__ import annotations

from oneseek.engine.compiler.ir import Program
from oneseek.engine.model.families.gemma3 import Gemma3
from oneseek.engine.model.families.lfm2 import Lfm2, Lfm2Config
from oneseek.engine.model.families.qwen35 import Qwen35, Qwen35Config
from oneseek.engine.model.llama import Config, Llama

CONFIGS: dict[str, type[Config]] = {"lfm2": Lfm2Config, "qwen3_5_text": Qwen35Config}
TRANSFORMERS: dict[type[Config], type[Llama]] = {Lfm2Config: Lfm2, Qwen35Config: Qwen35}


def configure(d: dict) -> Config:
    """Return the configuration for the keys of a Hugging Face config.json."""
    return CONFIGS.get(d.get("model_type", ""), Config).from_dict(d)


def transformer(program: Program, config: Config, *more) -> Llama:
    """Return the model of a configuration, ready to be traced."""
    usual = Gemma3 if config.gemma else Llama
    return TRANSFORMERS.get(type(config), usual)(program, config, *more)
