"""Rounds and runs: what is learned, in what time, and the progress."""

from oneseek.engine.core.messages.worker import Event, Request
from oneseek.engine.core.wire import Message, message


@message
class Opened(Message):
    """A round is open: its run id, its kind, how many steps it will take at most, and how long
    opening it took. Without an id there was nothing to open."""

    fields = {"run": str, "kind": str, "steps": int, "used_ms": float}


@message
class Learn(Request):
    """Open a round, or resume the one that a closed tab left: `kind` is lesson, practice or batch;
    memory, which only stores these examples in the memory (without any, all that wait), in seconds;
    or question, which learns the stages of one that waits, or does a run the HTTP API was asked for
    (without any, `run` of the answer is empty).

    `examples` are the ids of queue records, `line` is generic, sv or en, `config` a TrainingConfig,
    `epoch` the number under which this tab was elected to train: its writes after another election
    are refused.
    """

    fields = {"kind": str, "examples": list, "line": str, "config": dict, "epoch": int}
    answer = Opened


@message
class Question(Request):
    """A question of the chat with its answers, [{model, response}], for the two stages. `approved`
    says that its answers may be learned; otherwise they are compared and counted at once."""

    fields = {"question": str, "responses": list, "language": str, "approved": bool, "chat": str}


@message
class Introduce(Request):
    """Put the fifty examples of who OneSeek is into the queue; they are learned like everything
    else."""


@message
class Slice(Message):
    """The result of a grant. When `finished`, `outcome` is learned, weakened, not learned or
    dropped, for a run over a data set failed too, for memory remembered or not remembered, `reason`
    says why, and `version` is the label of the promoted version, or empty."""

    fields = {
        "used_ms": float,
        "finished": bool,
        "outcome": str,
        "version": str,
        "reason": str,
    }


@message
class Grant(Request):
    """Work on the open round for about this long; `sparing` on one core."""

    fields = {"run": str, "milliseconds": float, "sparing": bool}
    answer = Slice


@message
class Drop(Request):
    """Throw the open round away; the chat keeps the version it has."""

    fields = {"run": str}


@message
class Progress(Event):
    """A training step is done; the store has the same figures in metrics, under run/step."""

    fields = {
        "run": str,
        "kind": str,
        "phase": str,
        "step": int,
        "steps": int,
        "loss": (float, type(None)),
        "held_out": (float, type(None)),
        "learning_rate": float,
        "grad_norm": (float, type(None)),
        "tokens_per_second": float,
        "examples": int,
    }


@message
class DataSets(Message):
    """What a run can be trained on: [{id, name, examples}]."""

    fields = {"items": list}


@message
class ListDataSets(Request):
    """List the data sets."""

    answer = DataSets


@message
class BringDataSet(Request):
    """Keep the data set `file`, which the page put into OPFS inbox/, for runs; answered with it
    alone."""

    fields = {"name": str, "file": str}
    answer = DataSets


@message
class RunStarted(Message):
    """The id of a run; it is trained in the time that is granted, as a round of kind question."""

    fields = {"run": str}


@message
class StartRun(Request):
    """Train on a data set (its id) for so many epochs at most, until a held-out part is answered no
    better for `patience` of them; 0 epochs and rate 0 are those that fit the model. `settings` hold
    the mode (lora, hybrid, full) and what else was chosen, as a TrainingConfig names it. Settings
    are first searched for in `tune` seconds; 0: not at all. With a name for a `skill` it becomes
    one, beside the version in use."""

    fields = {
        "data": str,
        "settings": dict,
        "epochs": int,
        "rate": float,
        "threshold": float,
        "patience": int,
        "tune": float,
        "skill": str,
    }
    answer = RunStarted


@message
class ExampleList(Message):
    """Examples as [{prompt, answer}], how many there are beyond these, and the kinds among them
    that are shown only once."""

    fields = {"items": list, "more": int, "seldom": list}


@message
class ReadExamples(Request):
    """Read the examples of a skill from a text in any data set format; the ending of `name` says
    which. Failed where it is none."""

    fields = {"name": str, "text": str}
    answer = ExampleList


@message
class SkillExamples(Message):
    """How many examples a skill has, and how many were added, corrected and removed just now."""

    fields = {"examples": int, "added": int, "corrected": int, "removed": int}


@message
class ChangeExamples(Request):
    """Correct, add or remove examples of a skill, [{prompt, answer}]: a known prompt gets this
    answer, or is removed where there is none; any other is added."""

    fields = {"skill": str, "changes": list}
    answer = SkillExamples


@message
class RemoveSkill(Request):
    """Remove a skill with its examples and all that was trained for it; a data set that was brought
    in stays."""

    fields = {"name": str}


@message
class RemoveChoices(Request):
    """Remove these choices, or all where none is named, and what was trained on them."""

    fields = {"ids": list}


@message
class EndRun(Request):
    """End a run that waits, or that a closed tab began; the weights it trained are thrown away."""

    fields = {"run": str}


@message
class RunTakes(Message):
    """For each mode {mode, memory_bytes, seconds (None: not measured yet)}, or {mode, refused}."""

    fields = {"modes": list}


@message
class WhatRunTakes(Request):
    """Estimate what a run over a data set takes in each mode, before it begins, with `tune` seconds
    of search; 0 epochs are as many as fit. `settings` are those of StartRun."""

    fields = {"data": str, "settings": dict, "epochs": int, "tune": float}
    answer = RunTakes
