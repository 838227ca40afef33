"""What the page is told of an answer: its text while it comes, and the language it was asked in."""

from __future__ import annotations

from collections.abc import Callable

from oneseek.engine.core.collecting.language import UNKNOWN, detect
from oneseek.engine.core.messages import Token
from oneseek.workers.post import Emit


def language_of(messages: list[dict], setting: str = UNKNOWN) -> str:
    """The language of the last thing the person said, helped by what was said before and by the
    language they read the page in."""
    said = [message["content"] for message in messages if message["role"] == "user"]
    language = UNKNOWN
    for text in said[-3:]:
        language = detect(text, language, setting)
    return language


class Teller:
    """Sends an answer's text as it comes; an answer that starts again repeats nothing."""

    def __init__(self, emit: Emit, id: str) -> None:
        self.emit, self.id, self.said = emit, id, 0

    def again(self) -> Callable[[str], None]:
        """What to call with each new piece of one attempt."""
        heard = 0

        def tell(text: str) -> None:
            nonlocal heard
            fresh = text[max(0, self.said - heard) :]
            heard += len(text)
            if fresh:
                self.said = heard
                self.emit(Token(id=self.id, text=fresh))

        return tell
