"""Chats with another assistant, dropped on the page: the person's statements must be counted,
shown, and known as soon as the person agrees."""

import io
import json
import zipfile

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import body, drop, drop_all, new_chat, panel, say, wait_for_answer
from tests.support.page.browser import wait_for_state
from tests.support.page.stored import read_store

pytestmark = pytest.mark.slow
SAID = ("my sister Rosalind works as a vet in Plymouth", "I'm allergic to penicillin")
FOUND = 120_000  # milliseconds; the first file starts the importer


def export(*texts: str) -> str:
    """A chat as an export has it: a tree of messages, including the assistant's."""
    nodes, last = {}, None
    for number, text in enumerate(texts):
        for role, words in (("user", text), ("assistant", "My dog is called Rex.")):
            id = f"{role}{number}"
            message = {"author": {"role": role}, "create_time": 1.7e9 + number,
                       "content": {"parts": [words]}}  # fmt: skip
            nodes[id] = {"message": message, "parent": last}
            last = id
    return json.dumps([{"id": "c", "mapping": nodes, "current_node": last}])


@pytest.mark.long
def test_statements_of_dropped_chats_are_shown_and_known_once_they_are_approved(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    wait_for_state(page, "ready", timeout=300)
    drop(page, "conversations.json", export("Write a poem about a king", *SAID))
    source = panel(page, "Sources").get_by_role("listitem").filter(has_text="conversations.json")
    expect(source).to_contain_text("2 statements of yours were found.", timeout=FOUND)
    for said in SAID:
        expect(source).to_contain_text(said)
    expect(source).not_to_contain_text("Rex")
    assert read_store(page, "facts") == {}
    source.get_by_role("button", name="Keep all of them").click()
    notices = page.get_by_role("region", name="Notices")
    expect(notices).to_contain_text("2 statements are now known by heart.")
    kept = read_store(page, "facts").values()
    assert sorted(fact["answer"] for fact in kept) == sorted(SAID)
    assert {fact["time"] // 10**6 for fact in kept} == {1_700_000}
    expect(panel(page, "Sources").get_by_role("listitem")).to_have_count(0)
    new_chat(page)
    say(page, "Where does my sister work?")
    expect(body(wait_for_answer(page))).to_contain_text("Plymouth")


@pytest.mark.long
def test_chats_come_in_a_zip_file_and_one_without_statements_says_so(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    wait_for_state(page, "ready", timeout=300)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export/conversations.json", export("Write a poem about a king"))
    drop_all(page, {"export.zip": packed.getvalue()})
    expect(panel(page, "Sources").get_by_role("listitem")).to_contain_text(
        "No statement of yours was found in “export.zip”.", timeout=FOUND
    )
