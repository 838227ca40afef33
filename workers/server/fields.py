"""The fields of request bodies: declared once, checked before a handler runs, and described in the
OpenAPI document."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from oneseek.engine.turns import beside

REQUIRED: Any = object()
WHOLE_BITS = 63  # what a store can keep
DEEPEST = 64  # lists within lists; some thousands crash a browser's parser
MOST_VALUES = 100_000  # twice what ten thousand messages need
AT_ONCE = 1 << 15  # bytes of a body that are read within a few milliseconds
SIGNS = re.compile(r'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[\]{},]', re.DOTALL)
HALF = re.compile(r"\\u[dD][89a-fA-F]")


class BadRequest(ValueError):
    """The request is at fault; the text says how. Answered with 400."""


@dataclass(frozen=True)
class Field:
    """One field: its JSON Schema, and the check that says in words what is wrong with a value."""

    schema: dict
    check: Callable[[str, Any], Any]
    default: Any = REQUIRED

    def read(self, body: dict, name: str) -> Any:
        """The checked value, under its name or that name in camelCase; null counts as left out, as
        OpenAI's clients send it."""
        value = body.get(name, body.get(camel(name)))
        if value is None and self.default is REQUIRED:
            raise BadRequest(f"{name} is required")
        if value is None or value == self.default:
            return self.default
        return self.check(name, value)


Handler = Callable[[Request], Awaitable[Response]]


