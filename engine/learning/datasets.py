"""Reads data sets in the usual formats, which it recognises by their keys, one example at a time.

The formats are OpenAI messages, ShareGPT, Alpaca, prompt and completion, question and answer, and
text, as JSON lines, a JSON list, a table (CSV, TSV) or plain text. Every answer is learned in its
conversation; a text is learned itself.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oneseek.engine.history.round_plan import DATA_SET

ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
DECODER = json.JSONDecoder()
PLAIN, TABLES = (".txt", ".md"), (".csv", ".tsv")  # file suffixes; any other is JSON
DELIMITERS = ",;\t"
KNOWN = (
    "messages (OpenAI), conversations (ShareGPT), instruction and output (Alpaca), "
    "prompt and completion, prompt and answer, question and answer, or text"
)


class DataError(ValueError):
    """A line of a data set that cannot be learned from, and why; nothing was trained."""


@dataclass(frozen=True)
class Example:
    """The history of a conversation and the answer to learn; without a history, plain text."""

    history: tuple[dict, ...]
    answer: str


def turn(role: str, text: Any) -> dict:
    if not isinstance(text, str):
        raise ValueError(f"the text of {role!r} is not a string")
    return {"role": ROLES.get(role, role), "content": text}


def answers(messages: list[dict]) -> list[Example]:
    """Return an example for every answer of a conversation, with all turns before it."""
    for message in messages:
        if message["role"] not in ("system", "user", "assistant"):
            raise ValueError(f"the role {message['role']!r} is none of system, user, assistant")
    return [
        Example(tuple(messages[:i]), message["content"])
        for i, message in enumerate(messages)
        if message["role"] == "assistant" and i
    ]


def openai(record: dict) -> list[Example]:
    return answers([turn(m["role"], m["content"]) for m in record["messages"]])


def sharegpt(record: dict) -> list[Example]:
    return answers([turn(m["from"], m["value"]) for m in record["conversations"]])


def alpaca(record: dict) -> list[Example]:
    given = record.get("input") or ""
    asked = f"{record['instruction']}\n\n{given}" if given else record["instruction"]
    return answers([turn("user", asked), turn("assistant", record["output"])])


def completion(record: dict) -> list[Example]:
    prompt, said = record["prompt"], record["completion"]
    if isinstance(prompt, list):
        return openai({"messages": [*prompt, *said]})
    return answers([turn("user", prompt), turn("assistant", said)])


def pair(record: dict) -> list[Example]:
    asked = record["question"] if "question" in record else record["prompt"]
    return answers([turn("user", asked), turn("assistant", record["answer"])])


def text(record: dict) -> list[Example]:
    return [Example((), turn("text", record["text"])["content"])]


FORMS: dict[str, tuple[tuple[str, ...], Callable[[dict], list[Example]]]] = {
    "messages": (("messages",), openai),
    "sharegpt": (("conversations",), sharegpt),
    "alpaca": (("instruction", "output"), alpaca),
    "completion": (("prompt", "completion"), completion),
    "prompt and answer": (("prompt", "answer"), pair),
    "question and answer": (("question", "answer"), pair),
    "text": (("text",), text),
}


def form_of(record: Any) -> str:
    """Return the name of the format, by the keys it needs."""
    if isinstance(record, dict):
        for name, (keys, _) in FORMS.items():
            if all(key in record for key in keys):
                return name
    raise ValueError(f"the record has none of the known formats, {KNOWN}")


def examples(record: Any) -> list[Example]:
    """Return the examples of one record; ValueError says what is wrong with it."""
    _, read = FORMS[form_of(record)]
    try:
        found = read(record)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a turn of the conversation lacks {error}") from error
    found = [one for one in found if one.answer.strip()]
    if not found:
        raise ValueError("the example has no answer to learn from")
    return found


class DataSet:
    """The examples of a file by number. In memory are only the places of the records, and of a JSON
    list or a table the text."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plain = path.suffix.lower() in PLAIN
        with path.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.listed = "" if self.plain else _text_of_list(path)
        self.forms: set[str] = set()
        self.places: list[tuple[int, int]] = []  # where its record begins, which answer in it
        number = 0
        try:
            for place in self._places():
                number += 1
                record = self._record(place)
                self.places += [(place, which) for which in range(len(examples(record)))]
                self.forms.add(form_of(record))
        except ValueError as error:
            raise DataError(
                f"{path.name}, example {max(number, 1)}: {error}. Nothing was trained; "
                "correct the example or take it out"
            ) from error
        if not self.places:
            raise DataError(
                f"{path.name} holds no examples; nothing was trained. An example has {KNOWN}"
            )

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Example:
        place, which = self.places[number]
        return examples(self._record(place))[which]

    def __iter__(self) -> Iterator[Example]:
        return (self[number] for number in range(len(self)))

    def _places(self) -> Iterator[int]:
        """Yield the position at which each record begins."""
        if self.listed:
            at = _next(self.listed, self.listed.index("[") + 1)
            while self.listed[at] != "]":
                yield at
                at = _next(self.listed, DECODER.raw_decode(self.listed, at)[1])
            return
        with self.path.open("rb") as file:
            place = 0
            while line := self._piece(file):
                if line.strip():
                    yield place
                place = file.tell()

    def _record(self, place: int) -> Any:
        if self.listed:
            return DECODER.raw_decode(self.listed, place)[0]
        with self.path.open("rb") as file:
            file.seek(place)
            said = self._piece(file).decode("utf-8").strip()
        return {"text": said} if self.plain else json.loads(said)

    def _piece(self, file: Any) -> bytes:
        """Read a line, or of plain text a paragraph, which ends at an empty line."""
        line = file.readline()
        while self.plain and line.strip() and (more := file.readline()).strip():
            line += more
        return line


