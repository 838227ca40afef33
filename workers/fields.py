"""Reading what a request says, with words for what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

WORDS = {
    str: "a text",
    list: "a list",
    dict: "an object",
    int: "a whole number",
    bool: "a yes or no",
}


class BadRequest(ValueError):
    """The request is at fault; the text says how. Answered with 400 (or 422 where named)."""


async def body_of(request: Request) -> dict:
    """The JSON object a request carries."""
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not valid JSON: {str(error)[:200]}") from error
    except ClientDisconnect as error:
        raise BadRequest("the body is longer than allowed, or did not arrive whole") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


def field(body: dict, name: str, kind: type, default: Any = ...) -> Any:
    """A field of its kind, or BadRequest."""
    value = body.get(name, default)
    if value is ...:
        raise BadRequest(f"{name} is required")
    if value is default:
        return value
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise BadRequest(f"{name} must be {WORDS[kind]}")
    return value


def text(body: dict, name: str, default: Any = ..., longest: int = 100_000) -> str:
    """A text that is not empty."""
    value = field(body, name, str, default)
    if value is not default and not value.strip():
        raise BadRequest(f"{name} must not be empty")
    if isinstance(value, str) and len(value) > longest:
        raise BadRequest(f"{name} has {len(value)} characters; at most {longest} fit")
    return value


def number(body: dict, name: str, default: float, low: float, high: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise BadRequest(f"{name} must be a number from {low} to {high}")
    return value
