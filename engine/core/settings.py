"""Every setting of training and its scheduling: name, default, range, in one table each.

`micro` is the measured recipe of lessons and consolidation, `examples` that of a data set,
`classic` the defaults of ordinary fine-tuning. Runs on the page (MicroPython) as well as in the
workers.
"""

ATTENTION = ("attention.q", "attention.k", "attention.v", "attention.o")
FEED_FORWARD = ("ffn.gate", "ffn.up", "ffn.down")
TARGETS = ATTENTION + FEED_FORWARD


class ConfigError(ValueError):
    """A setting that is unknown or out of its range."""


class Number:
    """A number within a closed range; `whole` refuses fractions."""

    def __init__(self, default, low, high, whole=False):
        self.default, self.low, self.high, self.whole = default, low, high, whole

    def range(self):
        return (
            "a whole number " if self.whole else "a number "
        ) + f"from {self.low} to {self.high}"

    def accepts(self, value):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return self.low <= value <= self.high and (not self.whole or int(value) == value)


class Choice:
    """One of a few values."""

    def __init__(self, default, values):
        self.default, self.values = default, values

    def range(self):
        return "one of " + ", ".join(str(value) for value in self.values)

    def accepts(self, value):
        return any(value is v or (value == v and type(value) is type(v)) for v in self.values)


class Subset:
    """A setting: at least one of these names, none twice."""

    def __init__(self, default, values):
        self.default, self.values = tuple(default), values

    def range(self):
        return "one or more of " + ", ".join(self.values)

    def accepts(self, value):
        if not isinstance(value, (list, tuple)) or not value:
            return False
        return all(v in self.values for v in value) and len(set(value)) == len(value)


class Numbers:
    """Any count of numbers within a closed range; none unless told."""

    default = ()

    def __init__(self, low, high):
        self.one = Number(low, low, high)

    def range(self):
        return "a list of numbers from %s to %s" % (self.one.low, self.one.high)

    def accepts(self, value):
        return isinstance(value, (list, tuple)) and all(self.one.accepts(v) for v in value)


def whole_number(default, low, high):
    return Number(default, low, high, whole=True)


def flag(default):
    return Choice(default, (True, False))


class Settings:
    """Checked values of one table of fields; `replace` makes a changed copy."""

    FIELDS = {}
    PARTS = {}

    def __init__(self, **values):
        self.values = {}
        for name in values:
            self.check_name(name)
        for name, part in self.PARTS.items():
            given = values.get(name, {})
            self.values[name] = given if isinstance(given, part) else part(**given)
        for name, field in self.FIELDS.items():
            value = values.get(name, field.default)
            if not field.accepts(value):
                raise ConfigError(
                    f"{type(self).__name__}.{name} = {value!r} is out of range: "
                    f"it must be {field.range()}"
                )
            self.values[name] = tuple(value) if isinstance(value, list) else value

    def check_name(self, name):
        if name not in self.FIELDS and name not in self.PARTS:
            known = ", ".join(sorted(list(self.FIELDS) + list(self.PARTS)))
            raise ConfigError(f"{type(self).__name__} has no field {name!r}; it has: {known}")

    def __getattr__(self, name):
        if name != "values" and name in self.values:
            return self.values[name]
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def replace(self, **values):
        """A copy with some values changed; a part may be given as a dictionary of its changes."""
        new = self.to_dict()
        for name, value in values.items():
            if name in self.PARTS and isinstance(value, dict):
                merged = dict(new[name])
                merged.update(value)
                value = merged
            new[name] = value
        return type(self)(**new)

    def to_dict(self):
        """Plain values for JSON; `type(self)(**them)` restores it."""
        plain = {}
        for name, value in self.values.items():
            if name in self.PARTS:
                value = value.to_dict()
            plain[name] = list(value) if isinstance(value, tuple) else value
        return plain

    def __eq__(self, other):
        return type(self) is type(other) and self.to_dict() == other.to_dict()

    def __repr__(self):
        return f"{type(self).__name__}({self.to_dict()})"


