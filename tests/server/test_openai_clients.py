"""OpenAI's official clients, unchanged, must work with the server."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openai
import pydantic
import pytest

from builder import fetch, wheels
from oneseek.workers.server.guard import LIMIT
from tests.support.hosts import Native, native

SCRIPT = Path(__file__).parents[1] / "support/openai_client.mjs"
HELLO = [{"role": "user", "content": "Hello!"}]
GREEDY: dict[str, Any] = {"model": "tiny", "messages": HELLO, "max_tokens": 8, "temperature": 0}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Native]:
    with native(tmp_path_factory.mktemp("server"), key="secret") as host:
        yield host


@pytest.fixture(scope="module")
def client(server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.base}/v1", api_key="secret", max_retries=0) as client:
        yield client


def test_the_python_client_lists_answers_streams_and_counts(client):
    assert [model.id for model in client.models.list()][:2] == ["tiny", "tiny:v0"]
    assert client.models.retrieve("tiny:v0").owned_by == "oneseek"
    whole = client.chat.completions.create(**GREEDY)
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    text, usage = "", None
    asked = GREEDY | {"stream": True, "stream_options": {"include_usage": True}}
    with client.chat.completions.create(**asked) as stream:
        for chunk in stream:
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            usage = chunk.usage or usage
    assert text == whole.choices[0].message.content and usage == whole.usage


def test_the_python_client_gives_seed_stop_and_logprobs_their_meaning(client):
    drawn = GREEDY | {"temperature": 1.2, "seed": 5}
    first, again = (client.chat.completions.create(**drawn) for _ in range(2))
    assert first.choices[0].message.content == again.choices[0].message.content
    said = first.choices[0].message.content
    letter = next(one for one in said if one.strip())
    stopped = client.chat.completions.create(**drawn, stop=letter).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == (said.partition(letter)[0], "stop")
    asked = GREEDY | {"logprobs": True, "top_logprobs": 3}
    entries = client.chat.completions.create(**asked).choices[0].logprobs.content
    assert entries and all(len(entry.top_logprobs) == 3 for entry in entries)
    whole = client.chat.completions.create(**GREEDY).choices[0].message.content
    with client.chat.completions.stream(**GREEDY) as stream:
        assert "".join(e.delta for e in stream if e.type == "content.delta") == whole


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"n": 2}, "n is not supported: a request gets one answer"),
        ({"logit_bias": {"5": 10}}, "logit_bias is not supported"),
        ({"top_logprobs": 2}, "needs logprobs"),
        ({"tool_choice": "required"}, "no tools"),
        ({"frequency_penalty": 3}, "from -2 to 2"),
        ({"web_search_options": {}}, "nothing leaves this device"),
        ({"reasoning_effort": "high"}, "reasoning_effort is not supported"),
        ({"extra_body": {"functions": [{"name": "f"}]}}, "use tools instead"),
    ],
)
def test_what_is_not_heeded_is_refused_in_words(client, more, words):
    with pytest.raises(openai.BadRequestError, match=words):
        client.chat.completions.create(**GREEDY | more)


def test_what_changes_nothing_is_taken(client):
    plain = client.chat.completions.create(**GREEDY).choices[0].message
    more: dict[str, Any] = {"n": 1, "logit_bias": {}, "reasoning_effort": "none", "store": False}
    more |= {"presence_penalty": 0, "frequency_penalty": 0.0, "extra_body": {"top_k": 4, "x": {}}}
    assert client.chat.completions.create(**GREEDY | more).choices[0].message == plain


def test_the_python_client_gets_what_its_schema_says(client):
    class Town(pydantic.BaseModel):
        name: str = pydantic.Field(max_length=20)
        people: int
        kind: Literal["small", "large"]
        twin: str | None

    asked = {**GREEDY, "max_tokens": 80}
    town = client.chat.completions.parse(**asked, response_format=Town).choices[0].message.parsed
    assert isinstance(town, Town)
    any_object = {"type": "json_object"}
    said = client.chat.completions.create(**asked, response_format=any_object).choices[0]
    assert isinstance(json.loads(said.message.content), dict) and said.finish_reason == "stop"
    for schema, words in (({"pattern": "a"}, "'pattern' is not supported"), (None, "needs a")):
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        with pytest.raises(openai.BadRequestError, match=words):
            client.chat.completions.create(**asked, response_format=form)


def test_the_python_client_gets_embeddings_that_are_near_for_what_means_the_same(client):
    texts = ["My boat is called Saltkråkan.", "Min båt heter Saltkråkan.", "Water boils at 100."]
    found = client.embeddings.create(model="any", input=texts)
    boat, same, other = (np.array(one.embedding) for one in found.data)
    assert np.isclose(np.linalg.norm(boat), 1, atol=1e-5) and boat @ same > boat @ other
    plain = client.embeddings.create(model="any", input=texts[0], encoding_format="float")
    assert np.allclose(plain.data[0].embedding, boat, atol=1e-3)
    assert found.usage.total_tokens > plain.usage.total_tokens > 0
    with pytest.raises(openai.BadRequestError, match="input must be a text"):
        client.embeddings.create(model="any", input=[[1, 2]])


def test_the_python_client_raises_its_own_errors(client, server):
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(**GREEDY | {"model": "gpt-9"})
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="from 0 to 2"):
        client.chat.completions.create(**GREEDY | {"temperature": 9})
    with pytest.raises(openai.BadRequestError, match="Shorten it") as long:
        words = [{"role": "user", "content": "word " * 20_000}]
        client.chat.completions.create(**GREEDY | {"messages": words})
    assert long.value.code == "context_length_exceeded"
    address = f"{server.base}/v1"
    with openai.OpenAI(base_url=address, api_key="wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
    with openai.OpenAI(base_url=f"{server.base}/api", api_key="secret", max_retries=0) as other:
        with pytest.raises(openai.RateLimitError) as often:
            for _ in range(LIMIT + 1):
                with pytest.raises(openai.BadRequestError):
                    other.post("/training/micro", body={"question": ""}, cast_to=object)
    assert int(often.value.response.headers["retry-after"]) > 0


def test_many_python_clients_at_once_hear_what_one_alone_would(client, server):
    alone = client.chat.completions.create(**GREEDY).choices[0].message.content

    async def ask(many: openai.AsyncOpenAI) -> str:
        return (await many.chat.completions.create(**GREEDY)).choices[0].message.content

    async def together() -> list[str]:
        address = f"{server.base}/v1"
        async with openai.AsyncOpenAI(base_url=address, api_key="secret") as many:
            return await asyncio.gather(*(ask(many) for _ in range(24)))

    assert set(asyncio.run(together())) == {alone}


@pytest.mark.slow
def test_the_javascript_client_does_all_of_it_too(client, server, tmp_path):
    folder = tmp_path / "node_modules" / "openai"
    for name, data in wheels.unpack(fetch.part("npm/openai"), ".").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    command = ["node", str(SCRIPT), str(folder), f"{server.base}/v1", "secret"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    whole = client.chat.completions.create(**GREEDY)
    assert seen["models"][:2] == ["tiny", "tiny:v0"]
    assert seen["whole"]["choices"][0]["message"]["content"] == whole.choices[0].message.content
    assert seen["streamed"]["text"] == whole.choices[0].message.content
    assert seen["streamed"]["usage"] == whole.usage.model_dump(exclude_none=True)
    assert seen["drawn"][0] == seen["drawn"][1]
    assert all(len(entry["top_logprobs"]) == 3 for entry in seen["logprobs"])
    assert seen["left"] is True
    kinds = {"notFound": "NotFoundError", "badRequest": "BadRequestError"}
    kinds["noKey"] = "AuthenticationError"
    assert {name: seen[name]["kind"] for name in kinds} == kinds
    assert seen["notFound"]["code"] == "model_not_found"
