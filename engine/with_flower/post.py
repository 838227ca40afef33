"""What passes between the one who gathers and the members: counted, and looked at before it is
used."""

from __future__ import annotations

import time
from collections.abc import Iterable
from logging import WARNING
from typing import Any

from flwr.app import Message
from flwr.common import log
from flwr.serverapp import Grid

from engine.model.trainable import Trained
from engine.with_flower.shared import Unfit, fits

ARRAYS, CONFIG, METRICS = "arrays", "config", "metrics"


def size(message: Message) -> int:
    """Bytes of what a message carries."""
    records = message.content.values() if message.has_content() else ()
    return sum(record.count_bytes() for record in records)


class Post:
    """A Grid through which every round goes. What does not belong to this group, or is not finite,
    is dropped here: one such answer would end the run or spoil any mean."""

    def __init__(self, grid: Grid, trained: Trained) -> None:
        self.grid, self.trained = grid, trained
        self.rounds: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.grid, name)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        sent = list(messages)
        if not sent:
            return []
        began = time.monotonic()
        bytes_down = sum(map(size, sent))
        replies = list(self.grid.send_and_receive(sent, timeout=timeout))
        good = [reply for reply in replies if self._fits(reply)]
        self.rounds.append(
            {
                "asked": len(sent),
                "answered": len(good),
                "failed": sum(reply.has_error() for reply in replies),
                "unfit": sum(not reply.has_error() for reply in replies) - len(good),
                "late_or_gone": len(sent) - len(replies),
                "bytes_down": bytes_down,
                "bytes_up": sum(map(size, replies)),
                "seconds": round(time.monotonic() - began, 2),
                "members": [dict(reply.content[METRICS]) for reply in good],
            }
        )
        return good

    def _fits(self, reply: Message) -> bool:
        if reply.has_error():
            log(WARNING, "a member failed: %s", reply.error.reason)
            return False
        try:
            for arrays in reply.content.array_records.values():
                fits(self.trained, {name: array.numpy() for name, array in arrays.items()})
        except Unfit as error:
            log(WARNING, "a member's answer was left out: %s", error)
            return False
        return True
