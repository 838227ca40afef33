"""The device that the engine computes on, and models: chosen, fetched, inspected, packed."""

from oneseek.engine.core.messages.worker import Event, Request
from oneseek.engine.core.wire import Message, message


@message
class Device(Message):
    """The device that the engine computes on: `kind` is gpu or cpu, `why` one of WHY, which have
    words on the page. `detail` is what happened where the graphics chip failed, or empty."""

    WHY = ("asked", "chip", "slower", "no-webgpu", "no-adapter", "silent", "failed", "software")

    fields = {"kind": str, "name": str, "why": str, "detail": str}


@message
class Start(Request):
    """The first message to the engine: `engine` is auto, gpu or cpu."""

    fields = {"engine": str}
    answer = Device


@message
class Lost(Event):
    """The graphics device is gone, or a thread of the processor; attempt number `attempt` to
    restore all of it follows in `next_ms`."""

    fields = {"what": str, "attempt": int, "next_ms": int}


@message
class Restored(Event):
    """Computing continues, on gpu or cpu; `why` says in words why it is that one."""

    fields = {"back_end": str, "why": str}


@message
class Loaded(Message):
    """A model is resident. `back_end`, `why` and `detail` as Device has them; on the processor it
    computes with `threads` of `cores`. `version` is the label in use; how many `parameters` it has
    decides how it is trained, and whether; one that `thinks` can do so before it answers, one that
    `sees` looks at pictures."""

    fields = {
        "model": str,
        "name": str,
        "version": str,
        "back_end": str,
        "why": str,
        "detail": str,
        "threads": int,
        "cores": int,
        "context": int,
        "parameters": int,
        "trainable": bool,
        "thinks": bool,
        "sees": bool,
    }


@message
class LoadModel(Request):
    """Fetch what is missing of a model and make it resident; ModelProgress tells how far that is.

    `model` is an id of the registry, "tiny", or "file:NAME" for a file the page put into OPFS
    inbox/; without `keep` it runs from memory. `origin` is where another site has it, once the
    person said yes to that: its address, bytes and sha256, and the same of its `eyes` where it has
    some, or empty. A download that StopLoading paused is Failed with the detail "stopped".
    """

    fields = {"model": str, "keep": bool, "origin": dict}
    answer = Loaded


@message
class ModelProgress(Event):
    """The progress of a model: `phase` is download, hold (the site asks to wait), verify, load or
    compile; `rate` is in bytes a second."""

    fields = {"model": str, "phase": str, "done": int, "total": int, "rate": float}


@message
class StopLoading(Request):
    """Pause the download; what came is kept, and LoadModel resumes it."""


@message
class RemoveModel(Request):
    """Delete what is stored of a model."""

    fields = {"model": str}


@message
class Fits(Message):
    """For each known model, by its id: the chat_bytes and learn_bytes it takes, the room there is
    (0: not known), whether it chats and learns, and the limit: memory, reach or ""; `packed` the
    same of its packed form, with its bytes, or empty; the `eyes_bytes` of one that has eyes. `pace`
    is what was measured of the device, as engine/backends/quick_check.py returns it, or empty where
    that failed: `detail` is what happened."""

    fields = {"models": dict, "pace": dict, "detail": str}


@message
class WhatFits(Request):
    """Tell which models this device has the memory for."""

    answer = Fits


@message
class Looked(Message):
    """What the files are (engine/model/look.py), and for those that load the figures of Fits, also
    `packed`."""

    fields = {"told": dict}


@message
class LookAt(Request):
    """Read the headers of files of the person's, which the page hands over when it is asked on a
    BroadcastChannel of this name."""

    fields = {"channel": str}
    answer = Looked


@message
class PackedModel(Message):
    """The packed model is the file `name` in OPFS inbox/."""

    fields = {"name": str}


@message
class PackModel(Request):
    """Write a model of the person's, handed over as LookAt says, as one GGUF of 4 bits: the file
    `name` in OPFS inbox/, with embeddings and head as `embeddings` (Q8_0 or Q4_1). Until it is
    whole, its name ends in `unfinished`.

    What an earlier request left of the same model is resumed. One that StopPacking stopped is
    Failed with the detail "stopped"; what is done is kept.
    """

    worker = "importer"
    fields = {"channel": str, "name": str, "embeddings": str}
    answer = PackedModel
    unfinished = ".part"


@message
class StopPacking(Request):
    """Stop packing after the piece that is being packed."""

    worker = "importer"


@message
class Packing(Event):
    """The progress of packing a model: `phase` is verify while the source is read, then pack."""

    fields = {"phase": str, "done": int, "total": int}
