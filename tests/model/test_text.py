"""Text to tokens and back must be exact, safe and never split a character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.model.formats import BytesSource, open_model
from oneseek.engine.model.tokenizer import GUARD, Tokenizer
from tests.support import tiny

pytestmark = pytest.mark.in_worker


def repair_surrogates(text):
    """The text with surrogate pairs joined, and lone halves replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@pytest.fixture(scope="module")
def tokenizer():
    """A tokenizer without normalisation, so that every text comes back unchanged."""
    data = tiny.gguf(tokenizer__ggml__pre="smollm")
    return Tokenizer(open_model(BytesSource(data, "tiny.gguf")).tokenizer_data)


@given(st.text())
def test_every_text_comes_back_exactly(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text.replace(GUARD, "")


@given(st.text(alphabet=st.characters(categories=["Cs", "Ll", "So"])))
def test_broken_surrogates_become_replacement_characters(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == repair_surrogates(text).replace(GUARD, "")


@given(st.lists(st.integers(-1, 800)))
def test_a_stream_says_what_decode_says_and_never_half_a_character(tokenizer, ids):
    stream = tokenizer.stream()
    parts = [stream.push(id) for id in ids]
    assert "".join([*parts, stream.end()]) == tokenizer.decode(ids)


def test_a_stream_holds_a_character_back_until_it_is_whole(tokenizer):
    text = "å 👩‍👩‍👧 漢字"
    stream, shown = tokenizer.stream(), ""
    for id in tokenizer.encode(text):
        shown += stream.push(id)
        assert text.startswith(shown) and "\ufffd" not in shown
    assert shown + stream.end() == text
    stream = tokenizer.stream()
    first = tokenizer.encode("漢")[0]
    assert (stream.push(first), stream.end()) == ("", "\ufffd")


@pytest.mark.parametrize("unit", ["a", "ab", " ", "\n", "å", "1", "."])
def test_one_endless_word_takes_no_endless_time(tokenizer, unit):
    assert tokenizer.decode(tokenizer.encode(unit * 50_000)) == unit * 50_000