def camel(name: str) -> str:
    """`rawResponses` for `raw_responses`."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def text(default: Any = REQUIRED, longest: int = 100_000) -> Field:
    """A field for a text that is not empty."""

    def check(name: str, value: Any) -> Any:
        if not isinstance(value, str):
            raise BadRequest(f"{name} must be a text")
        if not value.strip():
            raise BadRequest(f"{name} must not be empty")
        if len(value) > longest:
            raise BadRequest(f"{name} has {len(value)} characters; at most {longest} fit")
        return value

    return Field({"type": "string", "minLength": 1, "maxLength": longest}, check, default)


def array(default: Any = REQUIRED, of: Field | None = None, most: int = 10_000) -> Field:
    def check(name: str, value: Any) -> Any:
        if not isinstance(value, list):
            raise BadRequest(f"{name} must be a list")
        if len(value) > most:
            raise BadRequest(f"{name} has {len(value)} entries; at most {most} fit")
        return [of.check(f"{name}[{i}]", one) for i, one in enumerate(value)] if of else value

    items = {"items": of.schema} if of else {}
    return Field({"type": "array", "maxItems": most, **items}, check, default)


def record(default: Any = REQUIRED, exact: bool = False, **fields: Field) -> Field:
    """A field for an object with these fields, and perhaps others unless it is `exact`."""

    def check(name: str, value: Any) -> Any:
        if not isinstance(value, dict):
            raise BadRequest(f"{name} must be an object")
        try:
            if exact:
                refuse_others(value, fields)
            return {**value, **{key: field.read(value, key) for key, field in fields.items()}}
        except BadRequest as problem:
            raise BadRequest(f"{name}: {problem}") from problem

    return Field(schema_of(fields), check, default)


def refuse_others(given: dict, fields: dict[str, Field]) -> None:
    """Refuse a name that nothing reads, so that no setting is ignored silently."""
    known = {spelling for name in fields for spelling in (name, camel(name))}
    for name in given:
        if name not in known:
            names = ", ".join(sorted(map(camel, fields)))
            raise BadRequest(f"{name[:80]!r} is not a known field; the fields are {names}")


def number(default: Any, low: float, high: float) -> Field:
    def check(name: str, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f"{name} must be a number from {low} to {high}")
        if not low <= value <= high:
            raise BadRequest(f"{name} must be a number from {low} to {high}, not {value}")
        return value

    return Field({"type": "number", "minimum": low, "maximum": high}, check, default)


def whole_number(default: Any, low: int, high: int) -> Field:
    inside = number(default, low, high)

    def check(name: str, value: Any) -> Any:
        if inside.check(name, value) != int(value):
            raise BadRequest(f"{name} must be a whole number")
        return int(value)

    return Field({**inside.schema, "type": "integer"}, check, default)


def flag(default: Any = False) -> Field:
    def check(name: str, value: Any) -> Any:
        if not isinstance(value, bool):
            raise BadRequest(f"{name} must be true or false")
        return value

    return Field({"type": "boolean"}, check, default)


def either(first: Field, second: Field, words: str) -> Field:
    """A field for a value of one kind or the other."""

    def check(name: str, value: Any) -> Any:
        for field in (first, second):
            try:
                return field.check(name, value)
            except BadRequest:
                continue
        raise BadRequest(f"{name} must be {words}")

    return Field({"anyOf": [first.schema, second.schema]}, check, first.default)


def only(words: str, *values: Any) -> Field:
    """A field without effect: one of these values, or left out. `words` say why."""

    def check(name: str, value: Any) -> Any:
        if value not in values:
            raise BadRequest(f"{name} is not supported: {words}. Nothing was computed")
        return value

    return Field({"enum": [None, *values]}, check, None)


def schema_of(fields: dict[str, Field]) -> dict:
    """The JSON Schema of an object with these fields."""
    needed = [name for name, field in fields.items() if field.default is REQUIRED]
    properties = {name: field.schema for name, field in fields.items()}
    return {"type": "object", "properties": properties, **({"required": needed} if needed else {})}


def takes(
    exact: bool = False, **fields: Field
) -> Callable[[Callable[[Request, Any], Awaitable[Response]]], Handler]:
    """Give a handler its checked body as second argument; `handler.fields` are the fields that it
    may have. An `exact` body may have no others."""

    def wrap(handler: Callable[[Request, Any], Awaitable[Response]]) -> Handler:
        @functools.wraps(handler)
        async def answer(request: Request) -> Response:
            def read(given: bytes) -> dict:
                body = parse_object(given)
                if exact:
                    refuse_others(body, fields)
                return {name: field.read(body, name) for name, field in fields.items()}

            return await handler(request, await body_of(request, read))

        answer.fields = fields  # type: ignore[attr-defined]  # said of a function
        return answer

    return wrap


def parse_object(given: bytes) -> dict:
    """The JSON object in these bytes."""
    try:
        text = (given or b"{}").decode()
        must_be_modest(text)
        body = json.loads(
            text, parse_constant=no_number, parse_int=parse_whole_number, parse_float=finite
        )
        if HALF.search(text):
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except ValueError as error:
        raise BadRequest(f"the body is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


async def body_of(request: Request, read: Callable[[bytes], dict] = parse_object) -> dict:
    """A request's body, read by `read`; a large one is read beside the event loop."""
    try:
        given = await request.body()
    except ClientDisconnect as left:
        status, words = request.scope.get("refused", (400, "the body did not arrive whole"))
        raise HTTPException(status, words) from left
    return await beside(read, given) if len(given) > AT_ONCE else read(given)


def must_be_modest(text: str) -> None:
    """Refuse a JSON text whose values are nested too deeply, or are too many."""
    now = values = 0
    for part in SIGNS.finditer(text):
        sign = part[0]
        if sign in "[{":
            now += 1
            if now > DEEPEST:
                raise ValueError(f"lists and objects are nested more than {DEEPEST} deep")
        elif sign in "]}":
            now -= 1
        elif sign == ",":
            values += 1
            if values > MOST_VALUES:
                raise ValueError(f"it has more than {MOST_VALUES} values")


def no_number(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is larger than any number that can be stored")
    return value


def parse_whole_number(text: str) -> int:
    value = int(text)
    if value.bit_length() > WHOLE_BITS:
        raise ValueError(f"a whole number has more than {WHOLE_BITS} bits")
    return value
