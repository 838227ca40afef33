"""Every message that passes between the page and its workers; nothing else may pass.

A message is a class that lists its fields and their types (engine/core/wire.py checks them at both
ends).  A request names the worker that serves it and the message that answers it; an event is sent
by a worker to whoever listens.  Runs in MicroPython (the page) and in CPython (the workers).

To add a message, write its class in the module of what it is about; to serve a request, give the
worker it names an `on_<name>`.
"""

from oneseek.engine.core.messages.chat import *
from oneseek.engine.core.messages.intake import *
from oneseek.engine.core.messages.learning import *
from oneseek.engine.core.messages.model import *
from oneseek.engine.core.messages.versions import *
from oneseek.engine.core.messages.worker import *
from oneseek.engine.core.wire import (
    KINDS,
    BadMessage,
    Message,
    envelope,
    fits,
    from_text,
    handler_name,
    message,
    open_envelope,
    to_json,
)
