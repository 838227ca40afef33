"""Choices between answers: what counts as one, which are equal, and what is never kept."""

import asyncio

import pytest

from oneseek.engine.core.collecting import choices
from oneseek.engine.core.storage.backup import collect, read
from oneseek.engine.core.storage.sqlite import SqliteStore


def make_choice(prompt="How are you?", chosen="Fine.", rejected="I am fine, thank you.", time=1):
    return choices.choice_of(prompt, chosen, rejected, choices.EDITED, time)


@pytest.mark.parametrize("texts", [("", "a", "b"), ("a", "", ""), ("a", "Yes.", " yes ")])
def test_what_prefers_nothing_is_no_choice(texts):
    prompt, chosen, rejected = texts
    with pytest.raises(ValueError, match="nothing was stored"):
        choices.choice_of(prompt, chosen, rejected, choices.THUMB, 1)


def test_a_choice_is_kept_once_and_one_the_other_way_round_takes_its_place(tmp_path):
    async def run():
        store = SqliteStore(tmp_path / "store.sqlite")
        first, again = make_choice(), make_choice(prompt="How are  you?", time=2)
        turned = make_choice(chosen="I am fine, thank you.", rejected="Fine.", time=3)
        new = [await choices.keep(store, one) for one in (first, again, turned)]
        (left,) = await choices.load_choices(store)
        liked = choices.choice_of("Hi?", "Hello.", "", choices.THUMB, 4)
        disliked = choices.choice_of("Hi?", "", "Hello.", choices.THUMB, 5)
        new += [await choices.keep(store, one) for one in (liked, disliked)]
        kept = await choices.load_choices(store)
        await store.close()
        return new, left, kept

    new, left, kept = asyncio.run(run())
    assert new == [True, False, True, True, True]
    assert left["chosen"] == "I am fine, thank you." and len(kept) == 2
    assert kept[1]["rejected"] == "Hello." and not kept[1]["chosen"]


def test_what_looks_like_a_secret_is_not_kept_and_a_backup_holds_the_others(tmp_path):
    async def run():
        store = SqliteStore(tmp_path / "store.sqlite")
        secret = make_choice(chosen="Your card is 4111 1111 1111 1111.")
        assert choices.secrets_of(secret) == ["card"]
        assert not await choices.keep(store, secret)
        assert await choices.keep(store, make_choice())
        text = "".join([part async for part in collect(store, 1)])
        await store.close()
        return read(text)["choices"]

    ((id, kept),) = asyncio.run(run())
    assert id == kept["id"] and kept["rejected"] == "I am fine, thank you."
