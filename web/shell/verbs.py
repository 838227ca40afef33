"""What each verb of the markup does, and the buttons that are always there."""

import js

from engine.core.storage.store import wipe
from web.lib import dom, files, overlay
from web.lib.words import LANGUAGES, t
from web.shell import backup

RESET = ("reset.title", "reset.text", "reset.yes")
DELETE = ("delete.title", "delete.text", "delete.yes")


def register(page):
    """verb -> part.  A test compares these with the verbs in the markup and the code."""
    verb, chat, teaching, memory = dom.verb, page.chat, page.teaching, page.memory
    field = _field

    acts = {
        "copy": lambda of, el: copy(page, chat.tree[of]["text"]),
        "aloud": lambda of, el: page.voice.speak(chat.tree[of]),
        "copy-code": lambda of, el: copy(page, el._dom_element.previousElementSibling.textContent),
        "edit": lambda of, el: page.edit(of),
        "save-edit": lambda of, el: chat.edited(of, field(el, "text")),
        "regenerate": lambda of, el: chat.regenerate(of),
        "continue": lambda of, el: chat.go_on(of),
        "branch-before": lambda of, el: chat.other_branch(of, -1),
        "branch-after": lambda of, el: chat.other_branch(of, 1),
        "good": lambda of, el: chat.rate(of, 1),
        "bad": lambda of, el: chat.rate(of, -1),
        "teach": lambda of, el: page.teach(of),
        "save-teach": lambda of, el: save_teach(page, of, field(el, "text")),
        "learn-instead": lambda of, el: teaching.learn_instead(of),
        "learn": lambda of, el: teaching.toggle(chat.tree[chat.tree[of]["parent"]], chat.tree[of]),
        "earlier": lambda of, el: chat.earlier(),
        "take-as-source": lambda of, el: page.too_long.take(),
        "close-too-long": lambda of, el: page.too_long.close(),
        "example": lambda of, el: example(page, el.textContent),
        "close-editor": lambda of, el: page.close_editor(),
        "show-chat": lambda of, el: page.conversations.show(of),
        "chat-menu": lambda of, el: page.conversations.menu(of, el),
        "chat-thinks": lambda of, el: page.conversations.think(of),
        "rename-chat": lambda of, el: page.conversations.ask_name(of),
        "save-title": lambda of, el: page.conversations.rename(of, field(el, "title")),
        "delete-chat": lambda of, el: page.conversations.delete(of),
        "undelete-chat": lambda of, el: page.conversations.undelete(of),
        "chat-learns": lambda of, el: teaching.learn_from(*of.split(" ", 1)),
        "export-chat-md": lambda of, el: page.conversations.export(of, "md"),
        "export-chat-json": lambda of, el: page.conversations.export(of, "json"),
        "clear-search": lambda of, el: page.conversations.clear_search(),
        "download": lambda of, el: page.first_run.load_chosen(of),
        "download-unsaved": lambda of, el: page.first_run.load(of, keep=False),
        "download-again": lambda of, el: page.learning.load_again(of),
        "stop-loading": lambda of, el: page.first_run.stop(),
        "choose-model": lambda of, el: page.first_run.choose(),
        "install": lambda of, el: page.install.ask(),
        "pick-model": lambda of, el: page.first_run.pick_file(),
        "approve": lambda of, el: teaching.act(of, "approve"),
        "skip": lambda of, el: teaching.act(of, "skip"),
        "choose-none": lambda of, el: teaching.act(of, "refuse_all"),
        "undo-queue": lambda of, el: teaching.undo(),
        "open-group": lambda of, el: page.queue_panel.groups.toggle(of),
        "approve-group": lambda of, el: page.queue_panel.groups.approve(of),
        "skip-group": lambda of, el: page.queue_panel.groups.skip(of),
        "remove-aside": lambda of, el: teaching.remove_aside(),
        "release-secret": lambda of, el: teaching.release(of),
        "discard-secret": lambda of, el: teaching.discard(of),
        "edit-queued": lambda of, el: edit_queued(page, of),
        "save-queued": lambda of, el: save_queued(page, of, field(el, "text")),
        "tell-fact": lambda of, el: memory.ask_new_fact(),
        "save-fact": lambda of, el: save_fact(page, field(el, "prompt"), field(el, "answer")),
        "search-memory": lambda of, el: memory.choose("words", el.value),
        "sift-memory": lambda of, el: memory.choose(of, el.value),
        "more-memory": lambda of, el: memory.show_more(),
        "forget-shown": lambda of, el: memory.forget_shown(),
        "ask-in-chat": lambda of, el: ask_in_chat(page, of),
        "first-fact": lambda of, el: page.story.begin(),
        "skip-story": lambda of, el: page.story.skip(),
        "let-go": lambda of, el: let_go(page, of),
        "correct-known": lambda of, el: correct_known(page, of),
        "ask-fact": lambda of, el: memory.ask(of),
        "correct-fact": lambda of, el: memory.edit(of, "correct"),
        "reword-fact": lambda of, el: memory.edit(of, "reword"),
        "save-correction": lambda of, el: memory.save(of, field(el, "text")),
        "save-wording": lambda of, el: memory.save(of, field(el, "text")),
        "forget-fact": lambda of, el: memory.ask_forget([of], t("forget.title")),
        "forget-now": lambda of, el: memory.forget(of.split()),
        "pick-files": lambda of, el: page.intake.pick(),
        "pick-folder": lambda of, el: page.intake.pick(folder=True),
        "all-sources": lambda of, el: page.tabs.panels["sources"].show_all(),
        "paste-text": lambda of, el: page.intake.ask_text(),
        "ask-address": lambda of, el: page.intake.ask_address(),
        "take-address": lambda of, el: page.intake.take_address(field(el, "address")),
        "stop-source": lambda of, el: page.intake.stop(of),
        "retry-source": lambda of, el: page.intake.retry(of),
        "allow-secrets": lambda of, el: page.intake.allow_secrets(of),
        "allow-source": lambda of, el: page.intake.allow(of),
        "edit-source": lambda of, el: page.intake.edit(of),
        "save-source": lambda of, el: page.intake.save_edit(of, field(el, "text")),
        "ask-source": lambda of, el: page.about.begin(of),
        "end-about": lambda of, el: page.about.end(),
        "show-place": lambda of, el: page.intake.show_place(chat.tree[of]["quotes"]),
        "preview-source": lambda of, el: page.intake.preview(of),
        "caption-source": lambda of, el: page.intake.caption(of),
        "save-caption": lambda of, el: page.intake.save_caption(of, field(el, "text")),
        "test-source": lambda of, el: page.intake.test(of),
        "take-text": lambda of, el: take_text(page, field(el, "text"), field(el, "title")),
        "use-source": lambda of, el: page.intake.use(of, el.checked),
        "remove-source": lambda of, el: page.intake.remove(of),
        "pause-learning": lambda of, el: page.learning.toggle_pause(),
        "learn-now": lambda of, el: page.learning.now("lesson"),
        "practise-now": lambda of, el: page.learning.now("practice"),
        "train-on-data": lambda of, el: page.training_runs.open(),
        "run-file": lambda of, el: page.training_runs.bring(),
        "run-look": lambda of, el: page.training_runs.look(el),
        "run-start": lambda of, el: page.training_runs.start(el),
        "run-end": lambda of, el: page.training_runs.end(of),
        "drop-round": lambda of, el: page.learning.drop(),
        "not-now": lambda of, el: page.learning.not_now(),
        "probe": lambda of, el: page.tabs.panels["activity"].probe(of),
        "switch-chart": lambda of, el: switch_chart(page),
        "use-version": lambda of, el: page.learning.use(int(of)),
        "version-details": lambda of, el: page.versions.details(int(of)),
        "show-versions": lambda of, el: page.show_tab("versions"),
        "forget-version": lambda of, el: page.versions.forget(int(of)),
        "sort-versions": lambda of, el: page.versions.sort(of),
        "verify": lambda of, el: page.learning.verify(int(of or 0)),
        "export-peft": lambda of, el: page.learning.export(int(of), "peft"),
        "export-gguf": lambda of, el: page.learning.export(int(of), "gguf"),
        "export-merged": lambda of, el: page.learning.export(int(of), "merged"),
        "export-certified": lambda of, el: page.learning.export(int(of), "certified"),
        "import-adapter": lambda of, el: pick_adapter(page),
        "compare": lambda of, el: page.compare.open(),
        "compare-ask": lambda of, el: page.compare.ask(el),
        "compare-choose": lambda of, el: page.compare.choose(of),
        "compare-again": lambda of, el: page.compare.again(),
        "set-language": lambda of, el: page.settings_dialog.use_language(el.value),
        "set-theme": lambda of, el: set_theme(page, el.value),
        "set-text": lambda of, el: page.set(**{of: el.value}),
        "set-proxy": lambda of, el: page.settings_dialog.set_proxy(el),
        "set-choice": lambda of, el: page.set(**{of: el.value}),
        "set-check": lambda of, el: page.set(**{of: el.checked}),
        "set-number": lambda of, el: page.settings_dialog.set_number(of, el),
        "set-config": lambda of, el: page.settings_dialog.set_config(of, el),
        "reset-config": lambda of, el: page.set(config_training=None, config_scheduler=None),
        "introduce": lambda of, el: page.learning.introduce(),
        "save-signing-key": lambda of, el: page.learning.save_signing_key(),
        "export-everything": lambda of, el: backup.export_everything(page),
        "import-everything": lambda of, el: backup.import_everything(page),
        "export-openai": lambda of, el: backup.export_chats(page.store, "openai"),
        "export-sharegpt": lambda of, el: backup.export_chats(page.store, "sharegpt"),
        "settings": lambda of, el: page.settings_dialog.open(),
        "ask-reset": lambda of, el: ask_word("save-reset", RESET, "RESET"),
        "ask-delete": lambda of, el: ask_word("save-delete", DELETE, t("delete.word")),
        "save-reset": lambda of, el: reset(page, field(el, "word")),
        "save-delete": lambda of, el: delete_everything(page, field(el, "word")),
        "use-here": lambda of, el: page.learning.use_here(),
    }
    for name, act in acts.items():
        verb(name)(act)
    for code in LANGUAGES:
        dom.listen("click", "#language-" + code, use_language(page, code))
    for selector, act in (
        ("#theme", lambda event: page.settings_dialog.next_theme()),
        ("#settings-button", lambda event: page.settings_dialog.open()),
        ("#storage", lambda event: page.settings_dialog.open()),
        ("#help-button", lambda event: page.shortcuts.help()),
        ("#privacy", lambda event: privacy(page)),
        ("#model-button", lambda event: page.first_run.choose()),
        ("#add", lambda event: page.intake.ask_what()),
        ("#nav-toggle", lambda event: page.toggle_nav()),
        ("#aside-toggle", lambda event: page.toggle_aside()),
        ("#aside-close", lambda event: page.toggle_aside()),
        ("#veil", lambda event: page.close_sheets()),
    ):
        dom.listen("click", selector, act)


