"""Reads what a person said to another assistant: exports of its chats and of its saved memories.

Of a chat (`conversations.json`, alone or in its ZIP file, a tree of messages or a list) only the
person's own messages are taken: along the branch that was shown last, in order, with their days. A
plain list of texts is a list of saved memories.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from oneseek.importers.document import ImportRefused
from oneseek.importers.encoding import decode

LARGEST = 500 << 20  # most bytes of an unpacked file
PERSON = ("user", "human")
FILE, MEMORIES = "conversations.json", "memories.json"
HEAD = 20_000  # first bytes, which are searched for the form of a chat export
OF_A_CHAT = (b'"mapping"', b'"chat_messages"')


class Message(NamedTuple):
    """A message: its text, the person's message before it in the same chat, its time (ms; 0 is
    unknown), and the chat."""

    text: str
    before: str
    time: int
    chat: str


def is_export(data: bytes, name: str) -> bool:
    """True if a file holds what a person said to another assistant."""
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return any(one.endswith(FILE) for one in archive.namelist())
        except zipfile.BadZipFile:
            return False
    named = name.lower().endswith((FILE, MEMORIES))
    in_json = data[:HEAD].lstrip()[:1] in (b"[", b"{")
    return in_json and (named or any(one in data[:HEAD] for one in OF_A_CHAT))


def messages_in(data: bytes, name: str) -> list[Message]:
    """The person's messages, in their order; raises ImportRefused if there are none."""
    if data.startswith(b"PK\x03\x04"):
        data = unpack(data, name)
    try:
        given = json.loads(decode(data, name))
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"{name} is not whole JSON; nothing was read from it.") from error
    if isinstance(given, dict):
        given = next((given[key] for key in ("conversations", "memories") if key in given), [given])
    found = [message for number, one in enumerate(given) for message in _of(one, str(number))]
    if not found:
        raise ImportRefused(
            f"{name} holds no chats and no memories; nothing was read. Choose {FILE} of an export."
        )
    return sorted(found, key=lambda one: one.time)


def unpack(data: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [one for one in archive.infolist() if one.filename.endswith(FILE)]
            if not inside or inside[0].file_size > LARGEST:
                raise ImportRefused(f"{name} holds no {FILE} that can be read; nothing was read.")
            return archive.read(inside[0])
    except zipfile.BadZipFile as error:
        raise ImportRefused(f"{name} is damaged; nothing was read. Export it again.") from error


def _of(one: Any, chat: str) -> Iterator[Message]:
    if isinstance(one, str):
        yield from _messages([(one, 0)], chat)
    elif isinstance(one, dict):
        chat = str(one.get("id") or one.get("conversation_id") or one.get("uuid") or chat)
        turns = one.get("chat_messages") or one.get("messages")
        if isinstance(one.get("mapping"), dict):
            turns = list(branch(one))
        if isinstance(turns, list):
            yield from _messages([turn for turn in map(turn_of, turns) if turn], chat)
        else:
            text = one.get("memory") or one.get("content") or one.get("text")
            if isinstance(text, str):
                yield from _messages([(text, moment(one.get("created_at")))], chat)


def branch(chat: dict) -> Iterator[dict]:
    """The messages on the branch that was shown last, from the first one on."""
    nodes = chat["mapping"]
    leaf = chat.get("current_node")
    if leaf not in nodes:
        leaf = max(
            nodes, key=lambda id: moment((nodes[id].get("message") or {}).get("create_time"))
        )
    path, seen = [], set()
    while leaf in nodes and leaf not in seen:
        seen.add(leaf)
        path.append(nodes[leaf].get("message") or {})
        leaf = nodes[leaf].get("parent")
    return reversed(path)


def turn_of(message: Any) -> tuple[str, int] | None:
    """The text and time of a message, if the person wrote it."""
    if not isinstance(message, dict):
        return None
    author = message.get("author") or {}
    role = author.get("role") if isinstance(author, dict) else author
    if (role or message.get("role") or message.get("sender")) not in PERSON:
        return None
    content = message.get("content", message.get("text", ""))
    if isinstance(content, dict):
        content = content.get("parts", content.get("text", ""))
    if isinstance(content, list):
        parts = [one.get("text") if isinstance(one, dict) else one for one in content]
        content = "\n".join(part for part in parts if isinstance(part, str))
    when = message.get("create_time") or message.get("created_at") or message.get("timestamp")
    return (content, moment(when)) if isinstance(content, str) and content.strip() else None


def moment(given: Any) -> int:
    """A time in seconds or as a date, in milliseconds; 0 if it is neither."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return int(given * 1000 if given < 1e11 else given)
    try:
        return int(datetime.fromisoformat(str(given)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return 0


def _messages(turns: list[tuple[str, int]], chat: str) -> Iterator[Message]:
    before = ""
    for text, time in turns:
        yield Message(text.strip(), before, time, chat)
        before = text.strip()
