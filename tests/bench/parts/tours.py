"""The tours of the page that `shots` takes pictures of: a person's actions, state by state.

They act on the real page with the demo model, and do only what a person could do.
"""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from oneseek.engine.model.demo import MODEL
from tests.bench.parts.visit import SECONDS, Visit
from tests.support import tiny
from tests.support.page import acts
from tests.support.page.browser import wait_for_state

PHRASE = "four unrelated words here"
UNBRIDLED = {
    "stop_loss": "0", "taught_rows": "6", "replay_rows": "0", "anchor_rows": "0", "neighbour_rows": "0",
    "replay_neighbour_rows": "0", "kl_weight": "0", "max_steps": "64",
}  # fmt: skip
"""Settings without any regularisation: a lesson of nonsense with them is refused by the gate."""

# ---------------------------------------------------------------------------- the first minute


def models(visit: Visit) -> None:
    visit.press("consent.other")
    expect(visit.page.locator("dialog .choice").first).to_be_visible()


def start_download(visit: Visit) -> None:
    """Start the download and hold it, so that it can be pictured."""
    visit.leave()
    visit.page.context.route(re.compile(r"/models-[^/]+/.*gguf"), lambda route: None)
    visit.page.locator('#consent [data-do="download"]').first.click()
    wait_for_state(visit.page, "downloading", timeout=60)


def pause_download(visit: Visit) -> None:
    visit.press("download.pause")
    expect(visit.page.get_by_role("button", name=visit.t("download.resume"))).to_be_visible()


def demo(visit: Visit) -> None:
    visit.page.context.unroute_all()
    visit.page.goto("/?model=tiny")
    wait_for_state(visit.page, "ready", timeout=120)


# ------------------------------------------------------------------------------------- the chat


def open_correction(visit: Visit) -> None:
    visit.press("chat.teach")


def say_fact(visit: Visit) -> None:
    visit.press("cancel")
    visit.say(visit.said["fact"])
    line = visit.page.locator("article.user .told").last
    expect(line).to_contain_text(visit.t("note.remembered"), timeout=60_000)


def ask_fact(visit: Visit) -> None:
    visit.page.keyboard.press("Control+Shift+o")
    visit.say(visit.said["asked"])


def why(visit: Visit) -> None:
    visit.page.locator("details.because summary").last.click()


def secret(visit: Visit) -> None:
    visit.say(visit.said["secret"])
    visit.page.wait_for_timeout(1500)


def too_long(visit: Visit) -> None:
    visit.chat()
    visit.page.locator("#composer-text").fill("The lighthouse stood on the rock. " * 900)
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#too-long")).to_be_visible(timeout=60_000)


def list_of_chats(visit: Visit) -> None:
    visit.page.locator("#composer-text").fill("")
    if visit.page.locator("#nav-toggle").is_visible():
        visit.page.locator("#nav-toggle").click()
    visit.page.locator('[data-do="chat-menu"]').first.click()


def private(visit: Visit) -> None:
    visit.page.get_by_role("menuitem", name=visit.t("nav.learn_nothing")).click()
    visit.page.keyboard.press("Escape")


def no_match(visit: Visit) -> None:
    if visit.page.locator("#nav-toggle").is_visible():
        visit.page.locator("#nav-toggle").click()
    visit.page.locator("#chat-search").fill("zzz")


def over(visit: Visit) -> None:
    visit.press("clear")
    visit.page.keyboard.press("Escape")
    visit.chat()


# ---------------------------------------------------------------------------------- learning


def tell(visit: Visit, fact: str = "taught") -> None:
    visit.press("memory.tell", visit.panel("memory"))
    question, answer = visit.said[fact]
    visit.page.locator('dialog [name="prompt"]').fill(question)
    visit.page.locator('dialog [name="answer"]').fill(answer)


def taught(visit: Visit) -> None:
    visit.press("memory.teach", visit.page.locator("dialog[open]"))
    visit.panel("activity")


def start_training(visit: Visit) -> None:
    visit.press("activity.now", visit.panel("activity"))
    step = visit.page.get_by_test_id("train-step")
    expect(step).to_have_text(re.compile(r"^([89]|\d\d) / "), timeout=SECONDS * 1000)