def use_language(page, code):
    return lambda event: page.settings_dialog.use_language(code)


def _field(form, name):
    return dom.find('[name="%s"]' % name, form).value.strip()


async def copy(page, text):
    await js.navigator.clipboard.writeText(text)
    page.toast(t("chat.copied"), seconds=2)


async def example(page, text):
    page.composer.put(text)
    await page.composer.send()


async def ask_in_chat(page, id):
    """What was taught, asked in a new chat."""
    example = await page.heart.find(id)
    await page.conversations.new()
    page.composer.put(example["prompt"])
    await page.composer.send()


async def let_go(page, id):
    """Take back what was told; it is gone from the next question on."""
    if await page.heart.let_go([id]):
        page.toast(t("forget.gone"))


def correct_known(page, id):
    """Where an answer says what it knows, to where that is put right."""
    page.show_tab("memory")
    page.memory.choose("words", "")
    page.memory.edit(id, "correct")


async def save_teach(page, id, text):
    turn = page.chat.tree[id]
    page.close_editor()
    if text:
        await page.teaching.correct(page.chat.tree[turn["parent"]], turn, text)


async def save_fact(page, prompt, answer):
    overlay.close_all()
    if prompt and answer:
        await page.teaching.tell(prompt, answer)


async def take_text(page, text, title):
    overlay.close_all()
    await page.intake.take_text(text, title)


