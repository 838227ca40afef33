"""The models offered on four made-up devices, to readers of Swedish and to others."""

import re

import pytest

from oneseek.engine.core import offer
from oneseek.engine.model import registry
from tests.support.offered import DEVICES, fits, fits_on

ROWS = [row for id, row in registry.load_models().items() if id != "tiny"]
HERE = {"smollm2-135m"}
QWEN = ["qwen3-1.7b-q4", "qwen2.5-1.5b", "smollm2-135m"]
PROPOSED = {
    ("phone", "sv"): ["qwen3-0.6b-q4", "smollm2-135m"],
    ("phone", "en"): ["qwen3-0.6b-q4", "qwen2.5-0.5b", "smollm2-135m"],
    ("laptop", "sv"): QWEN,
    ("laptop", "en"): QWEN,
    ("desktop", "sv"): QWEN,
    ("desktop", "en"): QWEN,
    ("old", "sv"): ["qwen3-0.6b-q4", "smollm2-135m"],
    ("old", "en"): ["qwen2.5-0.5b", "smolvlm-500m", "smollm2-135m"],
}


def list_offers(name, *languages, **changes):
    device = DEVICES[name] | changes
    return offer.offers(ROWS, fits_on(name), list(languages), device["pace"], HERE)


@pytest.mark.parametrize(("device", "language"), PROPOSED)
def test_the_language_comes_first_and_what_is_here_is_always_there(device, language):
    ids = [one["id"] for one in list_offers(device, language, "en")]
    assert ids == PROPOSED[device, language]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("language", ["sv", "en", "de"])
def test_no_offer_is_too_large_for_the_device(device, language):
    for one in list_offers(device, language):
        assert one["takes"]["chats"] and one["takes"]["chat_bytes"] <= one["takes"]["room"]
        way = fits_on(device)[one["id"]]
        assert one["takes"] == (way["packed"] if one["packed"] else way)
        if one["packed"]:  # unpacked it cannot learn, or not even answer
            assert not way["learns"]


def test_a_model_is_offered_packed_where_only_that_fits():
    """On a phone with 2.2 GB only the packed model fits."""
    way = fits("cpu", 2.2)["qwen3-0.6b"]
    one = offer.offer(registry.load_models()["qwen3-0.6b"], way, ["sv", "en"], {})
    assert one["packed"] and one["takes"]["bytes"] == 440_819_712
    assert one["reads"] == [("sv", "partly", 45.63), ("en", "partly", 52.3)]


def test_what_is_too_slow_here_comes_after_what_is_not():
    slow = {"answer": 1.2e10, "lesson": 1e8}  # 2 tokens a second for 1.5 thousand million weights
    ids = [one["id"] for one in list_offers("laptop", "sv", pace=slow)]
    assert ids[:2] == ["qwen3-0.6b-q4", "qwen3-1.7b-q4"]


def test_what_speaks_the_language_slowly_comes_before_what_does_not_and_nobody_waits_for_ever():
    """Qwen3 0.6B makes 1.7 tokens a second here, Qwen3 1.7B only 0.6."""
    ids = [one["id"] for one in list_offers("old", "sv")]
    assert ids[0] == "qwen3-0.6b-q4" and "qwen3-1.7b-q4" not in ids


@pytest.mark.parametrize("device", DEVICES)
def test_of_a_model_in_several_files_one_is_proposed(device):
    pages = {row["id"]: row["page"] for row in ROWS}
    found = [pages[one["id"]] for one in list_offers(device, "sv", "en")]
    assert len(found) == len(set(found))


def test_speed_is_scaled_by_size_and_not_told_where_nothing_was_measured():
    one, other = registry.load_models()["smollm2-135m"], registry.load_models()["qwen2.5-1.5b"]
    pace, more = DEVICES["laptop"]["pace"], other["parameters"] / one["parameters"]
    (tokens, lesson), (slower, longer) = offer.speed(one, pace), offer.speed(other, pace)
    assert tokens / slower == pytest.approx(more) == longer / lesson
    assert offer.speed(one, {}) is None
    assert all(found["speed"] is None for found in list_offers("phone", "sv", pace={}))


def test_a_word_for_a_language_rests_on_points_or_on_the_makers_and_each_has_an_address():
    addresses = registry.load_reading()["addresses"]
    for row in ROWS:
        for language in ("sv", "en", "de"):
            word, points = offer.rate_reading(row, language)
            if points is None:
                assert word == ("named" if language in row["languages"] else "unnamed")
                assert re.match(r"https://huggingface\.co/[\w.-]+/[\w.-]+$", row["page"])
            else:
                assert addresses[language].startswith("https://euroeval.com/leaderboards/")
    assert offer.rate_reading(registry.load_models()["qwen2.5-1.5b"], "sv") == ("well", 67.94)
    assert offer.rate_reading(registry.load_models()["smollm2-135m"], "sv") == ("poorly", 3.06)
