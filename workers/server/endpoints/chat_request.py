"""The fields of a chat completion, as OpenAI has them.

A field of OpenAI's that would change the answer and has no effect here is refused in words; other
names are ignored, as programs send them to all servers alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

from oneseek.engine.model.choice.sampling import Manner, Sampling
from oneseek.engine.model.choice.schema import Grammar, SchemaError
from oneseek.engine.model.generate import TooLong
from oneseek.engine.turns import beside
from oneseek.workers.server.endpoints.pictures import PICTURE, pictures_in
from oneseek.workers.server.endpoints.tool_calls import CHOICE, TOOLS, read_calls
from oneseek.workers.server.fields import (
    BadRequest,
    Field,
    array,
    either,
    flag,
    number,
    only,
    record,
    text,
    whole_number,
)
from oneseek.workers.server.guard import MAX_BODY, TOO_LARGE

Made = TypeVar("Made", bound=Grammar | None)
ROLES = ("system", "user", "assistant", "developer", "tool")
LONGEST = 512  # tokens of an answer unless the request says
PART = either(record(type=text("text"), text=text()), PICTURE, "a part with a text, or a picture")
NO_TEXT = "a text, or a list of parts with a text or a picture"


def content(default: str | None = None) -> Field:
    """The field of a message's content: a text, or parts with texts and pictures."""
    words = Field({"type": "string"}, is_text, default)
    return either(words, array(of=PART, most=1000), NO_TEXT)


def is_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a text")
    return value


SOURCE = either(
    text("", longest=64),
    array(of=text(longest=64), most=100),
    "the id of a source, or a list of up to 100",
)
STOP = either(text((), longest=200), array((), of=text(longest=200), most=4), "up to 4 texts")
MESSAGE = record(role=text(longest=20), content=content(""))
FIELDS = dict(
    model=text(longest=200),
    messages=array(of=MESSAGE),
    stream=flag(),
    stream_options=record(None, include_usage=flag()),
    max_tokens=whole_number(None, 1, 100_000),
    max_completion_tokens=whole_number(None, 1, 100_000),
    temperature=number(None, 0, 2),
    top_p=number(None, 0, 1),
    frequency_penalty=number(0.0, -2, 2),
    presence_penalty=number(0.0, -2, 2),
    seed=whole_number(None, -(2**63), 2**63),
    stop=STOP,
    response_format=record(None, type=text(longest=20), json_schema=record(None)),
    tools=TOOLS,
    tool_choice=CHOICE,
    parallel_tool_calls=flag(True),
    logprobs=flag(),
    top_logprobs=whole_number(0, 0, 20),
    user=text("", longest=200),
    oneseek=record(None, learn=flag(True), source=SOURCE),
    n=only("a request gets one answer; ask again with another seed", 1),
    logit_bias=only("response_format restricts the answer", {}),
    functions=only("use tools instead", []),
    function_call=only("use tool_choice instead", "none", "auto"),
    reasoning_effort=only("the model answers without reasoning first", "none", "minimal"),
    modalities=only("answers are text", ["text"]),
    audio=only("answers are text"),
    prediction=only("leave the field out", {}),
    verbosity=only("max_tokens and a system message set the length of an answer", "medium"),
    web_search_options=only("the server does not search the web; nothing leaves this device"),
    store=only("the server does not store answers", False),
)


def sampling_of(body: dict, manner: Manner) -> Sampling:
    """The requested sampling; with neither temperature nor top-p, that of the chat."""
    stop, seed, heat, top_p = body["stop"], body["seed"], body["temperature"], body["top_p"]
    limit = body["max_completion_tokens"] or body["max_tokens"] or LONGEST
    return manner.make_sampling(
        heat,
        top_p,
        steer=heat is None and top_p is None and not body["response_format"],
        seed=(time.time_ns() if seed is None else seed) & 0x7FFFFFFF,
        max_tokens=limit,
        frequency=float(body["frequency_penalty"]),
        presence=float(body["presence_penalty"]),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
    )


def top_logprobs_of(body: dict) -> int:
    """How many of the likeliest tokens are returned with each one; -1 when none are asked for."""
    if body["top_logprobs"] and not body["logprobs"]:
        raise BadRequest("top_logprobs needs logprobs to be true")
    return body["top_logprobs"] if body["logprobs"] else -1


async def grammar_of(wanted: dict | None) -> Grammar | None:
    """The grammar of the answer: any object, or one that a JSON schema describes; None for free
    text."""
    if not wanted or wanted["type"] == "text":
        return None
    if wanted["type"] == "json_object":
        return Grammar({"type": "object"})
    if wanted["type"] != "json_schema":
        raise BadRequest("response_format.type must be text, json_object or json_schema")
    schema = (wanted["json_schema"] or {}).get("schema")
    if schema is None:
        raise BadRequest("response_format.json_schema needs a schema")
    return await read_schema("response_format.json_schema.schema", lambda: Grammar(schema))


async def read_schema(name: str, make: Callable[[], Made]) -> Made:
    """The grammar of a schema; BadRequest says why there is none."""
    try:
        return await beside(make)
    except (
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ) as fault:
        words = str(fault) if isinstance(fault, SchemaError) else "the value is not a JSON schema"
        raise BadRequest(f"{name}: {words}") from fault


def messages_of(given: list[dict]) -> list[dict]:
    if not given:
        raise BadRequest("messages must not be empty")
    messages = []
    for i, one in enumerate(given):
        if one["role"] not in ROLES:
            raise BadRequest(f"messages[{i}].role must be one of {', '.join(ROLES)}")
        said = one["content"]
        words = said if isinstance(said, str) else "".join(part.get("text", "") for part in said)
        role = "system" if one["role"] == "developer" else one["role"]
        calls = read_calls(one, i) if role == "assistant" else []
        told: dict = {"tool_calls": calls} if calls else {}
        if role == "tool":
            told = {name: one[name] for name in ("name", "tool_call_id") if name in one}
        if pictures := [] if isinstance(said, str) else pictures_in(said, f"messages[{i}]"):
            told["pictures"] = pictures
        messages.append({"role": role, "content": words, **told})
    if messages[-1]["role"] == "assistant":
        raise BadRequest("the last message must not be the assistant's")
    if (letters := sum(len(one["content"]) for one in messages)) > MAX_BODY:
        raise HTTPException(
            TOO_LARGE, f"the messages have {letters} characters; at most {MAX_BODY} fit"
        )
    return messages


def must_be_readable(count: int, context: int) -> None:
    """Refuse more messages than the model reads tokens: nobody expects all of them to be read, and
    a whole context would be computed for the newest."""
    if count > context:
        raise TooLong(
            f"the conversation is too long: it has {count:,} messages, and this model reads "
            f"{context:,} tokens. Send its newest messages; nothing was sent to the model."
        )
