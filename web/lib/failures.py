"""Failures in a person's words: what happened, what is safe, what to do; the raw text is folded
away."""

from oneseek.engine.core.messages import Failed
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

ASKED = {
    "load": ("LoadModel", "StopLoading", "Start"),
    "remove": ("RemoveModel",),
    "answer": ("Ask", "Stop"),
    "learn": ("Learn", "Grant"),
    "compare": ("Question",),
    "introduce": ("Introduce",),
    "hear": ("Hear",),
    "move": ("LookIn", "MoveIn"),
    "drop": ("Drop",),
    "use": ("Use",),
    "recall": ("Recall",),
    "forget": ("Forget", "LetGo"),
    "run": ("StartRun", "ListDataSets", "BringDataSet", "WhatRunTakes", "EndRun"),
    "skill": ("RemoveSkill",),
    "examples": ("ChangeExamples", "ReadExamples"),
    "taste": ("RemoveChoices",),
    "export": ("Export",),
    "adapter": ("ImportAdapter",),
    "verify": ("Verify",),
    "sign": ("Sign",),
    "reset": ("Reset",),
    "backup": ("BackUp", "Restore"),
    "exchange": ("CarryOut", "BringIn"),
    "read": (
        "ImportText",
        "ImportFile",
        "ImportPage",
        "ImportEdited",
        "StopImport",
        "ReadPicture",
    ),
    "test": ("AskAbout", "ForgetImport"),
    "look": ("LookAt", "WhatFits"),
    "pack": ("PackModel", "StopPacking"),
}
"""Key of a text -> the requests of engine/core/messages whose failure it describes."""

CAUSES = {
    "no_room": ("QuotaExceededError", "StorageFull", "MemoryError"),
    "no_model": ("Refusal",),
    "long": ("TooLong", "PromptTooLong"),
    "damaged": ("Damaged", "SnapshotDamaged", "FormatError"),
    "offline": ("Failed to fetch", "NetworkError", "cannot be reached"),
}
"""A cause with a text of its own -> what its trace contains."""

FOR_PEOPLE = ("ImportRefused", "NotCarried", "NotTheFile", "OutsideRefused")
"""Exceptions whose texts are sentences for people."""
LAST = 400  # characters at the end of a trace, where the cause stands


def words(failed):
    """The text of a failure: what happened, what is safe, and what to do."""
    if failed.detail == "ended":
        return t("failed.ended")
    if any(name in failed.detail[-LAST:] for name in FOR_PEOPLE):
        return t.translate(failed.reason)
    told = t("failed." + ("look_up" if failed.detail == "no-source" else find_text(failed.where)))
    cause = cause_of(failed)
    return told if not cause else told + " " + t("failed.cause_" + cause)


def find_text(where):
    return next((key for key in ASKED if where in ASKED[key]), "other")


def cause_of(failed):
    end = failed.detail[-LAST:] + failed.reason
    return next((key for key in CAUSES if any(mark in end for mark in CAUSES[key])), "")


def unforeseen(fault):
    """A fault that no part of the page handles, in the form of a worker's Failed."""
    return Failed(where="page", reason=str(fault), detail=type(fault).__name__)


def fold_failure(failed):
    """The raw text, folded, for whoever wants to report it."""
    return raw("%s: %s\n%s" % (failed.where, failed.reason, failed.detail))


def raw(text):
    words = dom.make("pre", text)
    return dom.make("details", dom.make("summary", t("failed.details")), words, cls="raw")


def show(page, failed):
    """Show a notice and announce it to screen readers."""
    said = words(failed)
    if "StorageFull" in failed.detail[-LAST:]:
        page.status.know(storage_low=True)
    page.alarm(said)
    return page.toast(said, seconds=20, also=fold_failure(failed))