class LoraConfig(Settings):
    FIELDS = {
        "rank": whole_number(8, 4, 16),
        "alpha": Number(16, 16, 32),
        "dropout": Number(0.05, 0.0, 0.1),
        "target_modules": Subset(("attention.q", "attention.v", "ffn.gate", "ffn.up"), TARGETS),
        "enable_bias": flag(False),
        "first_layer": whole_number(
            0, 0, 63
        ),  # the layers below stay the base's, and need no gradient
        # Only B is learned: of several learners the mean B times the mean A is not the mean of B A,
        # but with one A for all of them the mean of B is.
        "frozen_a": flag(False),
    }


class LessonConfig(Settings):
    """One lesson: the rows of a step, when it ends, and the weight of the KL penalty."""

    FIELDS = {
        "max_steps": whole_number(16, 1, 64),
        "more_steps": whole_number(4, 0, 16),
        "stop_loss": Number(0.69, 0.0, 5.0),  # nats of a token: below log 2 it is certain
        "stop_after": whole_number(2, 1, 16),
        "cooling_steps": whole_number(4, 0, 16),
        "warmup_steps": whole_number(2, 0, 16),
        "taught_rows": whole_number(4, 1, 6),
        "replay_rows": whole_number(2, 0, 4),
        "anchor_rows": whole_number(2, 0, 4),  # where no memory routes questions to the version
        "neighbour_rows": whole_number(4, 0, 8),
        "replay_neighbour_rows": whole_number(2, 0, 4),
        "kl_weight": Number(3.0, 0.0, 10.0),
    }


class PracticeConfig(Settings):
    """Consolidation: a new adapter from the base, trained on everything accepted, mixed. The counts
    of regularisation rows are means over the steps; training on a data set rounds them up."""

    FIELDS = {
        "steps_per_fact": whole_number(34, 1, 96),
        "warmup_steps": whole_number(4, 0, 64),
        "final_rate": Number(0.1, 0.0, 1.0),
        "fact_rows": whole_number(2, 1, 16),
        "anchor_rows": Number(0.667, 0, 8),
        "text_rows": Number(0, 0, 8),
        "neighbour_rows": Number(1.333, 0, 8),
        "kl_weight": Number(3.0, 0.0, 10.0),
    }


class StopConfig(Settings):
    """Early stopping of batch training: when the validation loss no longer falls."""

    FIELDS = {
        "enabled": flag(True),
        "threshold": Number(0.001, 0.0, 1.0),
        "patience": whole_number(3, 1, 100),
        "min_epochs": whole_number(2, 1, 100),
    }


STOPS = ("loss", "doing")  # by the held-out part: its loss, or how it is answered
MODES = ("lora", "hybrid", "full")  # what is trained: an adapter, the last layers too, or those


class TrainingConfig(Settings):
    PARTS = {
        "lora_config": LoraConfig,
        "lesson": LessonConfig,
        "practice": PracticeConfig,
        "confidence_auto_stop": StopConfig,
    }
    FIELDS = {
        "mode": Choice("lora", MODES),
        "learning_rate": Number(1e-4, 1e-5, 1e-3),
        "batch_size": whole_number(4, 1, 32),
        "epochs": whole_number(3, 1, 100),
        "rate_multipliers": Numbers(0.01, 10.0),  # of each epoch so far, where models take turns
        "max_grad_norm": Number(1.0, 0.01, 100.0),
        "weight_decay": Number(0.01, 0.0, 0.1),
        "proximal": Number(0.0, 0.0, 100.0),  # mu: mu / 2 |w - w0|^2 is minimised as well
        "adam_beta1": Number(0.9, 0.0, 0.999),
        "adam_beta2": Number(0.999, 0.0, 0.9999),
        "adam_epsilon": Number(1e-8, 1e-12, 1e-3),
        "warmup_steps": whole_number(100, 0, 10_000),
        "max_steps": whole_number(10_000, 1, 1_000_000),
        "validation_split": Number(0.1, 0.0, 0.5),
        "skip_poor": flag(False),  # of a data set, examples not worth learning
        "stop_by": Choice("loss", STOPS),  # decides after each epoch whether it improves
        "plateau_threshold": Number(0.001, 0.0, 1.0),
        "plateau_patience": whole_number(3, 1, 100),
        "upper_half": flag(False),  # a data set trains only the upper half of the layers
        "full_blocks": whole_number(2, 1, 64),  # the last ones
        "full_rate": Number(5e-5, 1e-6, 1e-3),  # whole weights; `learning_rate` is an adapter's
        "seed": whole_number(0, 0, 2**32 - 1),
    }

    @classmethod
    def preset(cls, name):
        if name not in PRESETS:
            raise ConfigError(f"no preset {name!r}; there are: {', '.join(sorted(PRESETS))}")
        return cls(**PRESETS[name])


