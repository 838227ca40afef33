"""Every message that passes between the page and its workers; nothing else may pass.

A message is a class that lists its fields and their types (engine/core/wire.py checks them at both
ends).  A request names the worker that serves it and the message that answers it; an event is sent
by a worker to whoever listens.  Runs in MicroPython (the page) and in CPython (the workers).

To add a message, write its class below; to serve a request, give the worker it names an
`on_<name>`.
"""

from engine.core.wire import (
    KINDS,
    BadMessage,
    Message,
    envelope,
    fits,
    from_text,
    handler_name,
    message,
    opened,
    to_json,
)

# ---- answers every request may get


@message
class Done(Message):
    """It was done, and there is nothing to tell."""


@message
class Failed(Message):
    """It could not be done: `reason` is a sentence for a person, `detail` what a developer wants to
    see."""

    fields = {"where": str, "reason": str, "detail": str}


# ---- page -> worker


class Request(Message):
    """Asked by the page; `worker` serves it and answers with `answer`, or with Failed."""

    worker = "engine"
    answer = Done  # type: type


@message
class Device(Message):
    """What the engine computes on: `kind` is gpu or cpu, `why` one of WHY, which have words on the
    page."""

    WHY = ("asked", "chip", "slower", "no-webgpu", "no-adapter", "silent", "software")

    fields = {"kind": str, "name": str, "why": str}


@message
class Start(Request):
    """The first message to the engine: `engine` is auto, gpu or cpu."""

    fields = {"engine": str}
    answer = Device


@message
class Loaded(Message):
    """A model is resident. `back_end` is gpu or cpu, `why` says in words why; on the processor it
    computes with `threads` of `cores`. `version` is the label in use; how many `parameters` it has
    decides how it is trained, and whether; one that `thinks` can do so before it answers."""

    fields = {
        "model": str,
        "name": str,
        "version": str,
        "back_end": str,
        "why": str,
        "threads": int,
        "cores": int,
        "context": int,
        "parameters": int,
        "trainable": bool,
        "thinks": bool,
    }


@message
class LoadModel(Request):
    """Fetch what is missing of a model and make it resident; ModelProgress tells how far that is.

    `model` is an id of the registry, "tiny", or "file:NAME" for a file the page put into OPFS
    inbox/; without `keep` it runs from memory.  A download that StopLoading paused is Failed with
    the detail "stopped".
    """

    fields = {"model": str, "keep": bool}
    answer = Loaded


@message
class Fits(Message):
    """Of each known model, by its id: the chat_bytes and learn_bytes it takes, the room there is
    (0: not known), whether it chats and learns, and the limit: memory, reach or ""; `packed` the
    same of what it can be packed to, with its bytes, or empty.  `pace` is what was measured of the
    device, as engine/backends/quick_check.py tells it, or empty."""

    fields = {"models": dict, "pace": dict}


@message
class WhatFits(Request):
    """Which models this device has the memory for."""

    answer = Fits


@message
class Looked(Message):
    """What files are (engine/model/look.py), and of those that load what a Fits tells, also of
    what they can be `packed` to."""

    fields = {"told": dict}


@message
class LookAt(Request):
    """Read the headers of files of the person's, which the page hands over when it is asked on a
    BroadcastChannel of this name."""

    fields = {"channel": str}
    answer = Looked


@message
class StopLoading(Request):
    """Pause the download; what came is kept, and LoadModel goes on from there."""


@message
class RemoveModel(Request):
    """Delete what is stored of a model."""

    fields = {"model": str}


@message
class Answered(Message):
    """A whole answer, the prefix included.

    `dropped` counts the messages the model did not see; `ended` is end, length, stop or repeats;
    `version` is a label; `asked_in` and `language` are the languages of question and answer: sv,
    en, ... or und. `by` says whose words it is: base, memory (the base, saying what it knows by
    heart) or version; `facts` what it used of what was told, [{id, question, score, source}].
    """

    fields = {
        "text": str,
        "tokens": int,
        "tokens_per_second": float,
        "first_token_ms": float,
        "context_used": int,
        "context_size": int,
        "dropped": int,
        "version": str,
        "asked_in": str,
        "language": str,
        "ended": str,
        "by": str,
        "facts": list,
    }


