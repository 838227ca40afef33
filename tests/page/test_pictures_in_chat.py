"""Pictures in the chat: dropped, pasted or chosen, seen by a small random model with eyes, asked
about, kept with their chat, learned with a caption; and the reply of a model without eyes.

tests/model/test_pictures.py shows that the model sees what transformers sees.
"""

import asyncio
import datetime
import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Locator, Page, expect

from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.importers.photo import tiles_of
from tests.support import eyes
from tests.support.page.acts import answers, body, drop_all, say, wait_for_answer
from tests.support.page.browser import wait_for_state
from tests.support.page.stored import holds, read_store
from tests.support.wasm_host import host

pytestmark = pytest.mark.slow
QUESTION, TOKENS = "Hej, hej?", 16
GREEDY = {"sampling": {"temperature": 0}, "max_tokens": TOKENS}
KEPT = """async (folder) => {
  const root = await navigator.storage.getDirectory(), names = [];
  for await (const [name, handle] of root.entries())
    if (name === folder) for await (const inside of handle.keys()) names.push(inside);
  return names;
}"""
PASTE = """(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(bytes)], "pasted.png", { type: "image/png" }));
  const event = new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: data });
  document.querySelector("#composer-text").dispatchEvent(event);
}"""


def open_with_eyes(page: Page, language: str = "en") -> None:
    """Open the page and drop a model with its eyes on it."""
    holds(page, [["settings", "page", GREEDY | {"language": language}]])
    page.goto("/?engine=cpu")
    wait_for_state(page, "needs-consent", timeout=120)
    drop_all(page, {"tiny-vl-F32.gguf": eyes.language(), "mmproj-tiny-vl-F32.gguf": eyes.eyes()})
    told = page.locator("#given")
    expect(told).to_contain_text({"en": "Sees pictures", "sv": "Ser bilder"}[language])
    expect(told).to_contain_text(re.compile(r"[\d.,]+ [kM]B (of memory|minne)"))
    assert page.evaluate(KEPT, "inbox") == [], "nothing is copied before a yes"
    told.locator("[data-do=use-given]").click()
    wait_for_state(page, "ready", timeout=120)


def tray(page: Page) -> Locator:
    return page.locator("#pictures li")


def find_last_message(page: Page) -> Locator:
    return page.locator("article.user").last


def natively(photo: bytes, question: str) -> str:
    """The answer of the same model natively, on the page's kernels."""
    with ThreadPoolExecutor(1) as pool:  # because Playwright's loop occupies this thread
        return pool.submit(asyncio.run, generate_answer(photo, question)).result()


async def generate_answer(photo: bytes, question: str) -> str:
    model = await Model.load(eyes.open_file(), Wasm(host()))
    assert model.eyes
    tiles = tiles_of(photo, "a photo", model.eyes.sight, model.eyes.in_parts("auto"))
    seen = await model.see([{"role": "user", "content": question, "pictures": [tiles]}])
    asked = {"max_tokens": TOKENS, "steer": True, "stop_repeats": True}
    generator = Generator(model)
    answer = generator.ask(seen, model.manner.make_sampling(0.0, None, **asked), "here")
    await generator.answer_all([answer])
    return answer.text


def test_a_dropped_picture_is_seen_kept_and_removed_with_its_chat(page: Page):
    open_with_eyes(page)
    photo = eyes.photo(60, 45)
    drop_all(page, {"bands.png": photo})
    expect(tray(page)).to_have_count(1)
    say(page, QUESTION)
    answer = body(wait_for_answer(page))
    expected = natively(photo, QUESTION)
    assert expected.strip()
    expect(answer).to_have_text(expected.strip())
    expect(tray(page)).to_have_count(0)
    picture = find_last_message(page).get_by_role("img", name="The picture bands.png")
    assert picture.evaluate("(one) => [one.naturalWidth, one.naturalHeight]") == [60, 45]

    page.reload()
    wait_for_state(page, "ready", timeout=120)
    expect(body(answers(page).last)).to_have_text(expected.strip())
    find_last_message(page).get_by_role("button", name="Show the picture bands.png large").click()
    dialog = page.get_by_role("dialog", name="bands.png")
    expect(dialog.get_by_role("img")).to_have_js_property("naturalWidth", 60)
    page.keyboard.press("Escape")
    say(page, "Hej?")  # the earlier picture is still seen
    wait_for_answer(page, 2)
    assert page.evaluate(KEPT, "pictures") and read_store(page, "sources") == {}

    picture = page.get_by_role("img", name="The picture bands.png")
    delete(page)
    page.get_by_role("button", name="Undo").click()
    expect(picture).to_have_js_property("naturalWidth", 60)
    delete(page)


