"""An answer on its way to the page: its text while it comes, and its language."""

from __future__ import annotations

from collections.abc import Callable

from oneseek.engine.core.collecting.language import UNKNOWN, detect
from oneseek.engine.core.messages import Token
from oneseek.workers.post import Emit


def language_of(messages: list[dict], setting: str = UNKNOWN) -> str:
    """The language of the person's last message, guessed with the help of those before and of the
    language they read the page in."""
    said = [message["content"] for message in messages if message["role"] == "user"]
    language = UNKNOWN
    for text in said[-3:]:
        language = detect(text, language, setting)
    return language


class AnswerStream:
    """Sends an answer's text as it comes; an answer that starts again repeats nothing."""

    def __init__(self, emit: Emit, id: str) -> None:
        self.emit, self.id, self.sent = emit, id, 0

    def restart(self) -> Callable[[str], None]:
        """A function to be called with each new piece of one attempt."""
        made = 0

        def tell(text: str) -> None:
            nonlocal made
            fresh = text[max(0, self.sent - made) :]
            made += len(text)
            if fresh:
                self.sent = made
                self.emit(Token(id=self.id, text=fresh))

        return tell