@message
class Ask(Request):
    """Answer a conversation; Token events carry the answer while it comes.

    `messages` is the branch, the system prompt first.  `options`: temperature, top_p, max_tokens,
    seed (-1 is any), version (a number, 0 the untouched model; left out, the one in use), prefix
    (an answer to go on from), language (the one the person reads the page in), think (before
    answering, where the model can), stop_repeats (end an answer that goes round in circles).
    Failed has the detail too-long where the last message alone is more than the model reads.
    """

    fields = {"id": str, "chat": str, "messages": list, "options": dict}
    answer = Answered


@message
class Stop(Request):
    """End the answer `id` within a token; its Ask is then Answered with ended "stop"."""

    fields = {"id": str}


@message
class Opened(Message):
    """A round is open: its run id, what it is, how many steps it will take at most, and how long
    opening it took. Without an id there was nothing to open."""

    fields = {"run": str, "kind": str, "steps": int, "used_ms": float}


@message
class Learn(Request):
    """Open a round, or go on with the one a closed tab left: `kind` is lesson, practice or batch;
    memory, which only remembers these examples (without any, all that was told and is not known by
    heart yet), in seconds; or question, which learns the stages of one that waits, or does a run
    the HTTP API was asked for (without any, `run` of the answer is empty).

    `examples` are the ids of queue records, `line` is generic, sv or en, `config` a TrainingConfig,
    `epoch` the number under which this tab was elected to train: what it writes after another one
    is refused.
    """

    fields = {"kind": str, "examples": list, "line": str, "config": dict, "epoch": int}
    answer = Opened


@message
class Question(Request):
    """A question of the chat with its answers, [{model, response}]: the two stages look at it.
    `approved` says that its answers may be learned; otherwise they are compared and counted at
    once."""

    fields = {"question": str, "responses": list, "language": str, "approved": bool, "chat": str}


@message
class DataSets(Message):
    """What a run can be trained on: [{id, name, examples}]."""

    fields = {"items": list}


@message
class ListDataSets(Request):
    """Which data sets there are."""

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
    """Train on a data set (its id) for so many epochs, until the loss on a part held back falls by
    less than `threshold` for `patience` of them; `mode` is lora, hybrid or full. Settings are
    found first by `tune` seconds of tries; 0: none."""

    fields = {
        "data": str,
        "mode": str,
        "epochs": int,
        "rate": float,
        "threshold": float,
        "patience": int,
        "tune": float,
    }
    answer = RunStarted


@message
class EndRun(Request):
    """End a run that waits, or that a closed tab began; what it trained is thrown away."""

    fields = {"run": str}


@message
class RunTakes(Message):
    """Of each mode {mode, memory_bytes, seconds (None: not measured yet)}, or {mode, refused}."""

    fields = {"modes": list}


@message
class WhatRunTakes(Request):
    """What a run over a data set would take, before it begins, with `tune` seconds of tries."""

    fields = {"data": str, "epochs": int, "tune": float}
    answer = RunTakes


@message
class Introduce(Request):
    """Put the fifty examples of who OneSeek is into the queue; they are learned like everything
    else."""


@message
class Slice(Message):
    """What a grant did. When `finished`, `outcome` is learned, weakened, not learned or dropped,
    for a run over a data set failed too, for memory remembered or not remembered, `reason` says
    why, and `version` is the label of the promoted version, or empty."""

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
class Use(Request):
    """Make a version the one in use (a number; 0 is the untouched model); done when it is
    stored."""

    fields = {"version": int}


@message
class Recalled(Message):
    """What the model says to a stored question, and whether the taught value is in it."""

    fields = {"text": str, "has_value": bool, "version": str}


@message
class Recall(Request):
    """Ask one stored example with no chat around it."""

    fields = {"example": str}
    answer = Recalled


@message
class Forgotten(Message):
    """Labels of the versions that learned from it, and of the one to retrain from."""

    fields = {"versions": list, "retrain_from": str}


@message
class Forget(Request):
    """What forgetting these examples would mean; with `now` they are removed and retraining
    begins."""

    fields = {"examples": list, "now": bool}
    answer = Forgotten