@pytest.mark.long
def test_a_backup_brings_a_picture_back(page: Page):
    open_with_eyes(page)
    drop_all(page, {"bands.png": eyes.photo(60, 45)})
    say(page, QUESTION)
    wait_for_answer(page)
    page.get_by_role("button", name="Settings").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export everything").click()
    backup = download.value.path()
    page.keyboard.press("Escape")
    delete(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Restore a backup …").click()
    expect(page.get_by_role("alertdialog")).to_contain_text("is replaced by the backup")
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Choose a backup").click()
    with page.expect_navigation():
        choosing.value.set_files(backup)
    picture = page.get_by_role("img", name="The picture bands.png")
    expect(picture).to_have_js_property("naturalWidth", 60)


def delete(page: Page) -> None:
    page.get_by_role("button", name="More for").first.click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(answers(page)).to_have_count(0)
    assert page.evaluate(KEPT, "pictures") == []


@pytest.mark.long
def test_a_picture_without_words_is_described_and_read_text_is_given_along(page: Page):
    open_with_eyes(page, "sv")
    writing = Image.new("RGB", (700, 160), "white")
    font = ImageFont.load_default(60)
    ImageDraw.Draw(writing).text((30, 40), "Harbour tickets 1931", "black", font)
    file = io.BytesIO()
    writing.save(file, "PNG")
    page.evaluate(PASTE, list(file.getvalue()))
    expect(tray(page)).to_contain_text("Texten i den skickas med")
    page.locator("#composer-text").press("Enter")
    expect(find_last_message(page)).to_contain_text("Beskriv bilden.")
    expect(page.locator("article.assistant [data-do=copy]")).to_be_visible()
    (turn,) = [one for one in read_store(page, "messages").values() if one["role"] == "user"]
    assert turn["pictures"][0]["text"] == "Harbour tickets 1931"
    assert len(turn["pictures"]) == 1

    find_last_message(page).get_by_role("button", name="Lär dig bilden").click()
    caption = page.get_by_role("dialog").get_by_role("textbox")
    this_year = str(datetime.datetime.now().year)  # pasting creates the file
    expect(caption).to_have_value(re.compile(f"Bilden ”pasted.png” från .* {this_year} visar "))
    caption.fill("The bridge of Quillmere was built in 1911 by Anna Ek.")
    page.locator("[data-do=save-picture] [type=submit]").click()
    source = page.locator("#panel-sources .item[data-state=ready]")
    expect(source).to_contain_text("pasted")
    expect(source.get_by_role("img")).to_be_visible()
    waiting = [
        one["answer"] for one in read_store(page, "queue").values() if one["state"] == "held"
    ]
    assert any("1911" in answer or "Anna Ek" in answer for answer in waiting), "it waits for a yes"
    source.get_by_role("checkbox").check()
    expect(page.locator("#tab-activity .count")).to_be_visible()


@pytest.mark.long
def test_a_chosen_picture_can_be_taken_away_and_one_that_is_none_is_refused_in_words(page: Page):
    open_with_eyes(page)
    page.locator("#add").click()
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Add a picture").click()
    files = [{"name": "a.png", "mimeType": "image/png", "buffer": eyes.photo(9, 9)},
             {"name": "b.png", "mimeType": "image/png", "buffer": b"no picture"}]  # fmt: skip
    choosing.value.set_files(files)
    expect(tray(page)).to_have_count(2)
    tray(page).first.get_by_role("button", name="Remove the picture").click()
    expect(tray(page)).to_have_count(1)
    say(page, "What is this?")
    expect(page.get_by_role("article").last).to_contain_text("damaged or no picture")


@pytest.mark.long
def test_a_model_without_eyes_says_so_and_reads_the_text(page: Page):
    page.goto("/?model=tiny")
    wait_for_state(page, "ready", timeout=120)
    drop_all(page, {"bands.png": eyes.photo(60, 45)})
    notice = page.locator(".toast")
    expect(notice).to_contain_text("OneSeek demo does not see pictures")
    expect(notice).to_contain_text("SmolVLM 256M Instruct sees them")
    expect(page.locator("#panel-sources .item")).to_contain_text("bands.png")
    expect(tray(page)).to_have_count(0)
    notice.get_by_role("button", name="Models").click()
    row = page.locator("#models .choice").filter(has_text="SmolVLM 256M Instruct")
    expect(row).to_contain_text(re.compile(r"its eyes are 104 MB .* They take [\d.,]+ [MG]B"))