def wait_for_lesson(visit: Visit) -> None:
    version = visit.page.get_by_test_id("active-version")
    expect(version).not_to_have_text("v0", timeout=SECONDS * 1000)
    details = visit.page.locator('.toast [data-do="version-details"]')
    expect(details).to_be_visible(timeout=SECONDS * 1000)
    details.focus()  # a toast with the focus stays


def all_learned(visit: Visit) -> None:
    """Have all that still waits learned, until the engine is idle."""
    panel = visit.panel("activity")
    go_on = re.compile("|".join(visit.t(f"activity.{key}") for key in ("now", "finish")))
    while visit.page.locator("#tab-activity .count").count():
        button = panel.get_by_role("button", name=go_on)
        if button.count() and button.is_enabled():
            button.click()
        visit.page.wait_for_timeout(1000)
    wait_for_state(visit.page, "ready", timeout=SECONDS)


def at_the_end(name: str) -> Callable[[Visit], None]:
    def act(visit: Visit) -> None:
        panel = visit.page.locator(f"#panel-{name}")
        panel.evaluate("panel => panel.scrollTo(0, panel.scrollHeight)")

    return act


def memory_edit(visit: Visit) -> None:
    visit.panel("memory").locator('[data-do="reword-fact"]').first.click()


def forget(visit: Visit) -> None:
    visit.panel("memory").locator('[data-do="forget-fact"]').first.click()
    expect(visit.page.locator("dialog[open]")).to_be_visible()


def version(visit: Visit) -> None:
    visit.press("versions.details", visit.panel("versions"))
    expect(visit.page.locator("dialog[open]")).to_be_visible()


def compare(visit: Visit) -> None:
    visit.press("versions.compare", visit.panel("versions"))
    expect(visit.page.locator("dialog[open]")).to_be_visible()


def run_comparison(visit: Visit) -> None:
    dialog = visit.page.locator("dialog[open]")
    dialog.locator("textarea, input").last.fill(visit.said["question"])
    visit.press("compare.ask", dialog)
    expect(dialog.get_by_text(visit.t("compare.keys"))).to_be_visible(timeout=60_000)


def train_nonsense(visit: Visit) -> None:
    dialog = visit.settings()
    dialog.get_by_label(visit.t("settings.developer")).check()
    dialog.get_by_text("lesson", exact=True).click()
    for name, value in UNBRIDLED.items():
        field = dialog.locator(f'[data-of="training.lesson.{name}"]')
        field.fill(value)
        field.press("Tab")
    dialog.get_by_label(visit.t("settings.developer")).uncheck()
    tell(visit, "nonsense")
    taught(visit)
    before = visit.page.get_by_test_id("active-version").inner_text()
    visit.press("activity.now", visit.panel("activity"))
    look = visit.page.locator('.toast [data-do="show-versions"]')
    expect(look.first).to_be_visible(timeout=SECONDS * 1000)
    look.first.focus()
    expect(visit.page.get_by_test_id("active-version")).to_have_text(before)


# ------------------------------------------------------------------------------- data sets


def data_set(visit: Visit) -> None:
    visit.press("runs.title", visit.panel("activity"))
    takes = visit.page.locator("dialog[open]").get_by_role("status")
    expect(takes.filter(has_text=re.compile("[0-9] .?B"))).to_be_visible(timeout=60_000)


def run(visit: Visit) -> None:
    dialog = visit.page.locator("dialog[open]")
    dialog.locator('[name="epochs"]').fill("1")
    visit.press("runs.start", dialog)
    told = visit.page.locator("#panel-activity ol.list > li")
    expect(told.first).to_be_visible(timeout=60_000)
    at_the_end("activity")(visit)


def ran(visit: Visit) -> None:
    told = visit.page.locator("#panel-activity ol.list > li").first
    over = re.compile("|".join(_stem(visit.t(f"runs.{key}")) for key in ("trained", "refused")))
    expect(told).to_contain_text(over, timeout=SECONDS * 1000)
    at_the_end("activity")(visit)


def _stem(words: str) -> str:
    return re.escape(words.partition("{")[0])


# ---------------------------------------------------------------------------------- sources


