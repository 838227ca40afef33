"""The requests about models before they are loaded: what those of the list take on this device, and
what a person's files are. The files are read where they lie, nothing is copied."""

from __future__ import annotations

import asyncio

from oneseek.engine.core.messages import Fits, LookAt, Looked, WhatFits
from oneseek.engine.learning.needs import file_takes, file_takes_packed, judge, row_fits
from oneseek.engine.learning.trainer import TRAINING_BYTES
from oneseek.engine.model import registry
from oneseek.engine.model.look import look
from oneseek.workers.tab.device import device_memory
from oneseek.workers.tab.files import receive_files
from oneseek.workers.tab.resident import Resident


class ModelRequests:
    """The requests that tell about models before they are loaded."""

    def __init__(self, resident: Resident) -> None:
        self.resident = resident
        self.fits: dict[tuple[str, str], dict] = {}  # (model, back end) -> what it takes
        self.alone = asyncio.Lock()

    def judge(self, taken: dict) -> dict:
        return judge(taken, self.resident.device.kind, device_memory())

    async def on_what_fits(self, request: WhatFits) -> Fits:
        """What each known model takes here, as given and packed."""
        kind, models = self.resident.device.kind, {}
        async with self.alone:  # each once, and the worker answers others in between
            for id, row in registry.load_models().items():
                if (id, kind) not in self.fits:
                    self.fits[id, kind] = row_fits(row, kind, device_memory())
                    await asyncio.sleep(0)
                models[id] = self.fits[id, kind]
        pace, detail = await self.resident.pace()
        return Fits(models=models, pace=pace, detail=detail)

    async def on_look_at(self, request: LookAt) -> Looked:
        """What the files are that the page hands over on a channel."""
        told, file = look(await receive_files(request.channel))
        if file is not None:
            room = TRAINING_BYTES[self.resident.device.kind]
            told |= self.judge(file_takes(file, room))
            ways = [] if file.eyes else file_takes_packed(file, room)  # packed, a model has no eyes
            told["packed"] = [self.judge(one) for one in ways]
        return Looked(told=told)
