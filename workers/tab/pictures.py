"""Pictures of the chat in the engine's worker: the page keeps them as files, here they are cut into
tiles of the size that the model looks at.

Pillow is loaded with the first picture for a model with eyes.
"""

from __future__ import annotations

from collections import OrderedDict

import pyodide_js
from pyodide.ffi import JsException, to_js

from oneseek.engine.model.loaded import Model
from oneseek.engine.model.vision.eyes import Tiles
from oneseek.importers.document import ImportRefused
from oneseek.workers.tab.files import PICTURES, open_own

PACKAGES = ["pillow"]
KEPT = 4  # pictures whose tiles are at hand for the next question


async def load_packages() -> None:
    await pyodide_js.loadPackage(to_js(PACKAGES))


class Pictures:
    """Cuts the pictures of conversations into tiles."""

    def __init__(self) -> None:
        self.recent: OrderedDict[tuple, Tiles] = OrderedDict()

    async def in_tiles(self, messages: list[dict], model: Model) -> list[dict]:
        """The messages with tiles in place of the pictures' names; ImportRefused tells the fault of
        a picture that cannot be opened."""
        if not any(one.get("pictures") for one in messages):
            return messages
        model.must_see()
        await load_packages()
        return [
            {**one, "pictures": [await self.tiles(each, model) for each in one["pictures"]]}
            if one.get("pictures")
            else one
            for one in messages
        ]

    async def tiles(self, name: str, model: Model) -> Tiles:
        from oneseek.importers.photo import tiles_of

        eyes = model.must_see()
        key = name, eyes.sight, eyes.in_parts("auto")
        if key not in self.recent:
            data = await read_picture(name)
            self.recent[key] = tiles_of(data, "The picture", *key[1:])
            while len(self.recent) > KEPT:
                self.recent.popitem(last=False)
        self.recent.move_to_end(key)
        return self.recent[key]


async def read_picture(name: str) -> bytes:
    """The bytes of a picture that the page keeps."""
    try:
        file = await open_own(PICTURES, name)
        return (await file.arrayBuffer()).to_bytes()
    except JsException as error:
        raise ImportRefused(
            "A picture of this chat is not on this device any more. Nothing was asked. Show it "
            "again, in a new message."
        ) from error