@message
class LetGo(Request):
    """From the next question on nothing of these examples comes out: they leave the memory and the
    queue, and versions that learned them are silent about them until Forget replays these without
    them."""

    fields = {"examples": list}


@message
class File(Message):
    """A file in OPFS out/, for the person to keep."""

    fields = {"name": str, "size": int}


@message
class BackUp(Request):
    """Write everything that is stored, but for the models, as `file` in OPFS out/."""

    worker = "importer"
    fields = {"file": str}


@message
class Restore(Request):
    """Put the backup `file` of OPFS inbox/ in the place of everything stored.  Failed with "wrong"
    or "newer" when it cannot be read; nothing was changed then."""

    worker = "importer"
    fields = {"file": str}


@message
class CarryOut(Request):
    """Write what was told and forgotten here as `file` in OPFS out/, sealed with a phrase, and
    signed where the person `sign`s the ledger.  Failed with "short" for a phrase that protects
    nothing."""

    worker = "importer"
    fields = {"file": str, "phrase": str, "sign": bool}


@message
class Brought(Message):
    """What another device brought: how much was new, how much is forgotten here from now on, the
    examples to `let_go` of, the answers that met as {"question", "kept", "other"}, and the public
    key that signed it, empty without one."""

    fields = {"told": int, "gone": int, "let_go": list, "met": list, "signed_by": str}


@message
class BringIn(Request):
    """Take over what another device wrote, as `file` in OPFS inbox/.  Failed with a name of
    engine/history/exchange_file.py:WORDS when it cannot be; nothing was changed then."""

    worker = "importer"
    fields = {"file": str, "phrase": str}
    answer = Brought


@message
class Export(Request):
    """A version (number) as peft, gguf, merged or certified."""

    fields = {"version": int, "format": str}
    answer = File


@message
class Imported(Message):
    """The label of the version an adapter became."""

    fields = {"version": str}


@message
class ImportAdapter(Request):
    """An adapter the page put into OPFS inbox/: its zip, or the files that PEFT wrote."""

    fields = {"names": list}
    answer = Imported


@message
class Verified(Message):
    """Whether all hashes hold, and in words what does not."""

    fields = {"ok": bool, "findings": list}


@message
class Signing(Message):
    """The public key, in hex, that new versions are signed with; empty when they are not."""

    fields = {"public_key": str}


@message
class Sign(Request):
    """Sign new versions and exports with the person's own key from now on, or no more."""

    fields = {"on": bool}
    answer = Signing


@message
class Verify(Request):
    """Check one version (number), or with 0 the whole store and its ledger."""

    fields = {"version": int}
    answer = Verified


@message
class Reset(Request):
    """Remove every version, example and snapshot; `word` must be RESET."""

    fields = {"word": str}


@message
class CallApi(Request):
    """A request to the HTTP API that the service worker caught; `body` is base64. Answered in
    ApiPart events."""

    fields = {
        "id": str,
        "method": str,
        "path": str,
        "query": str,
        "headers": list,
        "body": str,
    }


@message
class LeaveApi(Request):
    """Whoever made the request `id` to the HTTP API is gone; nobody waits for the rest of its
    answer."""

    fields = {"id": str}


@message
class Alive(Message):
    """The worker answers; it has sent so many events since it started."""

    fields = {"sent": int}


@message
class Ping(Request):
    """Is the worker alive, and did all it said arrive? Every worker answers; one that does not is
    replaced."""

    worker = "any"
    answer = Alive


@message
class Break(Request):
    """For tests, in a page opened with ?faults=1: lose the "device" or a "thread", have one
    "stuck", "hang", "die", or turn what is being trained into "nan"."""

    fields = {"what": str}


# ---- page -> importer


@message
class Imports(Message):
    """What was read: one ImportResult.to_json() for each item, at least one.

    A document comes without its blocks: its text lies in OPFS importer/ as SHA256.txt, what its
    lessons ask as SHA256.json, and `editable` tells whether the text is all of it.
    """

    fields = {"items": list}


@message
class ImportText(Request):
    """Read pasted text; Reading events carry the same `id`."""

    worker = "importer"
    fields = {"id": str, "name": str, "text": str}
    answer = Imports


