"""Versions: use, recall, forgetting, verification, export and exchange."""

from oneseek.engine.core.messages.worker import Event, Request
from oneseek.engine.core.wire import Message, message


@message
class Use(Request):
    """Make a version the one in use (a number; 0 is the untouched model); done when it is
    stored."""

    fields = {"version": int}


@message
class Recalled(Message):
    """The model's reply to a stored question, and whether the taught value is in it."""

    fields = {"text": str, "has_value": bool, "version": str}


@message
class Recall(Request):
    """Ask one stored example without a chat around it."""

    fields = {"example": str}
    answer = Recalled


@message
class Forgotten(Message):
    """Labels of the versions that learned from the examples, and of the one to retrain from."""

    fields = {"versions": list, "retrain_from": str}


@message
class Forget(Request):
    """Tell what forgetting these examples would mean; with `now` they are removed and retraining
    begins."""

    fields = {"examples": list, "now": bool}
    answer = Forgotten


@message
class LetGo(Request):
    """Forget these examples from the next question on: they leave the memory and the queue, and
    versions that learned them are silent about them until Forget retrains these without them. The
    records of `skipped` ones stay in the queue, where the skipping can be undone."""

    fields = {"examples": list, "skipped": bool}


@message
class Rebuilding(Event):
    """A version that was cleared away is being retrained: `done` of `rounds`; over when they are
    equal."""

    fields = {
        "version": str,
        "done": float,
        "rounds": int,
        "seconds_left": (float, type(None)),
    }


@message
class Verified(Message):
    """Whether all hashes hold, and in words which do not."""

    fields = {"ok": bool, "findings": list}


@message
class Verify(Request):
    """Check one version (number), or with 0 the whole store and its ledger."""

    fields = {"version": int}
    answer = Verified


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
class Reset(Request):
    """Remove every version, example and snapshot; `word` must be RESET."""

    fields = {"word": str}


@message
class File(Message):
    """A file in OPFS out/, for the person to keep."""

    fields = {"name": str, "size": int}


@message
class Export(Request):
    """Export a version (number) as peft, gguf, merged or certified."""

    fields = {"version": int, "format": str}
    answer = File


@message
class Imported(Message):
    """The label of the version an adapter became."""

    fields = {"version": str}


@message
class ImportAdapter(Request):
    """Import an adapter the page put into OPFS inbox/: its zip, or the files that PEFT wrote."""

    fields = {"names": list}
    answer = Imported


@message
class BackUp(Request):
    """Write everything that is stored, but for the models, as `file` in OPFS out/."""

    worker = "importer"
    fields = {"file": str}


@message
class Restore(Request):
    """Replace everything stored by the backup `file` of OPFS inbox/. Failed with "wrong" or "newer"
    when it cannot be read; nothing was changed then."""

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
    """What another device brought: how many entries were new, how many are forgotten here from now
    on, the examples to `let_go` of, the answers that met as {"question", "kept", "other"}, and the
    public key that signed it, empty without one."""

    fields = {"told": int, "gone": int, "let_go": list, "met": list, "signed_by": str}


@message
class BringIn(Request):
    """Take over what another device wrote, as `file` in OPFS inbox/.  Failed with a name of
    engine/history/exchange_file.py:WORDS when it cannot be; nothing was changed then."""

    worker = "importer"
    fields = {"file": str, "phrase": str}
    answer = Brought
