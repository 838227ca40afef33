"""The messages of every worker, and the classes of requests and events."""

from oneseek.engine.core.wire import Message, message


@message
class Done(Message):
    """It was done, and there is nothing to tell."""


@message
class Failed(Message):
    """It could not be done: `reason` is a sentence for a person, `detail` what a developer wants to
    see."""

    fields = {"where": str, "reason": str, "detail": str}


class Request(Message):
    """Asked by the page; `worker` serves it and answers with `answer`, or with Failed."""

    worker = "engine"
    answer = Done  # type: type


class Event(Message):
    """Sent by a worker at any time. An event may get lost: the store has the truth."""


@message
class Alive(Message):
    """The worker answers; it has sent so many events since it started."""

    fields = {"sent": int}


@message
class Ping(Request):
    """Ask whether the worker is alive, and whether all it sent arrived. Every worker answers; one
    that does not is replaced."""

    worker = "any"
    answer = Alive


@message
class Break(Request):
    """For tests, in a page opened with ?faults=1: lose the "device" or a "thread", have one
    "stuck", "hang", "die", or turn what is being trained into "nan"."""

    fields = {"what": str}


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


@message
class Changed(Event):
    """These stores have changed: whoever shows them reads them again."""

    fields = {"stores": list}