def edit_queued(page, id):
    page.queue_panel.editing = id
    page.touch("editing-queue")


async def save_queued(page, id, text):
    page.queue_panel.editing = None
    await page.teaching.edit(id, text)


def switch_chart(page):
    activity = page.tabs.panels["activity"]
    activity.as_table = not activity.as_table
    page.touch("tab")


async def set_theme(page, theme):
    await page.set(theme=theme)
    page.settings_dialog.apply()


async def pick_adapter(page):
    chosen = await files.pick(".zip", many=False)
    if chosen:
        await page.import_adapter(chosen[0])


def privacy(page):
    parts = [dom.make("p", t("privacy.text%d" % n)) for n in (1, 2, 3)]
    overlay.dialog(t("privacy.promise"), parts, name="privacy-dialog")


def ask_word(do, words, word):
    """What cannot be undone asks for a word."""
    title, text, yes = (t(key) for key in words)
    field = dom.make("input", type="text", name="word", autocomplete="off", required=True)
    go = dom.make("button", yes, type="submit", cls="danger")
    form = dom.make(
        "form",
        dom.make("p", text),
        dom.make("label", t("type_word", word=word), field, cls="field"),
        dom.make("div", dom.button(t("cancel"), "close-dialog"), go, cls="row end"),
        do=do,
        data_on="submit",
        cls="column",
    )
    overlay.dialog(title, form, name=do, important=True)


async def reset(page, word):
    if word == "RESET":
        overlay.close_all()
        await page.learning.reset(word)


async def delete_everything(page, word):
    """Chats, learning and models: nothing stays."""
    if word != t("delete.word"):
        return
    overlay.close_all()
    await wipe(page.store)
    await files.clear()
    js.location.reload()
