"""Stored choices of a person: an answer preferred to another, or one that was liked or not.

The page keeps what people do with answers, the server and the command line what they are given; all
of them through `keep`.
"""

import hashlib

from oneseek.engine.core.collecting.content import normalise, visible
from oneseek.engine.core.collecting.secrets import secrets_in

STORE = "choices"
EDITED, BETTER, KEPT, THUMB, GIVEN = "edited", "better", "kept", "thumb", "given"
WAYS = (EDITED, BETTER, KEPT, THUMB, GIVEN)
FEWEST = 12  # choices that a taste is learned from
LONGEST = 4000  # characters of a prompt or an answer, of which the beginning is kept


def choice_of(prompt, chosen, rejected, way, time, source=None):
    """Return the record of a choice; one of the two answers may be empty. ValueError where there is
    nothing to prefer."""
    texts = [visible(text).strip()[:LONGEST] for text in (prompt, chosen, rejected)]
    if not texts[0]:
        raise ValueError(
            "a choice has no prompt; nothing was stored. Give the question as its prompt"
        )
    if normalise(texts[1]) == normalise(texts[2]):
        raise ValueError(
            "a choice needs chosen or rejected, or both with different texts; nothing was stored"
        )
    record = {"id": id_of(*texts), "prompt": texts[0], "chosen": texts[1], "rejected": texts[2]}
    record.update(way=way, time=time, source=source or {})
    return record


def id_of(prompt, chosen, rejected):
    """Return an id that is the same whichever answer is the better: a person who changes their mind
    replaces the earlier choice."""
    answers = sorted(normalise(text) for text in (chosen, rejected))
    text = "\x00".join([normalise(prompt)] + answers)
    return hashlib.sha256(text.encode()).digest()[:8].hex()


def secrets_of(record):
    """Return the kinds of secrets that a choice seems to hold."""
    return secrets_in("\n".join(record[name] for name in ("prompt", "chosen", "rejected")))


async def keep(store, record):
    """Store a choice that is new; return whether it was. One that seems to hold a secret is never
    stored."""
    if secrets_of(record):
        return False
    before = await store.get(STORE, record["id"])
    if before and before["chosen"] == record["chosen"]:
        return False
    await store.batch([["put", STORE, record["id"], record]])
    return True


async def load_choices(store):
    """Return all choices, in the order they were made."""
    found = [record for _, record in await store.all(STORE)]
    return sorted(found, key=lambda one: (one["time"], one["id"]))
