"""Tools through OpenAI's own client: a model is told of them, calls one, and continues from its
result."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.generate import Answer
from oneseek.engine.model.template import ChatTemplate
from oneseek.workers.server.endpoints.tool_calls import Tools
from tests.support.hosts import Native, native

# Like the templates of models trained for tools, with a place for the tools.
SOURCE = """{% if tools %}<tools>{% for tool in tools %}{{ tool | tojson }}{% endfor %}</tools>
{% endif %}{% for message in messages %}{{ message.role }}: {{ message.content }}
{% for call in message.tool_calls or [] %}<tool_call>{{ call.function.name }}
{{ call.function.arguments.town }}</tool_call>{% endfor %}{% endfor %}"""
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town now.",
        "parameters": {
            "type": "object",
            "properties": {
                "town": {"type": "string", "maxLength": 12},
                "unit": {"enum": ["celsius", "kelvin"]},
            },
            "required": ["town", "unit"],
        },
    },
}
CLOCK: dict[str, Any] = {"type": "function", "function": {"name": "clock"}}
CALL = '{"name": "weather", "arguments": {"town": "Lund", "unit": "celsius"}}'
ASKED: dict[str, Any] = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "How warm is it in Lund?"}],
    "max_tokens": 120,
    "tools": [WEATHER, CLOCK],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Native]:
    with native(tmp_path_factory.mktemp("server")) as host:
        yield host


@pytest.fixture
def client(server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.base}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def answers(server, monkeypatch) -> Iterator[list]:
    """Let the model answer with these pieces, as one trained for tools would; yields the
    conversations it reads."""
    said: list = []

    async def answer(messages, sampling, key, *rest, on_text, tools=None, **more):
        said.append({"messages": messages, "tools": tools})
        for piece in said[0]["pieces"]:
            on_text(piece)
        text = "".join(said[0]["pieces"])
        return replace(Answer(key, [1], Sampling()), text=text, ended="stop"), 0

    template = ChatTemplate(SOURCE, {})
    monkeypatch.setattr(server.service.assistant.model, "template", template)
    monkeypatch.setattr(server.service, "answer", answer)
    yield said


def test_a_call_that_is_asked_for_is_made_and_fits_its_parameters(client):
    for choice in ("required", {"type": "function", "function": {"name": "weather"}}):
        reply = client.chat.completions.create(**ASKED, tool_choice=choice, temperature=0)
        (chosen,) = reply.choices
        assert chosen.finish_reason == "tool_calls" and chosen.message.content is None
        (call,) = chosen.message.tool_calls
        arguments = json.loads(call.function.arguments)
        assert call.function.name in ("weather", "clock")
        if call.function.name == "weather":
            assert len(arguments["town"]) <= 12 and arguments["unit"] in ("celsius", "kelvin")


def test_a_call_streams_as_a_call(client):
    choice = {"type": "function", "function": {"name": "weather"}}
    asked = {**ASKED, "tool_choice": choice, "stream": True, "temperature": 0}
    deltas = [chunk.choices[0] for chunk in client.chat.completions.create(**asked)]
    assert not any(one.delta.content for one in deltas)
    (call,) = [call for one in deltas for call in one.delta.tool_calls or ()]
    assert call.index == 0 and json.loads(call.function.arguments)["unit"]
    assert deltas[-1].finish_reason == "tool_calls"


def test_a_conversation_goes_on_from_what_a_tool_returned(client):
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        *ASKED["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "21 degrees"},
    ]
    asked = {"model": "tiny", "messages": messages, "max_tokens": 8}
    assert client.chat.completions.create(**asked).choices[0].message.content


def test_a_model_that_was_not_trained_for_tools_does_not_pretend_to_decide(client):
    with pytest.raises(openai.BadRequestError, match="not trained to decide.*Qwen3 0.6B"):
        client.chat.completions.create(**ASKED)
    assert client.chat.completions.create(**ASKED, tool_choice="none").choices[0].message.content


@pytest.mark.parametrize(
    "more, words",
    [
        ({"tool_choice": "weathr"}, "none of the tools"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        (
            {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": 7}}}],
             "tool_choice": "x"},
            "tools:",
        ),
        ({"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{"}}]},
                       {"role": "user", "content": "?"}]}, "tool_calls needs functions"),
    ],
)  # fmt: skip
def test_what_cannot_be_offered_is_refused_in_words(client, more, words):
    with pytest.raises(openai.BadRequestError, match=words):
        client.chat.completions.create(**ASKED | more)


def test_a_model_trained_for_tools_is_told_of_them_and_decides(client, answers):
    answers.append({"pieces": ["Let me ", "look.\n<tool", f"_call>\n{CALL}\n</tool_", "call>"]})
    reply = client.chat.completions.create(**ASKED).choices[0]
    assert reply.message.content == "Let me look." and reply.finish_reason == "tool_calls"
    assert reply.message.tool_calls[0].function.name == "weather"
    assert answers[1]["tools"][0]["function"]["name"] == "weather"
    said, calls = "", []
    for chunk in client.chat.completions.create(**ASKED, stream=True):
        said += chunk.choices[0].delta.content or ""
        calls += chunk.choices[0].delta.tool_calls or []
    assert said == "Let me look.\n" and calls[0].function.name == "weather"
    answers[0]["pieces"] = ["It is ", "warm <", "tool>."]
    reply = client.chat.completions.create(**ASKED).choices[0]
    assert reply.message.content == "It is warm <tool>." and not reply.message.tool_calls
    stream = client.chat.completions.create(**ASKED, stream=True)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert said == "It is warm <tool>."


def test_the_template_of_such_a_model_gets_calls_with_their_arguments(client, server):
    template, messages = ChatTemplate(SOURCE, {}), [
        {"role": "assistant", "content": "",
         "tool_calls": [{"function": {"name": "weather", "arguments": {"town": "Lund"}}}]},
    ]  # fmt: skip
    shown = template.render(messages, tools=[WEATHER])
    assert template.takes_tools and '"description": "The weather' in shown
    assert "<tool_call>weather\nLund</tool_call>" in shown
    assert not server.service.assistant.model.template.takes_tools


def test_a_call_that_such_a_model_has_to_make_is_written_as_it_was_trained(
    client, server, monkeypatch
):
    monkeypatch.setattr(server.service.assistant.model, "template", ChatTemplate(SOURCE, {}))
    asked = {**ASKED, "tool_choice": "required", "parallel_tool_calls": False, "temperature": 0}
    chosen = client.chat.completions.create(**asked).choices[0]
    (call,) = chosen.message.tool_calls
    assert chosen.finish_reason == "tool_calls" and not chosen.message.content
    if call.function.name == "weather":
        assert json.loads(call.function.arguments)["unit"] in ("celsius", "kelvin")


def test_a_call_that_a_model_begins_by_itself_fits_its_parameters(server):
    """Although the likeliest token is always the letter x."""
    tokenizer = server.service.assistant.model.tokenizer
    tools = Tools([WEATHER], "auto", ChatTemplate(SOURCE, {}))
    form, ids = tools.form(tools.grammar(), tokenizer), []
    letter, end = tokenizer.encode("x")[-1], min(tokenizer.eos_ids)
    for id in tokenizer.encode("I look. <tool_call>"):
        ids.append(form.choose([(id, -0.1), (letter, -3.0)], Sampling(), ids, 200 - len(ids)))
    while not tokenizer.decode(ids).endswith("</tool_call>"):
        best = [(letter, -0.1), *((id, -9.0) for id in tokenizer.encode('{"weather: kc')[:60])]
        ids.append(form.choose(best, Sampling(), ids, 200 - len(ids)))
    assert form.choose([(end, -0.1)], Sampling(), ids, 100) == end  # the end is free again
    words, (call,) = tools.find(tokenizer.decode(ids))
    arguments = json.loads(call["function"]["arguments"])
    assert words == "I look." and call["function"]["name"] == "weather"
    assert len(arguments["town"]) <= 12 and arguments["unit"] in ("celsius", "kelvin")


@given(st.text(), st.lists(st.sampled_from([CALL, "<tool_call>", "</tool_call>", "{", "<", " "])))
def test_words_that_were_sent_are_never_taken_back(before, parts):
    tools = Tools([WEATHER], "auto", ChatTemplate(SOURCE, {}))
    answer = before + "".join(parts)
    words, calls = tools.find(answer)
    for end in range(len(answer) + 1):
        sure = answer[: tools.count_words(answer[:end])]
        assert (words if calls else answer.strip()).startswith(sure.strip()) or not sure.strip()
