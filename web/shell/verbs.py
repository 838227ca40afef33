"""The verbs that concern several parts of the page, and the buttons that are always there."""

import js

from oneseek.engine.core.storage.store import wipe
from oneseek.web.lib import dom, files, overlay
from oneseek.web.lib.words import LANGUAGES, t
from oneseek.web.settings import backup

RESET = ("reset.title", "reset.text", "reset.yes")
DELETE = ("delete.title", "delete.text", "delete.yes")


def register(page):
    """Register the verbs that no part of the page does alone; the parts declare the others."""
    dom.verbs(
        {
            "copy": lambda of, el: copy(page, page.chat.tree[of]["text"]),
            "copy-code": lambda of, el: copy(page, el.previousElementSibling.textContent),
            "save-teach": lambda of, el: save_teach(page, of, dom.field(el, "text")),
            "example": lambda of, el: example(page, t("welcome.ask_how")),
            "edit-queued": lambda of, el: edit_queued(page, of),
            "save-queued": lambda of, el: save_queued(page, of, dom.field(el, "text")),
            "save-fact": lambda of, el: save_fact(
                page, dom.field(el, "prompt"), dom.field(el, "answer")
            ),
            "ask-in-chat": lambda of, el: ask_in_chat(page, of),
            "let-go": lambda of, el: let_go(page, of),
            "correct-known": lambda of, el: correct_known(page, of),
            "take-text": lambda of, el: take_text(
                page, dom.field(el, "text"), dom.field(el, "title")
            ),
            "switch-chart": lambda of, el: switch_chart(page),
            "import-adapter": lambda of, el: pick_adapter(page),
            "help": lambda of, el: page.shortcuts.help(),
            "privacy": lambda of, el: privacy(),
            "set-theme": lambda of, el: set_theme(page, el.value),
            "export-everything": lambda of, el: backup.export_everything(page),
            "ask-restore": lambda of, el: backup.ask_restore(),
            "import-everything": lambda of, el: backup.import_everything(page),
            "export-openai": lambda of, el: backup.export_chats(page.store, "openai"),
            "export-sharegpt": lambda of, el: backup.export_chats(page.store, "sharegpt"),
            "ask-reset": lambda of, el: ask_word("save-reset", RESET, t("reset.word")),
            "ask-delete": lambda of, el: ask_word("save-delete", DELETE, t("delete.word")),
            "save-reset": lambda of, el: reset(page, dom.field(el, "word")),
            "save-delete": lambda of, el: delete_everything(page, dom.field(el, "word")),
        }
    )
    for code in LANGUAGES:
        dom.listen("click", "#language-" + code, use_language(page, code))
    for selector, act in (
        ("#theme", lambda event: page.settings_dialog.next_theme()),
        ("#settings-button", lambda event: page.settings_dialog.open()),
        ("#storage", lambda event: page.settings_dialog.open()),
        ("#help-button", lambda event: page.shortcuts.help()),
        ("#privacy", lambda event: privacy()),
        ("#model-button", lambda event: page.model_list.choose()),
        ("#add", lambda event: page.intake.inputs.ask_what()),
        ("#nav-toggle", lambda event: page.aside.toggle_nav()),
        ("#aside-toggle", lambda event: page.aside.toggle()),
        ("#aside-close", lambda event: page.aside.toggle()),
        ("#veil", lambda event: page.aside.close_sheets()),
    ):
        dom.listen("click", selector, act)


def use_language(page, code):
    return lambda event: page.settings_dialog.use_language(code)


async def copy(page, text):
    await js.navigator.clipboard.writeText(text)
    page.toast(t("chat.copied"), seconds=2)


async def example(page, text):
    page.composer.put(text)
    await page.composer.send()


async def ask_in_chat(page, id):
    """Ask the question of a taught example in a new chat."""
    example = await page.fact_memory.find(id)
    await page.conversations.new()
    page.composer.put(example["prompt"])
    await page.composer.send()


async def let_go(page, ids):
    """Take back facts that were told; no later answer holds them."""
    if await page.fact_memory.let_go(ids.split()):
        page.toast(t("forget.gone"))


def correct_known(page, id):
    """Open the panel where a fact that an answer used is corrected."""
    page.aside.show("memory")
    page.memory.choose("words", "")
    page.memory.edit(id, "correct")


async def save_teach(page, id, text):
    turn = page.chat.tree[id]
    page.editors.close()
    if text:
        asked = page.chat.tree[turn["parent"]]
        await page.teaching.correct(asked, turn, text)
        await page.taste.keep_edit(asked, turn, text)
        turn["taught"] = text
        await page.chat.save(turn)
        page.chat.redraw_turn(turn)


async def save_fact(page, prompt, answer):
    overlay.close_all()
    if prompt and answer:
        await page.teaching.tell(prompt, answer)


async def take_text(page, text, title):
    overlay.close_all()
    await page.intake.reader.take_text(text, title)


def edit_queued(page, id):
    page.queue_panel.edit(id)


async def save_queued(page, id, text):
    page.queue_panel.edit(None)
    await page.teaching.edit(id, text)


def switch_chart(page):
    page.tabs.panels["activity"].switch_chart()


async def set_theme(page, theme):
    await page.set(theme=theme)
    page.settings_dialog.apply()


async def pick_adapter(page):
    chosen = await files.pick(".zip", many=False)
    if chosen:
        await page.learning.import_adapter(chosen)


def privacy():
    parts = [dom.make("p", t("privacy.text%d" % n)) for n in (1, 2, 3)]
    overlay.dialog(t("privacy.promise"), parts, name="privacy-dialog")


def ask_word(do, words, word):
    """Ask the person to type a word before an act that cannot be undone."""
    title, text, yes = (t(key) for key in words)
    asked = t("type_word", word=word)
    field = dom.make("input", type="text", name="word", autocomplete="off", required=True)
    dom.change(field, pattern=word, title=asked)  # the browser shows it for any other word
    go = dom.make("button", yes, type="submit", cls="danger")
    form = dom.make(
        "form",
        dom.make("p", text),
        dom.make("label", asked, field, cls="field"),
        dom.make("div", dom.button(t("cancel"), "close-dialog"), go, cls="row end"),
        do=do,
        data_on="submit",
        cls="column",
    )
    overlay.dialog(title, form, name=do, important=True)


async def reset(page, word):
    if word == t("reset.word"):
        overlay.close_all()
        await page.learning.reset()


async def delete_everything(page, word):
    """Delete everything: chats, learning and models."""
    if word != t("delete.word"):
        return
    overlay.close_all()
    await wipe(page.store)
    await files.clear()
    js.location.reload()
