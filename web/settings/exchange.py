"""The exchange of facts between a person's devices: a file that only their phrase opens.

The importer seals and opens it; here the phrase is asked for, and the changes are shown. A server
of theirs takes the file itself, and answers with the merged one.
"""

import json

import js
from pyscript import js_import

from oneseek.engine.core.messages import BringIn, CarryOut
from oneseek.web.lib import dom, failures, files, overlay, site
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused

FILE = "exchange.oneseek"
SHORTEST = 12  # characters of a phrase, as engine/history/exchange_file.py wants them
REASONS = (
    "wrong", "older", "newer", "damaged", "phrase", "signature", "short", "future"
)  # fmt: skip
MOST = 50  # conflicting answers shown one by one


class Exchange:
    def __init__(self, page):
        self.page = page
        dom.verbs(
            {
                "ask-carry-out": lambda of, el: self.ask_carry_out(),
                "carry-out": lambda of, el: self.carry_out(
                    dom.field(el, "phrase"), dom.field(el, "again")
                ),
                "ask-bring-in": lambda of, el: self.ask_bring_in(),
                "bring-in": lambda of, el: self.bring_in(dom.field(el, "phrase")),
                "ask-exchange-with": lambda of, el: self.ask_exchange_with(),
                "exchange-with": lambda of, el: self.exchange_with(
                    dom.field(el, "server"), dom.field(el, "key"), dom.field(el, "phrase")
                ),
            }
        )

    # ------------------------------------------------------------------------------ out

    def ask_carry_out(self):
        self.ask(
            "carry-out",
            t("exchange.out"),
            (t("exchange.out_text"), t("exchange.cost")),
            (secret("exchange.phrase", "phrase", SHORTEST), secret("exchange.again", "again")),
            t("exchange.out_yes"),
        )

    async def carry_out(self, phrase, again):
        if phrase != again:
            self.wrong(t("exchange.differ"))
            return
        if await self.seal_file(phrase):
            overlay.close_all()
            name = "oneseek-%s.oneseek" % js.Date.new().toISOString()[:10]
            await files.save_from_outbox(FILE, "application/octet-stream", name)
            self.page.toast(t("exchange.out_done"))

    # ------------------------------------------------------------------------------ in

    async def ask_bring_in(self):
        chosen = await files.pick(".oneseek", many=False)
        if not chosen:
            return
        self.file = chosen[0]
        self.ask(
            "bring-in",
            t("exchange.in"),
            (t("exchange.in_text", name=self.file.name),),
            (secret("exchange.phrase", "phrase"),),
            t("exchange.in_yes"),
        )

    async def bring_in(self, phrase):
        await self.take_over(self.file, phrase)

    async def take_over(self, file, phrase):
        await files.put_in_inbox(file, FILE)
        brought = await self.ask_worker(BringIn(file=FILE, phrase=phrase))
        if not brought:
            return
        overlay.close_all()
        await self.page.teaching.load()
        if brought.let_go:
            await self.page.memory.forget(brought.let_go)
        self.page.touch("facts", "examples", "ledger")
        self.tell(brought)

    def tell(self, brought):
        """Show what is new, what is gone, and which answers conflicted."""
        by = brought.signed_by
        signed = "exchange.own_key" if by == self.page.learning.signing else "exchange.key"
        parts = [
            dom.make("p", t("exchange.figures", told=brought.told, gone=brought.gone)),
            dom.make("p", t("exchange.next"), cls="note") if brought.told else None,
            dom.make("p", t(signed, by=by) if by else t("exchange.unsigned"), cls="note"),
        ]
        if brought.met:
            parts.append(dom.make("p", t("exchange.met", n=len(brought.met))))
            parts.append(dom.make("ul", [self.draw_conflict(one) for one in brought.met[:MOST]]))
        overlay.dialog(t("exchange.in_done"), parts, name="brought")

    def draw_conflict(self, one):
        kept = dom.make("div", t("exchange.kept", answer=one["kept"]))
        other = dom.make("div", t("exchange.other", answer=one["other"]), cls="note")
        return dom.make("li", dom.make("b", one["question"]), kept, other)

    # ------------------------------------------------------------------------------ a server

    def ask_exchange_with(self):
        address = dom.make(
            "input",
            type="url",
            name="server",
            value=self.page.settings["server"],
            placeholder="http://127.0.0.1:8321",
            required=True,
        )
        self.ask(
            "exchange-with",
            t("exchange.with"),
            (t("exchange.with_text", origin=js.location.origin), t("exchange.cost")),
            (
                label_field("exchange.server", address),
                secret("exchange.server_key", "key", required=False),
                secret("exchange.phrase", "phrase", SHORTEST),
            ),
            t("exchange.with_yes"),
        )

    async def exchange_with(self, server, key, phrase):
        await self.page.set(server=server)
        self.wrong("")
        if not await self.seal_file(phrase):
            return
        (script,) = await js_import(site.path("dropped.js"))
        address = server.rstrip("/") + "/api/exchange"
        sealed = await files.from_outbox(FILE)
        answer = await script.ask(site.path("outside.js"), address, sealed, key)
        if getattr(answer, "error", None):
            self.wrong(t("exchange.no_server", origin=js.location.origin))
        elif answer.status != 200:
            self.wrong(t("exchange.refused", words=await read_refusal(answer)))
        else:
            await self.take_over(answer.file, phrase)

    # ------------------------------------------------------------------------------ both

    async def seal_file(self, phrase):
        """Seal the facts into a file in the outbox; None when the worker refused."""
        sign = self.page.settings["sign"]
        return await self.ask_worker(CarryOut(file=FILE, phrase=phrase, sign=sign))

    def ask(self, do, title, texts, fields, yes):
        form = dom.make(
            "form",
            [dom.make("p", text) for text in texts],
            list(fields),
            dom.make("p", cls="wrong", role="alert"),
            dom.make(
                "div",
                dom.button(t("cancel"), "close-dialog"),
                dom.make("button", yes, type="submit", cls="primary"),
                cls="row end",
            ),
            do=do,
            data_on="submit",
            cls="column",
        )
        overlay.dialog(title, form, name="exchange")

    def wrong(self, words):
        dom.find("#exchange .wrong").textContent = words

    async def ask_worker(self, request):
        """The worker's answer; None when it refused, which the person is told."""
        try:
            return await self.page.app.ask_importer(request)
        except Refused as refused:
            failed = refused.failed
            if failed.where == "exchange" and failed.detail in REASONS:
                self.wrong(t("exchange.no_" + failed.detail))
            else:
                failures.show(self.page, failed)
            return None


def secret(label, name, shortest=1, required=True):
    field = dom.make(
        "input",
        type="password",
        name=name,
        minlength=shortest,
        autocomplete="off",
        required=required,
    )
    return label_field(label, field)


def label_field(label, field):
    return dom.make("label", t(label), field, cls="field")


async def read_refusal(answer):
    """Why a server refused, in its own words, else its status."""
    try:
        return json.loads(await answer.file.text())["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return str(answer.status)
