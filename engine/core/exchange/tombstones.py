"""The marks that say of a question that it was forgotten, and of which records they speak."""

FORGOTTEN = "forgotten"  # the store of what is gone, by the hash of its question
DATA_SET = "dataset"
KEPT = "kept"  # a statement: known by heart, and no lesson of its own
LIVES = ("ready", "rejected", KEPT)  # what the gate refused is known by heart all the same


def was_told(record):
    """Whether a record is something a person told, which travels; what was read from a document
    stays where that is, and what somebody else told a server stays there."""
    source = record.get("source") or {}
    read = record.get("priority") == "import" or "document" in source
    return record.get("kind") != DATA_SET and not read and not source.get("user")


def put_tombstone(about, clock):
    """The change that marks a question, by its hash, as forgotten."""
    return ["put", FORGOTTEN, about, {"clock": clock}]


def put_tombstones(left, now):
    """The changes for records that left the queue unlearned, or were put aside in it."""
    gone = [one for one in left if one["state"] in LIVES and was_told(one)]
    return [put_tombstone(one["about"], max(now, one["time"])) for one in gone]
