"""Reads JSON and JSONL datasets, recognised by shape: OpenAI messages, ShareGPT, Alpaca, prompt and
completion, text, and exports of the earlier system."""

import json

from oneseek.importers.document import Block, ImportRefused, Reading, exchange
from oneseek.importers.limits import Budget
from oneseek.importers.readers import legacy

_ROLES = {
    "human": "user",
    "user": "user",
    "prompter": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}
_PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("prompt", "chosen"),
    ("prompt", "answer"),
    ("question", "answer"),
    ("question", "response"),
    ("query", "response"),
    ("input", "output"),
    ("fråga", "svar"),
    ("instruction", "response"),
)
HEADINGS = {"messages", "conversations", "completion", "instruction", "fråga"} | {
    "prompt",
    "question",
}
_WRAPPERS = ("data", "rows", "examples", "train", "items", "conversations")


def read_json(text: str, budget: Budget) -> Reading:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"{budget.name} is not whole JSON ({_short(error)}).") from error
    found = legacy.collections_of(data)
    if not found:
        return blocks_of_records(_records(data), budget)
    if not found.get(legacy.ASKED):
        raise ImportRefused(legacy.explain_no_questions(budget.name, found))
    reading = blocks_of_records(found[legacy.ASKED], budget)
    reading.notes.extend(legacy.left_out(found))
    return reading


def read_jsonl(text: str, budget: Budget) -> Reading:
    records = []
    for line in text.split("\n"):
        if line.strip():
            try:
                records.append(json.loads(line))
            except (ValueError, RecursionError):
                records.append(None)
    return blocks_of_records(records, budget)


def blocks_of_records(records: list, budget: Budget) -> Reading:
    """The blocks of the records, with notes about those that yielded none."""
    records = [one for record in records for one in legacy.each_answer(record)]
    blocks, unread, systems = [], 0, 0
    for number, record in enumerate(records):
        if number % 1000 == 0:
            budget.step("rows", number, len(records))
        block = _block(record)
        if block is None:
            unread += 1
            continue
        systems += (
            any(role == "system" for role, _ in block.rows) if block.kind == "exchange" else 0
        )
        turns = [turn for turn in block.rows if turn[0] in ("user", "assistant")]
        block = exchange(turns) if block.kind == "exchange" else block
        budget.keep(block.text)
        blocks.append(block)
    if not blocks:
        raise ImportRefused(_unknown_shape(budget.name, records))
    notes = []
    if unread:
        notes.append(f"{unread} of {len(records)} rows could not be read and were left out.")
    if systems:
        notes.append(
            f"System texts of {systems} rows were left out: imported text must not give orders."
        )
    return Reading(blocks, notes=notes)


def _records(data) -> list:
    if isinstance(data, dict):
        for key in _WRAPPERS:
            inner = data.get(key)
            if (
                isinstance(inner, list)
                and inner
                and isinstance(inner[0], dict)
                and not _block(data)
            ):
                return [r["row"] if isinstance(r, dict) and set(r) >= {"row"} else r for r in inner]
        return [data]
    return data if isinstance(data, list) else [data]


def _block(record) -> Block | None:
    if isinstance(record, str) and record.strip():
        return Block("paragraph", record.strip())
    if isinstance(record, list):
        return _conversation(record)
    if not isinstance(record, dict):
        return None
    for key in ("messages", "conversations", "conversation"):
        if key in record:
            turns = record[key]
            return _conversation(json.loads(turns) if _is_json_list(turns) else turns)
    if isinstance(record.get("instruction"), str) and isinstance(record.get("output"), str):
        asked = "\n".join(
            p for p in (record["instruction"], record.get("input")) if isinstance(p, str) and p
        )
        return _pair(asked, record["output"])
    for question, answer in _PAIRS:
        if isinstance(record.get(question), str) and isinstance(record.get(answer), str):
            return _pair(record[question], record[answer])
    text = record.get("text")
    return Block("paragraph", text.strip()) if isinstance(text, str) and text.strip() else None


def _pair(question: str, answer: str) -> Block | None:
    if not question.strip() or not answer.strip():
        return None
    return exchange([("user", question), ("assistant", answer)])


def _conversation(turns) -> Block | None:
    """The exchange, or None: roles must alternate after an optional system turn, and there must be
    an answer."""
    if not isinstance(turns, list):
        return None
    rows = []
    for turn in turns:
        if not isinstance(turn, dict):
            return None
        role = _ROLES.get(str(turn.get("role") or turn.get("from")).lower())
        content = turn.get("content", turn.get("value"))
        if isinstance(content, list):
            content = "\n".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
        if role is None or not isinstance(content, str):
            return None
        rows.append((role, content))
    spoken = [role for role, _ in rows if role in ("user", "assistant")]
    expected = ["user", "assistant"] * len(spoken)
    if len(spoken) < 2 or spoken != expected[: len(spoken)]:
        return None
    return exchange(rows)


def _is_json_list(value) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("[") and _loads(value)


def _loads(value: str) -> bool:
    try:
        json.loads(value)
        return True
    except (ValueError, RecursionError):
        return False


def _unknown_shape(name: str, records: list) -> str:
    keys = sorted(records[0])[:6] if records and isinstance(records[0], dict) else []
    seen = f" (it has {', '.join(map(str, keys))})" if keys else ""
    return (
        f"{name} has no rows OneSeek knows{seen}; it reads messages, conversations, instruction and output, "
        "prompt and completion, question and answer, or text."
    )


def _short(error: Exception) -> str:
    return str(error)[:120]
