"""The messages between the server and the members: counted, and checked before they are used."""

from __future__ import annotations

import time
from collections.abc import Iterable
from logging import WARNING
from typing import Any

import numpy as np
from flwr.app import Message, MessageType
from flwr.common import log
from flwr.serverapp import Grid

from oneseek.engine.model.trainable import Trained
from oneseek.engine.with_flower.member import JUDGED, TRAINED
from oneseek.engine.with_flower.shared import Unfit, fits

ARRAYS, CONFIG, METRICS = "arrays", "config", "metrics"


def size(message: Message) -> int:
    """Return the bytes that a message carries."""
    records = message.content.values() if message.has_content() else ()
    return sum(record.count_bytes() for record in records)


class Post:
    """A Grid through which every round goes. Replies that do not belong to this group, or are not
    finite, are dropped here: one such reply would end the run or spoil any mean."""

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
        trains = sent[0].metadata.message_type == MessageType.TRAIN
        replies = list(self.grid.send_and_receive(sent, timeout=timeout))
        failed = [reply for reply in replies if reply.has_error()]
        good = [r for r in replies if not r.has_error() and self._fits(r, trains)]
        for reply in failed:
            log(WARNING, "a member failed: %s", reply.error.reason)
        self.rounds.append(
            {
                "asked": len(sent),
                "answered": len(good),
                "failed": len(failed),
                "unfit": len(replies) - len(failed) - len(good),
                "late": len(sent) - len(replies),
                "bytes_down": bytes_down,
                "bytes_up": sum(map(size, replies)),
                "seconds": round(time.monotonic() - began, 2),
                "members": [dict(reply.content[METRICS]) for reply in good],
            }
        )
        return good + failed

    def _fits(self, reply: Message, trains: bool) -> bool:
        try:
            self._look(reply, trains)
        except Unfit as error:
            log(WARNING, "a member's answer was left out: %s", error)
            return False
        return True

    def _look(self, reply: Message, trains: bool) -> None:
        content = reply.content
        if set(content) != ({ARRAYS, METRICS} if trains else {METRICS}):
            raise Unfit(f"the reply holds other parts than agreed: {', '.join(sorted(content))}")
        figures = dict(content[METRICS])
        if set(figures) != (TRAINED if trains else JUDGED) or figures["num-examples"] < 1:
            raise Unfit("the figures of the reply are not those that a member sends")
        if not np.isfinite([float(figure) for figure in figures.values()]).all():
            raise Unfit("the figures of the reply contain NaN or infinity")
        if trains:
            fits(self.trained, {name: array.numpy() for name, array in content[ARRAYS].items()})
