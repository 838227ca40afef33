"""Pictures in a conversation, in OpenAI's shape: parts whose address holds the picture itself (a
data URL). Nothing is ever fetched for them.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, NamedTuple

from oneseek.engine.model.loaded import Model
from oneseek.engine.model.vision.eyes import DETAILS
from oneseek.engine.turns import beside
from oneseek.importers.document import ImportRefused
from oneseek.workers.server.fields import BadRequest, either, record, text
from oneseek.workers.server.guard import MAX_PICTURES

DATA = re.compile(r"data:image/[\w.+-]{1,40};base64,", re.ASCII | re.IGNORECASE)
MOST = 16  # in a conversation
_ADDRESS = text(longest=MAX_PICTURES)
PICTURE = record(
    type=text(longest=20),
    image_url=either(
        record(url=_ADDRESS, detail=text("auto", longest=20)), _ADDRESS, "a picture's address"
    ),
)


class Picture(NamedTuple):
    """One picture as it was sent."""

    name: str
    data: bytes
    detail: str


def pictures_in(parts: list[dict], name: str) -> list[Picture]:
    """The pictures in a message's parts."""
    given = [part["image_url"] for part in parts if part.get("image_url")]
    return [read_picture(one, f"the picture of {name}") for one in given]


def read_picture(given: Any, name: str) -> Picture:
    address, detail = (given, "auto") if isinstance(given, str) else (given["url"], given["detail"])
    if detail not in DETAILS:
        raise BadRequest(f"the detail of {name} must be one of {', '.join(DETAILS)}")
    head = DATA.match(address)
    if head is None:
        raise BadRequest(
            f"{name} must be a data URL (data:image/png;base64,...); nothing is downloaded from "
            "other addresses, and nothing was asked"
        )
    try:
        data = base64.b64decode(address[head.end() :], validate=True)
    except binascii.Error as problem:
        raise BadRequest(f"{name} is not valid base64; nothing was asked") from problem
    return Picture(name, data, detail)


async def in_tiles(messages: list[dict], model: Model) -> list[dict]:
    """A conversation with its pictures cut into the tiles that its model sees."""
    count = sum(len(one.get("pictures", ())) for one in messages)
    if not count:
        return messages
    eyes = model.must_see()
    if count > MOST:
        raise BadRequest(f"the conversation has {count} pictures; at most {MOST} are allowed")
    try:
        from oneseek.importers.photo import tiles_of  # Pillow is not installed everywhere
    except ImportError as problem:
        raise BadRequest(
            "pictures cannot be opened here: Pillow is missing. Nothing was asked; "
            "pip install 'oneseek[app]' brings it"
        ) from problem

    async def cut(picture: Picture) -> Any:
        try:
            in_parts = eyes.in_parts(picture.detail)
            return await beside(tiles_of, picture.data, picture.name, eyes.sight, in_parts)
        except ImportRefused as problem:
            raise BadRequest(str(problem)) from problem

    return [
        {**one, "pictures": [await cut(each) for each in one["pictures"]]}
        if "pictures" in one
        else one
        for one in messages
    ]
