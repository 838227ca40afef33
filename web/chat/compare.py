"""Blind comparison: one question, two versions; only the choice reveals which was which."""

import js

from oneseek.web.learning import records
from oneseek.web.lib import dom, markdown, overlay
from oneseek.web.lib.words import t


class Compare:
    def __init__(self, page):
        self.page = page
        self.pair = None
        self.round = 0
        dom.verbs(
            {
                "compare": lambda of, el: self.open(),
                "compare-ask": lambda of, el: self.ask(el),
                "compare-choose": lambda of, el: self.choose(of),
                "compare-again": lambda of, el: self.again(),
            }
        )

    async def open(self):
        """Ask for a question and two versions to compare."""
        found = await records.versions(self.page.store)
        options = [(str(v["number"]), v["label"]) for v in found] + [("0", "v0")]
        field = dom.make("textarea", rows=2, name="text", required=True, id="compare-text")
        first = _select("first", options, options[0][0], t("compare.first"))
        second = _select("second", options, options[1][0], t("compare.second"))
        form = dom.make(
            "form",
            dom.make("label", t("compare.question"), field, cls="field"),
            dom.make("div", first, second, cls="columns"),
            dom.make(
                "div",
                dom.make("button", t("compare.ask"), type="submit", cls="primary"),
                cls="row end",
            ),
            do="compare-ask",
            data_on="submit",
            cls="column",
        )
        result = dom.make("div", id="compare-result", aria_live="polite")
        overlay.dialog(
            t("compare.title"),
            dom.make("p", t("compare.text"), cls="note"),
            form,
            result,
            name="compare",
            wide=True,
        )

    async def ask(self, form):
        text, first, second = (
            dom.find('[name="%s"]' % n, form).value for n in ("text", "first", "second")
        )
        numbers = [int(first), int(second)]
        if js.Math.random() < 0.5:
            numbers.reverse()
        self.round += 1
        mine = self.round
        dom.replace(dom.by_id("compare-result"), dom.make("p", t("compare.waiting"), cls="note"))
        answers = []
        for number in numbers:
            answered = await self.page.answer_once(text, {"version": number, "temperature": 0.0})
            answers.append(answered.text)
        if mine == self.round and dom.find("#compare-result"):
            self.pair = {"numbers": numbers, "text": text, "answers": answers}
            self.show(answers)

    def show(self, answers):
        cards = []
        for name, text in zip("12", answers):
            body = dom.make("div", cls="text")
            markdown.show(body, text)
            cards.append(
                dom.make("div", dom.make("h3", t("compare.answer", n=name)), body, cls="card")
            )
        choices = [
            dom.button(t("compare.better", n=number), "compare-choose", number, cls="small")
            for number in ("1", "2")
        ]
        tie = dom.button(t("compare.tie"), "compare-choose", "0", cls="small")
        keys = dom.make("p", t("compare.keys"), cls="note")
        parts = dom.make("div", cards, cls="pair"), dom.make("div", choices, tie, cls="row"), keys
        dom.replace(dom.by_id("compare-result"), parts)

    async def choose(self, key):
        """Count the choice for both versions, then reveal which was which."""
        pair, self.pair = self.pair, None
        if pair is None:
            return
        winner = {"1": 0, "2": 1}.get(key)
        for place, number in enumerate(pair["numbers"]):
            if number:
                await self.count(number, winner, place)
        if winner is not None:
            answers = pair["answers"]
            await self.page.taste.better(pair["text"], answers[winner], answers[1 - winner])
        first, second = pair["numbers"]
        said = t("compare.reveal", first=await self.label(first), second=await self.label(second))
        again = dom.button(t("compare.again"), "compare-again", cls="small")
        dom.replace(dom.by_id("compare-result"), dom.make("p", said, cls="state-line"), again)
        self.page.say(said)
        self.page.touch("versions")

    async def count(self, number, winner, place):
        version = await self.page.store.get("versions", number)
        key = "ties" if winner is None else "wins" if winner == place else "losses"
        before = dict(version)
        version[key] = version.get(key, 0) + 1
        await self.page.store.batch(
            [["put", "versions", number, version]],
            [["versions", number, "weights_sha256", before["weights_sha256"]]],
        )

    def again(self):
        """Clear the answers for another round; the form still holds the question and the
        versions."""
        dom.replace(dom.by_id("compare-result"))
        dom.by_id("compare-text").focus()

    async def label(self, number):
        return records.label(await self.page.store.get("versions", number) if number else None)


def _select(name, options, current, words):
    box = dom.make("select", name=name)
    for value, text in options:
        option = dom.make("option", text, value=value)
        option.selected = value == current
        box.append(option)
    return dom.make("label", words, box, cls="field")
