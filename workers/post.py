"""The worker's end of the line: hands requests to `on_<name>` methods and sends events.

A handler gets the request and returns its answer or an awaitable of it; any exception becomes a
Failed, so the page always gets an answer.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Any

from oneseek.engine.core.messages import Alive, Failed, Ping, Request
from oneseek.engine.core.wire import BadMessage, Message, envelope, from_text, handler_name

Emit = Callable[[Message], None]


class Post:
    """One worker's mail; `handlers` have the methods for its requests, `send` carries the text of
    an event."""

    def __init__(
        self, worker: str, send: Callable[[str], None], handlers: tuple[Any, ...] = ()
    ) -> None:
        self.worker, self.send, self.handlers = worker, send, handlers
        self.sent = 0

    def open(self, handlers: tuple[Any, ...]) -> None:
        """Hand requests to these handlers from now on."""
        self.handlers = handlers

    def emit(self, event: Message) -> None:
        """Send an event with its number, so that the page notices a lost one."""
        self.sent += 1
        self.send(envelope(event, self.worker, self.sent))

    async def receive(self, text: str) -> str:
        """Answer a request, both as text; never raises."""
        where = "message"
        try:
            request = from_text(text)
            where = type(request).__name__
            return (await self.answer(request)).to_text()
        except Exception as error:
            return describe_failure(where, error).to_text()

    async def answer(self, request: Message) -> Message:
        if isinstance(request, Ping):
            return Alive(sent=self.sent)
        if not isinstance(request, Request) or request.worker != self.worker:
            raise BadMessage(f"{type(request).__name__} is not for the worker {self.worker}")
        name = handler_name(type(request))
        handle = next(getattr(one, name) for one in self.handlers if hasattr(one, name))
        answer: Any = handle(request)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Message) and isinstance(answer, (request.answer, Failed)):
            return answer
        raise BadMessage(f"{type(request).__name__} was answered with {answer!r}")


def describe_failure(where: str, error: BaseException) -> Failed:
    """The Failed for an exception: its sentence, and the trace for those who look."""
    detail = "".join(traceback.format_exception(error))
    return Failed(where=where, reason=str(error) or type(error).__name__, detail=detail)
