"""What the system before left: its collections as JSON, by the names that the store still knows.

Of the questions that were asked of it the answers can be learned, side by side where there were
several.  Its events, metrics, versions and ledger are about weights that are not here.
"""

from oneseek.engine.core.storage.store import ALIASES

ASKED = "oqt_queries"
NESTED = "__collections__"  # how an export of a whole database begins


def collections_of(data) -> dict[str, list]:
    """The documents of each of its collections; nothing when this is no export of it."""
    found = data.get(NESTED, data) if isinstance(data, dict) else {}
    if not isinstance(found, dict):
        return {}
    return {name: _documents(found[name]) for name in ALIASES if name in found}


def _documents(collection) -> list:
    """A list of them, or each under its id."""
    if isinstance(collection, dict):
        return list(collection.values())
    return collection if isinstance(collection, list) else []


def explain_no_questions(name: str, found: dict[str, list]) -> str:
    return (
        f"{name} holds {', '.join(sorted(found))} of the system before, which are about its own "
        f"weights; nothing in them can be learned here. Its questions and answers are in {ASKED}."
    )


def left_out(found: dict[str, list]) -> list[str]:
    others = sorted(set(found) - {ASKED})
    if not others:
        return []
    return [f"Left out, because it is about weights that are not here: {', '.join(others)}."]


def each_answer(record) -> list:
    """A question with its raw responses, as one record an answer; any other as it is."""
    if not (isinstance(record, dict) and isinstance(record.get("raw_responses"), list)):
        return [record]
    given = [one.get("response") for one in record["raw_responses"] if isinstance(one, dict)]
    answers = dict.fromkeys(answer for answer in given if isinstance(answer, str))
    question = record.get("question")
    return [{"question": question, "answer": answer} for answer in answers] or [record]