IN_LESSONS = (
    "learning_rate", "max_grad_norm", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon",
    "lesson", "practice",
)  # fmt: skip
"""What lessons and practice heed; the rest belongs to data sets, or to the shape of a new
adapter."""


IN_RUNS = (
    "batch_size", "warmup_steps", "max_steps", "validation_split", "skip_poor", "stop_by",
    "upper_half", "max_grad_norm", "weight_decay",
    "adam_beta1", "adam_beta2", "adam_epsilon", "plateau_threshold", "plateau_patience",
)  # fmt: skip
"""What a run over a data set heeds beside its shape, its epochs and its rate."""


def run_settings(preset, parameters, examples, skill=False):
    """Return what the plan of a run says of a recipe for data sets: all it heeds but the shape,
    which is that of the weights in use; of `classic` the shape as well."""
    config = for_data(preset, parameters, examples, skill).to_dict()
    told = {name: config[name] for name in IN_RUNS + ("epochs", "learning_rate", "practice")}
    if preset == "classic":
        told["lora_config"] = config["lora_config"]
    return told


class SchedulerConfig(Settings):
    FIELDS = {
        "enable_background_training": flag(True),
        "max_idle_time_ms": Number(50, 1, 1000),
        "min_idle_time_ms": Number(10, 0, 1000),
        "check_interval_ms": Number(1000, 10, 3_600_000),
        "max_cpu_usage": Number(0.2, 0.01, 1.0),
        "pause_on_inference": flag(True),
    }


MICRO = {
    "lora_config": {"rank": 16, "alpha": 32, "dropout": 0.0, "target_modules": TARGETS},
    "learning_rate": 1e-3,
    "adam_beta2": 0.99,
    "weight_decay": 0.0,
    "warmup_steps": 2,
}
PRESETS = {
    "classic": {},
    "micro": MICRO,
    "examples": dict(
        MICRO,
        stop_by="doing",
        validation_split=0.2,
        skip_poor=True,
        warmup_steps=100,  # as everywhere in data sets, at most a tenth of all steps
        practice={"anchor_rows": 1},
    ),
}


USUAL_SIZE = 135e6  # the default model, while none is loaded


def for_model(parameters):
    """Return the preset `micro` as measured for a base model of this size: larger ones want a
    smaller learning rate and learn as well above their first layers (`build.py bench layers`), the
    smallest move less in each step."""
    return scale_preset("micro", parameters)


EPOCHS, MOST_EPOCHS = 8, 32  # at most through a data set, and through the smallest
SKILL_EXAMPLES = 20  # that most skills take, at least
SKILL_DATA = "skill."  # name of the data set of a skill's own examples; its name follows
SKILL_EPOCHS = 5  # of a skill, whose answers also follow counts of the examples
ENOUGH = 48  # examples, from which on an epoch more is not needed
DATA_PRESETS = ("examples", "classic")  # for data sets; the first by default


def for_data(preset, parameters, examples, skill=False):
    """Return a recipe for a data set of `examples` and a base model with `parameters`; poor
    examples are skipped. Few examples take more epochs."""
    if preset == "classic":
        return TrainingConfig.preset(preset).replace(skip_poor=True)
    epochs = SKILL_EPOCHS if skill else EPOCHS
    often = (epochs * ENOUGH + examples - 1) // examples
    return scale_preset(preset, parameters).replace(
        epochs=min(max(epochs, often), MOST_EPOCHS), upper_half=skill
    )


def scale_preset(preset, parameters):
    rate = 1e-3 if parameters < 250e6 else 9e-4 if parameters < 450e6 else 5e-4
    steps, first = (16, 8) if parameters > 50e6 else (64, 0)
    return TrainingConfig.preset(preset).replace(
        learning_rate=rate, lora_config={"first_layer": first}, lesson={"max_steps": steps}
    )