def paste_text(visit: Visit, text: str = "text") -> None:
    visit.press("sources.paste", visit.panel("sources"))
    visit.page.locator("#paste-text").fill(visit.said[text])


def read(visit: Visit, state: str = "ready") -> None:
    visit.press("add.import", visit.page.locator("dialog[open]"))
    row = visit.page.locator("#panel-sources li.item").first
    expect(row).to_have_attribute("data-state", state, timeout=90_000)


def import_order(visit: Visit) -> None:
    paste_text(visit, "order")
    read(visit, "held")


def unread(visit: Visit) -> None:
    acts.drop_all(visit.page, {"scan.pdf": b"%PDF-1.4 cut off"})
    row = visit.page.locator("#panel-sources li.item").first
    expect(row).to_have_attribute("data-state", "failed", timeout=90_000)


def preview_source(visit: Visit) -> None:
    row = visit.panel("sources").locator('li.item[data-state="ready"]').first
    row.get_by_role("button", name=visit.t("sources.preview")).click()
    row.scroll_into_view_if_needed()


def run_source_test(visit: Visit) -> None:
    row = visit.panel("sources").locator('li.item[data-state="ready"]').first
    row.get_by_role("button", name=visit.t("sources.test")).click()
    visit.page.wait_for_timeout(8000)
    row.scroll_into_view_if_needed()


def ask_source(visit: Visit) -> None:
    row = visit.panel("sources").locator('li.item[data-state="ready"]').first
    row.get_by_role("button", name=visit.t("sources.ask")).click()
    visit.chat()
    visit.say(visit.said["about"])


def show_queue(visit: Visit) -> None:
    panel = visit.panel("activity")
    panel.locator("#queue").scroll_into_view_if_needed()
    panel.get_by_role("button", name=visit.t("queue.show_lessons")).first.click()


def drag_file(visit: Visit) -> None:
    visit.chat()
    visit.page.evaluate(
        """() => { const data = new DataTransfer(); data.items.add(new File(["x"], "x.txt"));
        document.body.dispatchEvent(
          new DragEvent("dragenter", {bubbles: true, cancelable: true, dataTransfer: data})); }"""
    )


# ---------------------------------------------------------------------- settings and the rest


def developer(visit: Visit) -> None:
    dialog = visit.settings()
    dialog.get_by_label(visit.t("settings.developer")).check()
    dialog.get_by_text("learning_rate").first.scroll_into_view_if_needed()


def settings_end(visit: Visit) -> None:
    dialog = visit.page.locator("dialog[open]")
    dialog.get_by_label(visit.t("settings.developer")).uncheck()
    dialog.locator(".dialog-body").evaluate("body => body.scrollTo(0, body.scrollHeight)")


def open_export(visit: Visit) -> None:
    visit.settings("exchange.out")


def differ(visit: Visit) -> None:
    dialog = visit.page.locator("dialog[open]")
    dialog.locator('[name="phrase"]').fill(PHRASE)
    dialog.locator('[name="again"]').fill(PHRASE + "?")
    visit.press("exchange.out_yes", dialog)
    expect(dialog.get_by_role("alert")).not_to_be_empty()


def open_import(visit: Visit) -> None:
    dialog = visit.page.locator("dialog[open]")
    dialog.locator('[name="again"]').fill(PHRASE)
    with visit.page.expect_download() as saving:
        visit.press("exchange.out_yes", dialog)
    file = visit.folder / f"{visit.look}.oneseek"
    saving.value.save_as(file)
    with visit.page.expect_file_chooser() as choosing:
        visit.settings("exchange.in")
    choosing.value.set_files(file)
    visit.page.locator('dialog[open] [name="phrase"]').fill(PHRASE)


def confirm_import(visit: Visit) -> None:
    visit.press("exchange.in_yes", visit.page.locator("dialog[open]"))
    expect(visit.page.locator("#brought")).to_be_visible(timeout=60_000)


def drop_files(files: dict[str, Callable[[], bytes]]) -> Callable[[Visit], None]:
    def act(visit: Visit) -> None:
        visit.chat()
        acts.drop_all(visit.page, {name: data() for name, data in files.items()})
        told = visit.page.locator("dialog[open]")
        expect(told.locator("dl, .note, p").first).to_be_visible(timeout=60_000)
        expect(told.get_by_text(visit.t("given.looking"))).to_have_count(0, timeout=60_000)

    return act


