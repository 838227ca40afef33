"""Every message that passes between the page and its workers; nothing else may pass.

A message is a class that lists its fields and their types, and both ends check them.  A request names the
worker that serves it and the message that answers it; an event is sent by a worker to whoever listens.
On the wire each is one JSON object.  Runs in MicroPython (the page) and in CPython (the workers), so: no
dataclasses, no typing, and a decorator instead of __init_subclass__, which MicroPython ignores in silence.

To add a message, write its class below; to serve a request, give the worker it names an `on_<name>`.
"""

import json

KINDS = {}
ANY = (str, int, float, bool, list, dict, type(None))


class BadMessage(ValueError):
    """A message that is not one of those below, or whose fields are not what its class says."""


def message(cls):
    KINDS[cls.__name__] = cls
    return cls


def fits(value, kind):
    """Whether a value is of a field's kind: a type, or a tuple of types where None may stand for nothing."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if value is None:
        return None in kinds or type(None) in kinds
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return False  # JSON has no word for it, and JavaScript refuses what Python writes
    if isinstance(value, int) and float in kinds:
        return True
    return any(isinstance(value, kind) for kind in kinds if kind is not None)


class Message:
    fields = {}

    def __init__(self, **values):
        name = type(self).__name__
        for field in values:
            if field not in self.fields:
                raise BadMessage("%s has no field %s" % (name, field))
        for field, kind in self.fields.items():
            if field not in values:
                raise BadMessage("%s needs %s" % (name, field))
            if not fits(values[field], kind):
                raise BadMessage("%s.%s cannot be %r" % (name, field, values[field]))
            setattr(self, field, values[field])

    def to_text(self):
        wire = {field: getattr(self, field) for field in self.fields}
        wire["type"] = type(self).__name__
        return json.dumps(wire)


def from_text(text):
    """The message a text spells, or BadMessage."""
    try:
        wire = json.loads(text)
        name = wire.pop("type")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise BadMessage("not a message: %r" % (text,)) from None
    if name not in KINDS:
        raise BadMessage("unknown message %r" % (name,))
    return KINDS[name](**wire)


def envelope(event, worker, seq):
    """An event on its way: who sent it, and its number among what that worker sent."""
    return json.dumps({"worker": worker, "seq": seq, "event": event.to_text()})


def opened(text):
    """The worker, the number and the event of an envelope."""
    try:
        wire = json.loads(text)
        return wire["worker"], wire["seq"], from_text(wire["event"])
    except BadMessage:
        raise
    except (ValueError, KeyError, TypeError):
        raise BadMessage("not an event: %r" % (text,)) from None


def handler_name(kind):
    """`on_load_model` for LoadModel."""
    name = "on"
    for letter in kind.__name__:
        name += "_" + letter.lower() if letter.isupper() else letter
    return name


# ---- answers every request may get


@message
class Done(Message):
    """It was done, and there is nothing to tell."""


@message
class Failed(Message):
    """It could not be done: `reason` is a sentence for a person, `detail` what a developer wants to see."""

    fields = {"where": str, "reason": str, "detail": str}


# ---- page -> worker


class Request(Message):
    """Asked by the page; `worker` serves it and answers with `answer`, or with Failed."""

    worker = "engine"
    answer = Done  # type: type


@message
class Device(Message):
    """What the engine computes on. `kind` is gpu or cpu; `why` says in words why it is that one."""

    fields = {"kind": str, "name": str, "why": str}


@message
class Start(Request):
    """The first message to the engine: `engine` is auto, gpu or cpu."""

    fields = {"engine": str}
    answer = Device


# ---- worker -> page


class Event(Message):
    """Sent by a worker at any time. An event may get lost: who must know the truth reads the store."""


@message
class Booting(Event):
    """A worker starts: `step` is the key of the words that say what it is doing."""

    fields = {"worker": str, "step": str}


@message
class Ready(Event):
    """A worker takes requests from now on. `build` is the hash of the build it came from."""

    fields = {"worker": str, "build": str}


@message
class Broken(Event):
    """A worker could not start, or lost what it needs; `reason` is a sentence for a person."""

    fields = {"worker": str, "reason": str, "detail": str}
