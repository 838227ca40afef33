"""Embeddings in OpenAI's shape, from the memory's sentence encoder."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from oneseek.engine.learning.memory.encoder import NOT_HERE
from oneseek.engine.model import registry
from oneseek.engine.turns import urgent
from oneseek.workers.server.fields import BadRequest, array, either, only, takes, text
from oneseek.workers.server.service import service_of

MOST = 256  # texts of one request
SIZE = 384  # numbers of a vector
INPUT = either(text(), array(of=text(), most=MOST), f"a text, or up to {MOST} texts")


@takes(
    model=text(longest=200),
    input=INPUT,
    encoding_format=text("float", longest=20),
    dimensions=only(f"the vectors have {SIZE} numbers", SIZE),
    user=text("", longest=200),
)
async def embeddings(request: Request, body: dict) -> JSONResponse:
    """A vector of length 1 for each text; texts that mean the same point the same way."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    form = body["encoding_format"]
    if not texts:
        raise BadRequest("input must not be empty")
    if form not in ("float", "base64"):
        raise BadRequest("encoding_format must be float or base64")
    encoder = service_of(request).assistant.mind.memory.encoder
    try:
        with urgent():
            found = await encoder.of(texts)
    except NOT_HERE as fault:
        raise HTTPException(503, str(fault)) from fault
    vectors = [np.asarray(one.whole, "<f4") for one in found]
    count = sum(len(encoder.ids(one)) for one in texts)
    return JSONResponse(
        {
            "object": "list",
            "model": registry.encoder()["id"],
            "data": [
                {"object": "embedding", "index": i, "embedding": encode(vector, form)}
                for i, vector in enumerate(vectors)
            ],
            "usage": {"prompt_tokens": count, "total_tokens": count},
        }
    )


def encode(vector: np.ndarray, form: str) -> Any:
    return base64.b64encode(vector.tobytes()).decode() if form == "base64" else vector.tolist()
