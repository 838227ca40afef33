"""Reads JSON exports of the earlier system, by collection names that the store still knows.

The answers to its questions can be learned, side by side if there were several. Its events,
metrics, versions and ledger describe weights that do not exist here.
"""

from oneseek.engine.core.storage.store import ALIASES

ASKED = "oqt_queries"
NESTED = "__collections__"  # the key that holds the collections in an export of a whole database


def collections_of(data) -> dict[str, list]:
    """The documents of each of its collections; empty if the data is no such export."""
    found = data.get(NESTED, data) if isinstance(data, dict) else {}
    if not isinstance(found, dict):
        return {}
    return {name: _documents(found[name]) for name in ALIASES if name in found}


def _documents(collection) -> list:
    """The documents of a collection, which is a list or a dictionary by id."""
    if isinstance(collection, dict):
        return list(collection.values())
    return collection if isinstance(collection, list) else []


def explain_no_questions(name: str, found: dict[str, list]) -> str:
    return (
        f"{name} holds {', '.join(sorted(found))} of the earlier system, which describe its own "
        f"weights; nothing in them can be learned here. Its questions and answers are in {ASKED}."
    )


def left_out(found: dict[str, list]) -> list[str]:
    others = sorted(set(found) - {ASKED})
    if not others:
        return []
    return [f"Left out, because they describe the earlier system's weights: {', '.join(others)}."]


def each_answer(record) -> list:
    """One record for each raw response to a question; any other record unchanged."""
    if not (isinstance(record, dict) and isinstance(record.get("raw_responses"), list)):
        return [record]
    given = [one.get("response") for one in record["raw_responses"] if isinstance(one, dict)]
    answers = dict.fromkeys(answer for answer in given if isinstance(answer, str))
    question = record.get("question")
    return [{"question": question, "answer": answer} for answer in answers] or [record]
