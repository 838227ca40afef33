"""Photos through OpenAI's own client: a model with eyes must answer about them, one without must
say why it cannot."""

import base64
from collections.abc import Iterator

import openai
import pytest

from tests.support import eyes
from tests.support.hosts import Native, headless, native

QUESTION = "What is in the picture?"


@pytest.fixture(scope="module")
def seeing(tmp_path_factory) -> Iterator[Native]:
    """`oneseek headless` with a model's file and the file of its eyes beside it."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "tiny-vl-Q8_0.gguf").write_bytes(eyes.language())
    (folder / "mmproj-tiny-vl-f16.gguf").write_bytes(eyes.eyes())
    model = str(folder / "tiny-vl-Q8_0.gguf")
    with headless(tmp_path_factory.mktemp("server"), {}, "--model", model) as host:
        yield host


@pytest.fixture(scope="module")
def blind(tmp_path_factory) -> Iterator[Native]:
    with native(tmp_path_factory.mktemp("blind")) as host:
        yield host


def address(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def about(url: str, words: str = QUESTION, **more) -> dict:
    parts: list = [{"type": "text", "text": words}] if words else []
    parts.append({"type": "image_url", "image_url": {"url": url, **more}})
    asked = {"model": "tiny-vl-Q8_0", "messages": [{"role": "user", "content": parts}]}
    return asked | {"max_tokens": 6, "temperature": 0}


def client(host: Native) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{host.base}/v1", api_key="none", max_retries=0)


def test_a_photo_is_answered_and_takes_the_place_of_its_tiles(seeing):
    with client(seeing) as asking:
        whole = asking.chat.completions.create(**about(address(eyes.photo(60, 45)), detail="low"))
        parts = asking.chat.completions.create(**about(address(eyes.photo(60, 45)), detail="high"))
        auto = asking.chat.completions.create(**about(address(eyes.photo(60, 45))))
    states = eyes.TOWER.states
    assert whole.choices[0].message.content is not None
    # four more tiles, each with its mark and its position; a line break after every two tiles
    assert parts.usage.prompt_tokens - whole.usage.prompt_tokens == 4 * (states + 2) + 2
    assert auto.usage == whole.usage, "numpy computes, and takes long for the parts"
    assert parts.choices[0].finish_reason in ("stop", "length")


def test_another_photo_gets_another_answer(seeing):
    answers = []
    with client(seeing) as asking:
        for width, height in ((60, 45), (61, 40), (60, 45)):
            asked = about(address(eyes.photo(width, height, "JPEG"), "jpeg"))
            reply = asking.chat.completions.create(**asked, logprobs=True, top_logprobs=3)
            answers.append([one.logprob for one in reply.choices[0].logprobs.content])
    assert answers[0] == pytest.approx(answers[2], abs=1e-4) and answers[0][0] != answers[1][0]


def test_a_photo_alone_and_one_told_of_later_stay_in_the_conversation(seeing):
    asked = about(address(eyes.photo(60, 45)), words="")
    with client(seeing) as asking:
        first = asking.chat.completions.create(**asked)
        asked["messages"] += [
            {"role": "assistant", "content": first.choices[0].message.content or "nothing"},
            {"role": "user", "content": QUESTION},
        ]
        second = asking.chat.completions.create(**asked)
        pieces = list(asking.chat.completions.create(**asked, stream=True))
    assert second.usage.prompt_tokens > first.usage.prompt_tokens
    said = "".join(one.choices[0].delta.content or "" for one in pieces if one.choices)
    assert said == second.choices[0].message.content


@pytest.mark.parametrize(
    "url, words",
    [
        ("https://example.org/cat.png", "nothing is downloaded"),
        ("file:///etc/passwd", "nothing is downloaded"),
        ("data:text/html;base64,aGVq", "must be a data URL"),
        ("data:image/png;base64,%%%", "not valid base64"),
        (address(b"no picture"), "damaged or no picture"),
        (address(b""), "empty"),
    ],
)
def test_what_is_no_picture_here_is_refused_in_words(seeing, url, words):
    with client(seeing) as asking, pytest.raises(openai.BadRequestError, match=words):
        asking.chat.completions.create(**about(url))


def test_an_unknown_detail_and_too_many_pictures_are_refused(seeing):
    photo = address(eyes.photo(9, 9))
    with client(seeing) as asking:
        with pytest.raises(openai.BadRequestError, match="auto, low, high"):
            asking.chat.completions.create(**about(photo, detail="huge"))
        asked = about(photo)
        asked["messages"] = asked["messages"] * 17
        with pytest.raises(openai.BadRequestError, match="17 pictures"):
            asking.chat.completions.create(**asked)


def test_a_model_without_eyes_says_so_and_answers_what_has_no_picture(blind):
    with client(blind) as asking:
        asked = about(address(eyes.photo(60, 45))) | {"model": "tiny"}
        with pytest.raises(openai.BadRequestError, match="cannot see pictures"):
            asking.chat.completions.create(**asked)
        asked["messages"] = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
        assert asking.chat.completions.create(**asked).choices


def test_photos_may_be_large_and_words_may_not(blind):
    body = {"model": "tiny", "messages": [{"role": "user", "content": "a" * (1 << 20)}]}
    body["messages"].append({"role": "user", "content": "a"})
    assert blind.ask("POST", "/v1/chat/completions", body).status == 413
    answer = blind.ask("POST", "/v1/chat/completions", b" " * (17 << 20))
    assert answer.status == 413