def second_tab(visit: Visit) -> None:
    """Open a second tab; `first_tab` closes it."""
    visit.leave()
    first = visit.page
    visit.page = first.context.new_page()
    visit.page.goto("/?model=tiny")
    wait_for_state(visit.page, "read-only", timeout=60)


def first_tab(visit: Visit) -> None:
    second, visit.page = visit.page, visit.page.context.pages[0]
    second.close()
    visit.page.context.set_offline(True)
    expect(visit.page.locator("#banners")).not_to_be_empty()


def wide(act: Callable[[Visit], object]) -> Callable[[Visit], object]:
    """The action, skipped on a phone, which has no button for it."""
    return lambda visit: act(visit) if visit.page.viewport_size["width"] >= 700 else None


FIRST = (
    ("consent", lambda visit: wait_for_state(visit.page, "needs-consent", timeout=120)),
    ("models", models),
    ("fetching", start_download),
    ("fetching-paused", pause_download),
    ("welcome", demo),
)
LEARNS = (
    ("chat", lambda visit: (visit.chat(), visit.say(visit.said["question"]))),
    ("correct", open_correction),
    ("told", say_fact),
    ("known", ask_fact),
    ("why", why),
    ("tell", tell),
    ("taught", taught),
    ("training", start_training),
    ("learned", wait_for_lesson),
    ("activity", all_learned),
    ("activity-end", at_the_end("activity")),
    ("memory", lambda visit: visit.panel("memory")),
    ("versions", lambda visit: visit.panel("versions")),
)
TOUR = (
    *FIRST,
    ("privacy", wide(lambda visit: visit.page.locator("#privacy").click())),
    ("help", wide(lambda visit: (visit.leave(), visit.page.locator("#help-button").click()))),
    ("sources-empty", lambda visit: visit.panel("sources")),
    ("activity-empty", lambda visit: visit.panel("activity")),
    ("versions-empty", lambda visit: visit.panel("versions")),
    *LEARNS,
    ("memory-reword", memory_edit),
    ("forget", forget),
    ("version", version),
    ("compare", compare),
    ("compared", run_comparison),
    ("refused", train_nonsense),
    ("refused-activity", lambda visit: visit.panel("activity")),
    ("refused-versions", lambda visit: visit.panel("versions")),
    ("versions-end", at_the_end("versions")),
    ("secret", lambda visit: (visit.chat(), secret(visit))),
    ("secret-activity", lambda visit: visit.panel("activity")),
    ("paste", paste_text),
    ("source", read),
    ("source-held", import_order),
    ("source-failed", unread),
    ("source-text", preview_source),
    ("source-tested", run_source_test),
    ("waiting", show_queue),
    ("address", lambda visit: visit.press("sources.address", visit.panel("sources"))),
    ("about", ask_source),
    ("add", lambda visit: visit.page.locator("#add").click()),
    ("too-long", too_long),
    ("list", list_of_chats),
    ("private", private),
    ("no-match", no_match),
    ("drop", lambda visit: (over(visit), drag_file(visit))),
    ("data-set", lambda visit: (visit.page.keyboard.press("Escape"), data_set(visit))),
    ("run", run),
    ("run-over", ran),
    ("run-versions", lambda visit: visit.panel("versions")),
    ("run-version", version),
    ("run-memory", lambda visit: visit.panel("memory")),
    ("settings", lambda visit: visit.settings()),
    ("developer", developer),
    ("settings-end", settings_end),
    ("exchange-out", open_export),
    ("exchange-differ", differ),
    ("exchange-in", open_import),
    ("exchange-done", confirm_import),
    ("exchange-server", lambda visit: visit.settings("exchange.with")),
    ("delete", lambda visit: visit.settings("reset.everything")),
    ("reset", lambda visit: visit.press("reset.learning", visit.panel("versions"))),
    ("given", drop_files({"demo.gguf": MODEL.read_bytes})),
    (
        "given-refused",
        drop_files({"m.gguf": lambda: tiny.gguf("llama", "Q4_1", general__architecture="mamba")}),
    ),
    ("second-tab", second_tab),
    ("offline", first_tab),
)
