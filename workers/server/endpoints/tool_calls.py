"""Tools in OpenAI's shape: the functions that a model may call, how it is told of them, and the
calls in an answer.

A model whose chat template has a place for tools was trained to call them and decides by itself.
Any other model calls one only where the request asks for a call: a grammar then allows nothing
else. A grammar also writes each call that begins with a mark, so that its arguments fit.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from oneseek.engine.model import registry
from oneseek.engine.model.choice.form import Calls, Form
from oneseek.engine.model.choice.schema import Grammar
from oneseek.engine.model.template import CALL, ChatTemplate
from oneseek.engine.model.tokenizer import Tokenizer
from oneseek.workers.server.fields import BadRequest, Field, array, either, record, text

AUTO, NONE, REQUIRED = "auto", "none", "required"
MARK, END = CALL, "</tool_call>"
MARKED = re.compile(rf"{MARK}\s*(.*?)\s*(?:{END}|\Z)", re.DOTALL)
FUNCTION = record(name=text(longest=64), description=text("", longest=10_000),
                  parameters=record(None))  # fmt: skip
TOOLS = array((), of=record(type=text(longest=20), function=FUNCTION), most=128)
CHOICE: Field = either(
    text(None, longest=20),
    record(None, type=text("function", longest=20), function=record(name=text(longest=64))),
    "auto, none, required, or a function to call",
)
TOLD = """You can call these functions:
{functions}
Answer with the function to call and its arguments, as a JSON object:
{{"name": the function's name, "arguments": an object as its parameters describe}}"""


class Tools:
    """The functions that a request offers, and whether one has to be called."""

    def __init__(
        self, offered: list[dict], choice: Any, template: ChatTemplate, only_one: bool = False
    ) -> None:
        self.offered = offered
        self.functions = {one["function"]["name"]: one["function"] for one in offered}
        self.natively = template.takes_tools  # the model's own template tells it of them
        self.marked = self.natively and template.marks_calls
        self.only_one = only_one
        self.choice = choice["function"]["name"] if isinstance(choice, dict) else choice or AUTO
        if self.choice not in (AUTO, REQUIRED, *self.functions):
            raise BadRequest(
                f"tool_choice names {self.choice!r}, which is none of the tools; it must be auto, "
                "none, required, or a function that the request offers"
            )
        if not (self.natively or self.must_call):
            able = [one["name"] for one in registry.load_models().values() if one.get("tools")]
            raise BadRequest(
                "this model was not trained to decide when to call a tool; nothing was asked. "
                "Set tool_choice to 'required' or to a function's name, or use one of the models "
                f"that can decide: {', '.join(able)}"
            )

    @property
    def must_call(self) -> bool:
        return self.choice != AUTO

    @property
    def schema(self) -> dict:
        """A call, as a JSON schema."""
        called = [self.choice] if self.choice in self.functions else list(self.functions)
        return {"anyOf": [schema_of(name, self.functions[name]) for name in called]}

    def grammar(self) -> Grammar | None:
        """The grammar of an answer that has to be a call, or of a call after its mark; else
        None."""
        if not self.marked:
            return Grammar(self.schema) if self.must_call else None
        return Grammar(self.schema, f"{MARK if self.must_call else ''}\n", f"\n{END}")

    def form(self, grammar: Grammar, tokenizer: Tokenizer) -> Form | Calls:
        """How that grammar chooses the tokens of the answer."""
        if self.must_call:
            return Form(grammar, tokenizer)
        return Calls(grammar, tokenizer, MARK.encode(), self.only_one)

    def tell(self, messages: list[dict]) -> list[dict]:
        """The conversation for a model whose template has no place for tools: the tools stand in
        its system message, calls and results in texts."""
        functions = "\n".join(map(json.dumps, self.functions.values()))
        words = TOLD.format(functions=functions)
        plain = [as_text(one) for one in messages]
        if plain[0]["role"] == "system":
            words = f"{plain.pop(0)['content']}\n\n{words}"
        return [{"role": "system", "content": words}, *plain]

    def find(self, answer: str) -> tuple[str, list[dict]]:
        """The words of an answer and the calls in it; a call of a function that was not offered
        stays words."""
        parts = MARKED.findall(answer)
        words = MARKED.sub("", answer).strip() if parts else ""
        calls = [call for part in parts or [answer] for call in self._calls(part)]
        calls = calls[:1] if self.only_one else calls
        return (words, calls) if calls else (answer, [])

    def _calls(self, part: str) -> list[dict]:
        try:
            found = json.loads(part)
        except ValueError:
            return []
        calls = []
        for one in found if isinstance(found, list) else [found]:
            if not isinstance(one, dict) or one.get("name") not in self.functions:
                return []
            arguments = one.get("arguments", one.get("parameters", {}))
            calls.append(call_of(one["name"], json.dumps(arguments, ensure_ascii=False)))
        return calls

    def count_words(self, so_far: str) -> int:
        """How many characters of an unfinished answer are certainly words, and no call."""
        if self.must_call or so_far.lstrip()[:1] in ("", "{", "["):
            return 0
        if (at := so_far.find(MARK)) >= 0:
            return at
        begun = (n for n in range(len(MARK) - 1, 0, -1) if so_far.endswith(MARK[:n]))
        return len(so_far) - next(begun, 0)


def schema_of(name: str, function: dict) -> dict:
    arguments = function["parameters"] or {"type": "object", "properties": {}}
    return {
        "type": "object",
        "properties": {"name": {"const": name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def call_of(name: str, arguments: str) -> dict:
    """One call in OpenAI's shape."""
    called = {"name": name, "arguments": arguments}
    return {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": called}


def tools_of(body: dict, template: ChatTemplate) -> Tools | None:
    """The tools that a request offers; None when it wants no call."""
    if not body["tools"] and body["tool_choice"] not in (None, AUTO, NONE):
        raise BadRequest("tool_choice asks for a call, but the request offers no tools")
    if not body["tools"] or body["tool_choice"] == NONE:
        return None
    for i, one in enumerate(body["tools"]):
        if one["type"] != "function":
            raise BadRequest(f"tools[{i}].type must be function")
    only_one = not body["parallel_tool_calls"]
    return Tools(body["tools"], body["tool_choice"], template, only_one)


def read_calls(message: dict, at: int) -> list[dict]:
    """The calls of an assistant's message, with their arguments as the objects that templates
    expect."""
    given = message.get("tool_calls") or []
    try:
        return [
            one | {"function": one["function"] | {"arguments": json.loads(arguments)}}
            for one in given
            if isinstance(arguments := one["function"]["arguments"], str)
        ]
    except (TypeError, KeyError, ValueError) as fault:
        raise BadRequest(
            f"messages[{at}].tool_calls needs functions with a name and arguments as JSON"
        ) from fault


def as_text(message: dict) -> dict:
    """A call or a result as a message that any template renders."""
    if message["role"] == "tool":
        return {"role": "user", "content": f"The function returned: {message['content']}"}
    calls = [
        json.dumps({"name": one["function"]["name"], "arguments": one["function"]["arguments"]})
        for one in message.get("tool_calls", ())
    ]
    said = "\n".join(filter(None, [message["content"], *calls]))
    shown = {"pictures": message["pictures"]} if "pictures" in message else {}
    return {"role": message["role"], "content": said, **shown}
