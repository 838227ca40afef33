"""The outcome of a question: its two stages, and for each the version it became, that version's
ledger entries and its fingerprint."""

from __future__ import annotations

from oneseek.engine.history.certificate import fingerprint
from oneseek.engine.history.versions import Versions, label

SHOWN = ("state", "outcome", "reason", "target", "examples", "analysis")
ABOUT = ("run", "question", "responses", "language", "source", "time")


async def outcome_of(versions: Versions, run: str) -> dict:
    """Return what is stored of the question; KeyError where nothing is."""
    store = versions.store
    kept = [await store.get("samples", f"stage{number}_{run}") for number in (1, 2)]
    if kept[0] is None:
        raise KeyError(f"there is no question {run!r}")
    stages = [await _stage(versions, number, one) for number, one in enumerate(kept, 1) if one]
    return {**{name: kept[0].get(name) for name in ABOUT}, "stages": stages}


async def _stage(versions: Versions, number: int, sample: dict) -> dict:
    told = {"stage": number, **{name: sample.get(name) for name in SHOWN}}
    return {**told, "version": await _version(versions, sample.get("version"))}


async def _version(versions: Versions, name: str | None) -> dict | None:
    """Return the version of this name with its ledger entries and fingerprint, or None."""
    records = [one for one in await versions.records() if name and one["name"] == name]
    if not records:
        return None
    (record,) = records
    entries = await _entries(versions, record["number"])
    found = await fingerprint(versions, record["number"])
    told = {"number": record["number"], "name": record["name"], "label": label(record)}
    return {**told, "ledger": entries, "fingerprint": found["dna"]}


async def _entries(versions: Versions, number: int) -> list[dict]:
    """Return a version's ledger entries, oldest first; a reset starts the numbers again."""
    found: list[dict] = []
    for one in await versions.ledger.entries():
        if one["kind"] == "reset":
            found = []
        if one["kind"] in ("version", "promotion") and one["body"]["number"] == number:
            found.append(one)
    return found