@message
class ImportFile(Request):
    """Read the file `name`, which the page put into OPFS inbox/ as `file`; it is deleted there
    afterwards."""

    worker = "importer"
    fields = {"id": str, "name": str, "file": str}
    answer = Imports


@message
class ImportPage(Request):
    """Read the HTML of a page: what was fetched or saved at `address`, or, with `whole`, a pasted
    selection."""

    worker = "importer"
    fields = {"id": str, "name": str, "address": str, "html": str, "whole": bool}
    answer = Imports


@message
class ImportEdited(Request):
    """A document (as an item of Imports has it) whose text a person has put right: its lessons
    anew."""

    worker = "importer"
    fields = {"id": str, "document": dict, "text": str}
    answer = Imports


@message
class StopImport(Request):
    """Stop reading the item `id`; its request is then Failed with the detail "stopped"."""

    worker = "importer"
    fields = {"id": str}


@message
class ForgetImport(Request):
    """The document with this hash was removed: the same text may be imported again."""

    worker = "importer"
    fields = {"document": str}


@message
class Questions(Message):
    """Held-out questions, each {"question", "answer", "value"}: asked in words no lesson uses."""

    fields = {"items": list}


@message
class AskAbout(Request):
    """Make at most `count` questions to test what was learned from these lessons."""

    worker = "importer"
    fields = {"lessons": list, "count": int}
    answer = Questions


@message
class Places(Message):
    """Where a text speaks of what was asked, best first, each {"text", "start", "end"}."""

    fields = {"items": list}


@message
class FindPlaces(Request):
    """Look up at most `count` places of an imported document, named by its hash, that a question is
    about."""

    worker = "importer"
    fields = {"document": str, "question": str, "count": int}
    answer = Places


@message
class PackedModel(Message):
    """The packed model is the file `name` in OPFS inbox/."""

    fields = {"name": str}


@message
class PackModel(Request):
    """Write a model of the person's, handed over as LookAt says, as one GGUF of 4 bits: the file
    `name` in OPFS inbox/, with embeddings and head as `embeddings` (Q8_0 or Q4_1).  Until it is
    whole, its name ends in `unfinished`.

    What an earlier request left of the same model is gone on with.  One that StopPacking stopped is
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


# ---- worker -> page


class Event(Message):
    """Sent by a worker at any time. An event may get lost: who must know the truth reads the
    store."""


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
class ModelProgress(Event):
    """How far a model is: `phase` is download, verify, load or compile; `rate` is in bytes a
    second."""

    fields = {"model": str, "phase": str, "done": int, "total": int, "rate": float}


@message
class Token(Event):
    """The next piece of the answer `id`, never half a character."""

    fields = {"id": str, "text": str}


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
class Changed(Event):
    """These stores have changed: whoever shows them reads them again."""

    fields = {"stores": list}


@message
class Rebuilding(Event):
    """A version that was cleared away is trained again: `done` of `rounds`; over when they are
    equal."""

    fields = {
        "version": str,
        "done": float,
        "rounds": int,
        "seconds_left": (float, type(None)),
    }


@message
class Lost(Event):
    """The graphics device is gone, or a thread of the processor; attempt number `attempt` to have
    all of it again comes in `next_ms`."""

    fields = {"what": str, "attempt": int, "next_ms": int}


@message
class Restored(Event):
    """Computing goes on, on gpu or cpu; `why` says in words why it is that one."""

    fields = {"back_end": str, "why": str}


@message
class Reading(Event):
    """How far an import is: `done` of `total` pages, members or pictures."""

    fields = {"id": str, "done": int, "total": int}


@message
class Packing(Event):
    """How far a model is packed: `phase` is verify while what was given is read, then pack."""

    fields = {"phase": str, "done": int, "total": int}


@message
class ApiWork(Event):
    """A request to the HTTP API left something to learn, for which Learn of kind question opens a
    round."""


@message
class ApiPart(Event):
    """A piece of the answer to CallApi `id`: the first has the status and the headers, the rest the
    body."""

    fields = {"id": str, "status": int, "headers": list, "body": str, "last": bool}
