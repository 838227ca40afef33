"""The configuration: defaults as documented, and ranges that are enforced with the setting's
name."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core.settings import (
    ConfigError,
    Number,
    SchedulerConfig,
    TrainingConfig,
    for_model,
)


def test_the_classic_defaults_are_those_of_the_guide():
    config = TrainingConfig()
    assert (config.mode, config.learning_rate, config.batch_size) == ("lora", 1e-4, 4)
    assert (config.max_grad_norm, config.weight_decay) == (1.0, 0.01)
    assert (config.warmup_steps, config.max_steps) == (100, 10_000)
    lora = config.lora_config
    assert (lora.rank, lora.alpha, lora.dropout, lora.enable_bias) == (8, 16, 0.05, False)
    assert lora.target_modules == ("attention.q", "attention.v", "ffn.gate", "ffn.up")
    assert TrainingConfig.preset("classic") == config


def test_the_scheduler_defaults_are_those_of_the_guide():
    config = SchedulerConfig()
    assert (config.max_idle_time_ms, config.min_idle_time_ms) == (50, 10)
    assert (config.check_interval_ms, config.max_cpu_usage) == (1000, 0.2)
    assert config.enable_background_training and config.pause_on_inference


def test_micro_is_the_measured_recipe():
    config = TrainingConfig.preset("micro")
    assert (config.lora_config.rank, config.lora_config.alpha) == (16, 32)
    assert len(config.lora_config.target_modules) == 7
    assert (config.learning_rate, config.adam_beta2, config.weight_decay) == (1e-3, 0.99, 0.0)
    assert (config.lesson.max_steps, config.lesson.stop_loss) == (16, 0.69)
    assert config.practice.steps_per_fact == 34


@pytest.mark.parametrize("table", [TrainingConfig, SchedulerConfig, *TrainingConfig.PARTS.values()])
def test_a_value_out_of_range_is_named_with_field_value_and_range(table):
    for name, field in table.FIELDS.items():
        wrong = field.high * 2 + 1 if isinstance(field, Number) else "nonsense"
        with pytest.raises(ConfigError) as caught:
            table(**{name: wrong})
        assert name in str(caught.value) and repr(wrong) in str(caught.value)
        assert field.range() in str(caught.value)


@pytest.mark.parametrize("wrong", [True, None, "0.1", float("nan"), float("inf"), [1e-4]])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(ConfigError, match="learning_rate"):
        TrainingConfig(learning_rate=wrong)


def test_unknown_fields_and_presets_are_refused():
    with pytest.raises(ConfigError, match="no field 'learning_rat'"):
        TrainingConfig(learning_rat=1e-4)
    with pytest.raises(ConfigError, match="no field 'ranks'"):
        TrainingConfig(lora_config={"ranks": 8})
    with pytest.raises(ConfigError, match="classic, examples, micro"):
        TrainingConfig.preset("mini")


@given(
    rank=st.integers(4, 16),
    rate=st.floats(1e-5, 1e-3),
    targets=st.lists(
        st.sampled_from(["attention.q", "ffn.up", "ffn.down"]), min_size=1, unique=True
    ),
)
def test_a_configuration_survives_json(rank, rate, targets):
    config = TrainingConfig(
        learning_rate=rate, lora_config={"rank": rank, "target_modules": targets}
    )
    assert TrainingConfig(**json.loads(json.dumps(config.to_dict()))) == config


def test_replacing_one_value_leaves_the_others():
    micro = TrainingConfig.preset("micro")
    changed = micro.replace(seed=7, lora_config={"rank": 8})
    assert changed.seed == 7 and changed.lora_config.rank == 8
    assert changed.lora_config.alpha == 32 and micro.lora_config.rank == 16
    assert copy.deepcopy(changed) == changed


def test_a_models_size_decides_its_settings():
    assert [for_model(size).learning_rate for size in (1e6, 135e6, 360e6, 494e6)] == [
        1e-3, 1e-3, 9e-4, 5e-4,
    ]  # fmt: skip
    assert [for_model(size).lesson.max_steps for size in (1e6, 135e6)] == [64, 16]
    assert [for_model(size).lora_config.first_layer for size in (1e6, 135e6)] == [0, 8]
