"""Messages: each is a class with fields, checked at both ends, and one JSON object on the wire.

Runs in MicroPython (the page) and in CPython (the workers), so: no dataclasses, no typing, and a
decorator instead of __init_subclass__, which MicroPython ignores in silence.
"""

import json
import sys

# MicroPython reads the escaped halves of an emoji as two broken letters, and escapes nothing
# itself.
WHOLE = {} if sys.implementation.name == "micropython" else {"ensure_ascii": False}


def to_json(value):
    return json.dumps(value, **WHOLE)


KINDS = {}
ANY = (str, int, float, bool, list, dict, type(None))


class BadMessage(ValueError):
    """Something that is no message of engine/core/messages, or whose fields are not what its class
    says."""


def message(cls):
    KINDS[cls.__name__] = cls
    return cls


def fits(value, kind):
    """Whether a value is of a field's kind: a type, or a tuple of types that may hold None."""
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

    def __getattr__(self, name):
        raise AttributeError("%s has no field %s" % (type(self).__name__, name))

    def to_text(self):
        wire = {field: getattr(self, field) for field in self.fields}
        wire["type"] = type(self).__name__
        return to_json(wire)


def from_text(text):
    """Return the message in a text, or raise BadMessage."""
    try:
        wire = json.loads(text)
    except (ValueError, TypeError):
        wire = None
    if not isinstance(wire, dict):
        raise BadMessage("not a message: %r" % (text,))
    name = wire.pop("type", None)
    if name not in KINDS:
        raise BadMessage("unknown message %r" % (name,))
    return KINDS[name](**wire)


def envelope(event, worker, seq):
    """Wrap an event: who sent it, and its number among what that worker sent."""
    return to_json({"worker": worker, "seq": seq, "event": event.to_text()})


def open_envelope(text):
    """Return the worker, the number and the event of an envelope."""
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