def records_of(table: str) -> list[dict]:
    """Return the rows of a table as records with its headings as keys; without headings, the two
    columns are prompt and answer."""
    rows = max((rows_by(delimiter, table) for delimiter in DELIMITERS), key=alike)
    names = [cell.strip().lower() for cell in rows[0]] if rows else []
    if any(set(keys) <= set(names) for keys, _ in FORMS.values()):
        return [dict(zip(names, row, strict=False)) for row in rows[1:]]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise ValueError(
                f"row {number} has {len(row)} columns; a table needs the headings of a known "
                "format, or two columns: question and answer"
            )
    return [{"prompt": asked, "answer": answer} for asked, answer in rows]


def rows_by(delimiter: str, table: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(table), delimiter=delimiter) if any(row)]


def alike(rows: list[list[str]]) -> int:
    """Count the rows with as many columns as the first, if that has several."""
    return sum(len(row) == len(rows[0]) > 1 for row in rows)


def _text_of_list(path: Path) -> str:
    """Return the text of a file that is one JSON list, of a table as such a list, else nothing."""
    if path.suffix.lower() in TABLES:
        try:
            return json.dumps(records_of(path.read_text("utf-8-sig")), ensure_ascii=False)
        except (ValueError, csv.Error) as error:
            raise DataError(
                f"{path.name}: {error}. Nothing was trained; correct the table"
            ) from error
    with path.open(encoding="utf-8") as file:
        begins = file.read(64).lstrip().startswith("[")
    return path.read_text("utf-8") if begins else ""


def _next(text: str, at: int) -> int:
    """Return where the next record of a JSON list begins, or where the list ends."""
    while at < len(text) and (text[at].isspace() or text[at] == ","):
        at += 1
    if at == len(text):
        raise ValueError("the JSON list does not end with ]")
    return at


# ---- its record in the queue


def data_set_record(path: Path) -> dict:
    """Return the queue record of a data set: one example, named by its hash."""
    data = DataSet(path)
    return {
        "id": data.sha256[:16],
        "kind": DATA_SET,
        "prompt": path.name,
        "answer": str(path.resolve()),
        "language": "und",
        "source": {"kind": "text"},
        "examples": len(data),
        "forms": sorted(data.forms),
        "sha256": data.sha256,
    }


def file_of(record: dict) -> Path:
    """Return the file of a data set; one stored with its text is written out when it is needed."""
    if "text" not in record:
        return Path(record["answer"])
    path = Path(tempfile.gettempdir()) / f"oneseek-{record['sha256'][:32]}{record['suffix']}"
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != record["sha256"]:
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.write_text(record["text"], "utf-8")
        part.replace(path)
    return path
