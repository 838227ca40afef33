"""The evaluator (`Gate`): is the candidate better, and is nothing else worse? Each measure has a
limit.

It accepts a lesson, accepts it as "weakened", asks for a few more steps, scales the change down, or
rejects it; consolidation must be at least as good as the version in use on all that it knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

import numpy as np

from oneseek.engine.learning.batch import Coder, Row, text_row
from oneseek.engine.learning.lessons import (
    Draw,
    Lesson,
    has_said,
    has_value,
    make_held_back_wordings,
    paragraphs,
)
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.gate_questions import (
    AT_MOST,
    PROBES,
    knowledge,
    languages,
    look_alikes,
    short_hash,
    talk,
)
from oneseek.engine.learning.rounds.variants import ACTIVE, BASE, CANDIDATE, Variant, Variants
from oneseek.engine.learning.rounds.verdict import (
    ACCEPT,
    MORE,
    REJECT,
    SCALE,
    WEAKENED,
    Advice,
    Measure,
    Verdict,
    within,
)

REPLY_TOKENS = 24
EARLIER, HELD_OUT = 8, 4
LOST, EARLIER_LOST = "known facts lost", "earlier facts lost"
SCALES = (0.75, 0.5)
SAME = 0.02  # a share that is lower by this counts as equal
CHANCE = 0.1  # two shares of two dozen questions that differ by this count as equal


class Gate:
    """Evaluates one attempt by asking the variants."""

    def __init__(
        self,
        variants: Variants,
        recipe: Recipe,
        coder: Coder,
        remembered: dict | None = None,
        came_along: Callable[[str], list[int] | None] = lambda question: None,
        outside_scope: Collection[str] | None = None,
    ) -> None:
        """`came_along` returns a shipped answer of the base, if any. `outside_scope` holds hashes
        of the questions outside the adapter scope, which the base answers; None where the scope is
        everything."""
        self.variants, self.recipe, self.coder = variants, recipe, coder
        self.came_along = came_along
        # The base answers every lesson the same: a caller's dictionary keeps its answers.
        self.remembered = {} if remembered is None else remembered
        self.said: dict[tuple[str, str, str], str] = {}
        self.outside_scope = outside_scope

    def speaks(self, question: str) -> bool:
        """Whether the question is in the adapter scope; outside it nothing can have changed."""
        return self.outside_scope is None or short_hash(question) not in self.outside_scope

    # ---- lessons

    async def lesson(self) -> Verdict:
        """Judge the candidate after a lesson."""
        return self.verdict(await self.measure_lessons(), await self.measure_harm())

    def verdict(self, learned: list[Measure], unharmed: list[Measure]) -> Verdict:
        notes = [
            f"{old.question} was {old.value}, is now {new.value}: the newer holds"
            for old, new in self.recipe.replaced
        ]
        return Verdict((*learned, *unharmed), tuple(notes))

    async def measure_lessons(self) -> list[Measure]:
        """Measure what more steps can improve: recall of facts, and confusion with hard
        negatives."""
        lessons, earlier = self.recipe.lessons, self.select_earlier(self.recipe.earlier)
        near = look_alikes(self.recipe, lessons, self.recipe.earlier)
        asked = [(x.question, x.value) for x in (*lessons, *earlier)]
        asked += [(wording, x.value) for x in lessons for wording in make_held_back_wordings(x)]
        self.ask_anew()
        # Many questions at once cost little more than one; those with long replies go first.
        await self.replies(CANDIDATE, [(q, "") for q in near if self.speaks(q)] + asked)
        return [
            await self.taught(lessons),
            await self.recall(lessons),
            await self.leak(near),
            await self.earlier(earlier),
        ]

    async def measure_harm(self) -> list[Measure]:
        """Measure what a smaller change can repair: the effect on all that was not taught.
        Perplexity comes first, because no smaller change repairs it."""
        harder = await self.perplexity()
        if harder.verdict == REJECT:
            return [harder]
        return [await self.probes(), *await self.drift(SCALE), harder, *self.measure_unrelated()]

    def measure_unrelated(self) -> list[Measure]:
        """Measure the share of unrelated questions that the memory routes to the version."""
        if self.outside_scope is None:
            return []
        codes = self.languages()
        questions = [*(question for question, _ in knowledge(codes)), *talk(codes)]
        share = sum(map(self.speaks, questions)) / len(questions)
        return [Measure("unrelated talk", share, "<= 0.10", within(share, 0.10, WEAKENED))]

    async def taught(self, lessons: Sequence[Lesson]) -> Measure:
        missing = await self._find_missing(CANDIDATE, [(x, x.question) for x in lessons])
        share = 1 - len(missing) / len(lessons)
        wanted = 1.0 if len(lessons) < 4 else 0.75
        verdict = within(wanted - share, 0, MORE)
        return Measure("taught", share, f">= {wanted:.2f}", verdict, tuple(missing))

    async def recall(self, lessons: Sequence[Lesson]) -> Measure:
        """Measure the share of held-out wordings that are answered, which the figures of
        docs/known-by-heart.md call *unseen*; the very questions are `taught`."""
        asked = [(x, wording) for x in lessons for wording in make_held_back_wordings(x)]
        missing = await self._find_missing(CANDIDATE, asked)
        share = 1 - len(missing) / len(asked)
        verdict = ACCEPT if share >= 0.66 else WEAKENED if share >= 0.33 else MORE
        return Measure(
            "recall", share, ">= 0.66 in wordings never trained", verdict, tuple(missing)
        )

    async def leak(self, questions: Sequence[str], allowed: float = 0.13) -> Measure:
        """Measure how many hard negatives get a taught value that the base would not give. What the
        version in use leaks already is not this lesson's doing: consolidation mends it."""
        leaks = await self.leaks(CANDIDATE, questions)
        before = await self.leaks(ACTIVE, leaks)
        leaks = [question for question in leaks if question not in before]
        share = len(leaks) / max(1, len(questions))
        verdict = ACCEPT if share <= allowed else WEAKENED if share <= 0.34 else SCALE
        return Measure("leak", share, f"<= {allowed:.2f}", verdict, tuple(leaks))

    async def leaks(self, who: Variant, questions: Sequence[str]) -> list[str]:
        values = {fact.value for fact in self.recipe.facts}
        values |= {old.value for old, _ in self.recipe.replaced}
        questions = [question for question in questions if self.speaks(question)]
        replies = await self.replies(who, [(question, "") for question in questions])
        said = [
            (question, {value for value in values if has_value(reply, value)})
            for question, reply in zip(questions, replies, strict=True)
        ]
        suspect = [(question, found) for question, found in said if found]
        if not suspect:
            return []
        base = await self.replies(BASE, [(question, "") for question, _ in suspect])
        return [
            question
            for (question, found), reply in zip(suspect, base, strict=True)
            if not all(has_value(reply, value) for value in found)
        ]

    def select_earlier(self, facts: Sequence[Lesson]) -> list[Lesson]:
        """Return the newest of the earlier facts, and a sample of the others."""
        newest, older = list(facts[-EARLIER // 2 :]), list(facts[: -EARLIER // 2])
        return newest + Draw(self.recipe.seed, "earlier").sample(older, EARLIER // 2)

    async def earlier(self, chosen: Sequence[Lesson]) -> Measure:
        """Count the facts that the version in use answers and the candidate does not."""
        lost = await self._find_missing(CANDIDATE, [(x, x.question) for x in chosen])
        if lost:
            held = [x for x in chosen if x.question in lost]
            never = await self._find_missing(ACTIVE, [(x, x.question) for x in held])
            lost = [question for question in lost if question not in never]
        return Measure(EARLIER_LOST, len(lost), "0", within(len(lost), 0, SCALE), tuple(lost))

    # ---- consolidation

    async def unsure(self) -> list[str]:
        """Return the questions of facts that the candidate does not answer after consolidation."""
        self.ask_anew()
        return await self._find_missing(CANDIDATE, [(x, x.question) for x in self.recipe.facts])

    async def practice(self) -> Verdict:
        """Judge a consolidation: not worse than the version in use on any measure, give or take one
        wording and the leaks that are chance."""
        self.ask_anew()
        draw = Draw(self.recipe.seed, "practice gate")
        facts = draw.sample(self.recipe.facts, AT_MOST)
        asked = [(x, x.question) for x in facts]
        other = [(x, wording) for x in facts for wording in make_held_back_wordings(x)]
        near = draw.sample(look_alikes(self.recipe, facts, []), AT_MOST)
        measures = []
        for name, questions, chance in (("taught", asked, 0), ("recall", other, 1)):
            most = len(questions)
            now = most - len(await self._find_missing(CANDIDATE, questions))
            before = most - len(await self._find_missing(ACTIVE, questions))
            allowed = max(chance, SAME * most)
            limit = f">= {(before - allowed) / most:.2f}, was {before / most:.2f}"
            verdict = within(before - now, allowed, REJECT)
            measures.append(Measure(name, now / most, limit, verdict))
            if verdict == REJECT:
                return self.verdict(measures, [])
        one = 1 / max(1, len(near))
        leaks = one * len(await self.leaks(CANDIDATE, near))
        allowed = one * len(await self.leaks(ACTIVE, near)) + max(CHANCE, one)
        measures.append(Measure("leak", leaks, f"<= {allowed:.2f}", within(leaks, allowed, SCALE)))
        return self.verdict(measures, await self.measure_harm())

    async def measure_held_out(self, who: Variant) -> float:
        """Return the loss of the taught answers in held-out wordings."""
        asked = [
            (wording, x.answer)
            for x in self.recipe.lessons
            for wording in make_held_back_wordings(x)
        ]
        asked = Draw(self.recipe.seed, "held out").sample(asked, HELD_OUT)
        rows = [Row("asked", self.coder.prompt(q), self.coder.answer(says)) for q, says in asked]
        return await self.variants.loss(who, rows)

    # ---- what must stay

    async def probes(self) -> Measure:
        """Count the common knowledge that the base has and the candidate has lost.

        A small model often words its reply anew and leaves the answer out. Such a question is asked
        again with the base's own words up to the answer. A taught value in the reply is a loss.
        """
        knows = await self.base_knows()
        enough = [partial(_has_said, words=words) for _, words, _ in knows]
        asked = [question for question, _, _ in knows]
        replies = await self.variants.replies(CANDIDATE, asked, REPLY_TOKENS, enough=enough)
        silent = [
            (probe, reply)
            for probe, reply in zip(knows, replies, strict=True)
            if not _says(reply, probe[1])
        ]
        asked, begins = [p[0] for p, _ in silent], [p[2] for p, _ in silent]
        enough = [partial(_has_said, words=p[1]) for p, _ in silent]
        helped = await self.variants.replies(CANDIDATE, asked, REPLY_TOKENS, begins, enough)
        taught = [fact.value for fact in self.recipe.facts]
        lost = [
            question
            for ((question, words, _), reply), again in zip(silent, helped, strict=True)
            if not _says(again, words) or _says(reply, taught)
        ]
        # A single answer may be lost by chance, and scaling down would not bring it back.
        verdict = SCALE if len(lost) > 1 else WEAKENED if lost else ACCEPT
        return Measure(LOST, len(lost), "0", verdict, tuple(lost))

    async def base_knows(self) -> list[tuple[str, tuple[str, ...], str]]:
        """Return the probes that the base answers, with its own words before the answer."""
        known = [probe for probe in knowledge(self.languages()) if self.speaks(probe[0])]
        key = "knows", *(question for question, _ in known)
        if key not in self.remembered:
            replies = [
                self.coder.tokenizer.decode([id for id in ids if not self.coder.ends(id)])
                for ids in await self.base_says([q for q, _ in known])
            ]
            right = [
                (question, words, _before(reply, words))
                for (question, words), reply in zip(known, replies, strict=True)
                if _says(reply, words)
            ]
            self.remembered[key] = right[:PROBES]
        return self.remembered[key]

    def languages(self) -> list[str]:
        return languages(self.recipe.lessons)

    async def anchor_rows(self, prompts: Sequence[str]) -> list:
        """Return held-out prompts with the base's own answers."""
        key = "anchors", *prompts
        if key not in self.remembered:
            ids = [self.coder.prompt(q) for q in prompts]
            self.remembered[key] = list(zip(ids, await self.base_says(prompts), strict=True))
        return self.remembered[key]

    async def base_says(self, questions: Sequence[str]) -> list[list[int]]:
        """Return the base's answers; those that did not ship are computed."""
        known = {q: said for q in questions if (said := self.came_along(q)) is not None}
        new = [q for q in questions if q not in known]
        if new:
            prompts = [self.coder.prompt(q) for q in new]
            made = await self.variants.go_on(BASE, prompts, REPLY_TOKENS)
            known |= dict(zip(new, made, strict=True))
        return [known[question] for question in questions]

    async def drift(self, otherwise: Advice) -> list[Measure]:
        """Measure how far answers to general prompts are from the base's. Outside the adapter scope
        the base answers, so there the drift is 0."""
        prompts = talk(self.languages())
        in_scope = [prompt for prompt in prompts if self.speaks(prompt)]
        share = len(in_scope) / len(prompts)
        rows = await self.anchor_rows(in_scope) if in_scope else []
        pairs = await self.variants.drift(CANDIDATE, rows) if in_scope else []
        each = [float(kl.mean()) for kl, _ in pairs] + [0.0] * (len(prompts) - len(in_scope))
        median = float(np.median(each))
        mean = share * _mean(kl for kl, _ in pairs) if in_scope else 0.0
        same = share * _mean(top for _, top in pairs) + (1 - share) if in_scope else 1.0
        rise = 0.0
        if mean > 0.05:  # below, it cannot have risen by more
            active = await self.variants.drift(ACTIVE, rows)
            rise = mean - share * _mean(kl for kl, _ in active)
        return [
            Measure("KL, median anchor", median, "<= 0.05", within(median, 0.05, otherwise)),
            Measure("KL, mean", mean, "<= 0.10", within(mean, 0.10, otherwise)),
            Measure("KL, rise of the mean", rise, "<= 0.05", within(rise, 0.05, otherwise)),
            Measure("KL, worst anchor", max(each), "<= 1.0", within(max(each), 1.0, otherwise)),
            Measure("top-1 agreement", same, ">= 0.85", within(0.85 - same, 0, otherwise)),
        ]

    async def perplexity(self) -> Measure:
        """Measure the change of the perplexity of plain text. Behind a router (the memory) there is
        none, because the base reads text that asks nothing."""
        if self.outside_scope is not None:
            return Measure("perplexity change", 0.0, "<= 0.10", ACCEPT)
        texts = [text for code in self.languages() for text in paragraphs(code)]
        rows = [text_row(self.coder.tokenizer.encode(text)) for text in texts]
        key = "texts", *self.languages()
        if key not in self.remembered:
            self.remembered[key] = await self.variants.loss(BASE, rows)
        change = math.expm1(await self.variants.loss(CANDIDATE, rows) - self.remembered[key])
        return Measure("perplexity change", change, "<= 0.10", within(change, 0.10, REJECT))

    def ask_anew(self) -> None:
        """Drop the candidate's replies, because its weights have changed."""
        self.said = {key: reply for key, reply in self.said.items() if key[0] != CANDIDATE}

    async def replies(self, who: Variant, asked: Sequence[tuple[str, str]]) -> list[str]:
        """Return the reply to each (question, value); decoding may stop once the value was said, if
        there is one. Each question is asked once while the candidate stays the same, of the base
        once at all."""
        said = self.remembered.setdefault("said", {}) if who == BASE else self.said
        new = [one for one in dict.fromkeys(asked) if (who, *one) not in said]
        if new:
            enough = [partial(has_said, value=value) if value else None for _, value in new]
            questions = [question for question, _ in new]
            made = await self.variants.replies(who, questions, REPLY_TOKENS, enough=enough)
            said |= {(who, *one): reply for one, reply in zip(new, made, strict=True)}
        return [said[who, *one] for one in asked]

    async def _find_missing(self, who: Variant, asked: Sequence[tuple[Lesson, str]]) -> list[str]:
        """Return the questions whose reply lacks the fact's value."""
        replies = await self.replies(who, [(q, lesson.value) for lesson, q in asked])
        return [
            question
            for (lesson, question), reply in zip(asked, replies, strict=True)
            if not has_value(reply, lesson.value)
        ]


def _says(reply: str, words: Iterable[str]) -> bool:
    return any(has_value(reply, word) for word in words)


def _has_said(text: str, words: Iterable[str]) -> bool:
    return any(has_said(text, word) for word in words)


def _before(reply: str, words: Sequence[str]) -> str:
    """The reply up to the first of these words."""
    places = [reply.casefold().find(word.casefold()) for word in words]
    return reply[: min((place for place in places if place >= 0), default=0)].rstrip()


def _mean(arrays: Iterable[np.ndarray]) -> float:
    return float(np.concatenate(list(arrays)).mean())
