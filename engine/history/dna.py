"""The DNA of a version: one SHA-256 over what it learned from and what came out of it."""

import hashlib

from oneseek.engine.history.ledger import Change, canonical
from oneseek.engine.history.versions import Versions, ancestors

EVERY_QUESTIONS = 50


async def fingerprint(versions: Versions, number: int | None) -> dict:
    """`dna` covers the ids of all examples (which are hashes of their words) and the weights."""
    chain = ancestors(number, await versions.records()) if number else []
    found = {
        "version": chain[-1]["name"] if chain else None,
        "weights_sha256": chain[-1]["weights_sha256"] if chain else None,
        "examples": sorted(id for one in chain for id in one["lessons"]),
    }
    return {**found, "dna": hashlib.sha256(canonical(found).encode()).hexdigest()}


async def record_dna(versions: Versions, line: str, questions: int) -> dict:
    """Take the fingerprint of the version in use and tell the ledger."""
    found = await fingerprint(versions, await versions.number(line))
    update = {key: found[key] for key in ("version", "weights_sha256", "dna")}
    update.update(questions=questions, line=line, time=versions.clock())
    change = Change()
    change.put("state", f"dna.{versions.base}", update)
    change.tell("dna", update)
    await versions.ledger.commit(change)
    return update
