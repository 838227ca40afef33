"""The recipe: selects the rows of each training step, as a pure function of (seed, step).

A lesson step teaches one fact in several wordings, replays earlier facts and adds regularisation
examples, whose target is the base model's answer. A consolidation step (`practice`) mixes all
facts. Nothing here knows tokens or weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.lessons import (
    FOR_THE_GATE,
    Draw,
    Lesson,
    Neighbour,
    anchors,
    codes,
    neighbours,
    probes,
    texts,
    wordings,
)

ANCHOR_TOKENS = 24
ANCHORS_TOGETHER = 16
LOOK_ALIKES_TOGETHER = 16
IN_LESSONS, IN_PRACTICE = range(2)  # indices into the two pairs below
GROUPS = 2, 6  # groups of hard negatives of a fact
NEIGHBOUR_TOKENS = 4, 1  # of a hard negative's answer, after its forced beginning
TRIES = 3
PLAIN = 6  # consolidation asks a fact in its own words on every sixth of its turns
MENDED = 4  # forgotten common knowledge that each corrective step repeats, at most
PROBES = "probes"  # the answer group of common knowledge
TEXTS = "texts"  # the answer group of plain text


@dataclass(frozen=True)
class Learn:
    """A question whose answer is to be learned."""

    part: str
    question: str
    answer: str


@dataclass(frozen=True)
class Hold:
    """A regularisation example: its answer is to stay the base model's, from `begin` on."""

    part: str
    question: str
    begin: str = ""
    tokens: int = ANCHOR_TOKENS
    sampled: bool = False
    among: str = ""  # the group it is answered in, see Recipe.answer_group
    plain: bool = False  # a plain text instead of a question, given in `begin`
    not_this: tuple[str, str] = ("", "")  # beginning of a taught answer, value that must not follow


Ask = Learn | Hold


def hold_neighbour(neighbour: Neighbour, lesson: Lesson, where: int, index: int) -> Hold:
    among = f"{lesson.id} {where} {index // LOOK_ALIKES_TOGETHER}"
    question, begin, tokens = neighbour.question, neighbour.begin, NEIGHBOUR_TOKENS[where]
    not_this = lesson.begin, lesson.ending
    return Hold("neighbours", question, begin, tokens, among=among, not_this=not_this)


def hold_anchor(code: str, index: int) -> Hold:
    """A regularisation example: half of them keep the base's greedy answer, half a sampled one."""
    among = f"{code} {index // ANCHORS_TOGETHER}"
    return Hold("anchors", anchors(code)[index][1], sampled=index % 2 == 1, among=among)


def for_the_gate(question: str) -> Hold:
    """A question to which the evaluator needs the base's greedy answer. No step trains on it."""
    return Hold("gate", question, among="gate")


def hold_text(code: str, index: int) -> Hold:
    """Return a plain text on which the base's predictions are kept: an adapter held to the base's
    answers in a chat alone still raises the perplexity of plain text."""
    return Hold("texts", "", texts(code)[index], tokens=0, among=f"{TEXTS} {code}", plain=True)


def hold_probe(code: str, question: str) -> Hold:
    """Return a regularisation example for common knowledge that the evaluator found forgotten."""
    return Hold("anchors", question, among=f"{PROBES} {code}")


def any_anchor(code: str, draw: Draw) -> Hold:
    return hold_anchor(code, draw.draw_below(len(anchors(code))))


def any_text(code: str, draw: Draw) -> Hold:
    return hold_text(code, draw.draw_below(len(texts(code))))


def other_words(lesson: Lesson, draw: Draw) -> str:
    """Return a wording other than the fact's own question, if a few draws give one. The own
    question has turns of its own (PLAIN), and each other wording is one more that the model
    understands."""
    drawn = (wordings(lesson, draw) for _ in range(TRIES))
    return next((words for words in drawn if words != lesson.question), lesson.question)


def due(step: int, rows: float) -> int:
    """Return how many rows this step gets where a step gets `rows` on average."""
    return math.floor((step + 1) * rows + 0.5) - math.floor(step * rows + 0.5)


def newest(lessons: Sequence[Lesson]) -> tuple[list[Lesson], list[tuple[Lesson, Lesson]]]:
    """The lessons that no later one replaces, and the (older, newer) pairs that contradict."""
    kept: list[Lesson] = []
    replaced = []
    for lesson in lessons:
        same = [old for old in kept if lesson.same_question(old)]
        replaced += [(old, lesson) for old in same if lesson.contradicts(old)]
        kept = [old for old in kept if old not in same] + [lesson]
    return kept, replaced


class Recipe:
    """Selects rows from the facts and their hard negatives."""

    def __init__(
        self,
        lessons: Sequence[Lesson],
        earlier: Sequence[Lesson],
        config: TrainingConfig,
        seed: int,
        behind: bool = False,
    ) -> None:
        """With `behind`, a router (the memory) sends unrelated questions to the base, so lessons
        have no regularisation examples for them. Consolidation has: its adapter may be exported."""
        facts, self.replaced = newest([*earlier, *lessons])
        self.lessons = [lesson for lesson in facts if lesson in lessons]
        self.earlier = [lesson for lesson in facts if lesson not in lessons]
        self.config, self.seed, self.behind = config, seed, behind
        self._hard_negatives: dict[tuple[Lesson, int], list[Neighbour]] = {}
        self._held: dict[tuple[Lesson, int], list[Hold]] = {}

    @cached_property
    def facts(self) -> list[Lesson]:
        return [*self.earlier, *self.lessons]

    def hard_negatives(self, lesson: Lesson, where: int = IN_LESSONS) -> list[Neighbour]:
        """The hard negatives of a fact; the first FOR_THE_GATE are never trained on."""
        if (lesson, where) not in self._hard_negatives:
            count = FOR_THE_GATE + GROUPS[where] * LOOK_ALIKES_TOGETHER
            self._hard_negatives[lesson, where] = neighbours(lesson, self.facts, count)
        return self._hard_negatives[lesson, where]

    def look_alikes(self, lesson: Lesson, where: int = IN_LESSONS) -> list[Hold]:
        """The hard negatives of a fact that are trained on."""
        if (lesson, where) not in self._held:
            trained = enumerate(self.hard_negatives(lesson, where)[FOR_THE_GATE:])
            held = [hold_neighbour(near, lesson, where, i) for i, near in trained]
            self._held[lesson, where] = held
        return self._held[lesson, where]

    def answer_group(self, among: str) -> list[Hold]:
        """Return all questions that the base answers in one batch: hard negatives of a fact,
        consecutive regularisation prompts, probes or texts. The members never change, because the
        last bits of an answer depend on them."""
        whose, which, *_ = among.split()
        for lesson in self.facts:
            if lesson.id == whose:
                return [x for x in self.look_alikes(lesson, int(which)) if x.among == among]
        if whose == PROBES:
            return [hold_probe(which, question) for question, _ in probes(which)]
        if whose == TEXTS:
            return [hold_text(which, index) for index in range(len(texts(which)))]
        first = int(which) * ANCHORS_TOGETHER
        last = min(first + ANCHORS_TOGETHER, len(anchors(whose)))
        return [hold_anchor(whose, index) for index in range(first, last)]

    def hold_lost(self, lost: Sequence[str]) -> list[Hold]:
        """Return regularisation examples for those of the lost questions that are common knowledge,
        up to MENDED."""
        known = {q: code for code in codes() for q, _ in probes(code)}
        return [hold_probe(known[q], q) for q in lost if q in known][:MENDED]

    def lesson_step(self, step: int, extra: int = 0, lost: Sequence[str] = ()) -> list[Ask]:
        """Return the asks of one step of a lesson; several lessons take turns. `extra` adds hard
        negatives; facts whose question is in `lost` are replayed first, in their own words."""
        c = self.config.lesson
        draw = Draw(self.seed, "lesson", step)
        lesson = self.lessons[step % len(self.lessons)]
        asks: list[Ask] = [Learn("taught", lesson.question, lesson.answer)]
        while len(asks) < c.taught_rows:
            asks.append(Learn("taught", wordings(lesson, draw), lesson.answer))
        others = [fact for fact in self.facts if fact is not lesson]
        slipped = [fact for fact in others if fact.question in lost]
        kept = draw.sample(others, c.replay_rows)
        replayed = [*slipped, *(fact for fact in kept if fact not in slipped)][: c.replay_rows]
        for fact in replayed:
            asked = fact.question if fact in slipped else wordings(fact, draw)
            asks.append(Learn("replay", asked, fact.answer))
        for i in range(0 if self.behind else c.anchor_rows):
            asks.append(any_anchor(lesson.language if i % 2 == 0 else "en", draw))
        asks += draw.sample(self.look_alikes(lesson), c.neighbour_rows + extra)
        for fact in replayed[: c.replay_neighbour_rows]:
            asks += draw.sample(self.look_alikes(fact), 1)
        return asks

    def practice_step(self, step: int, unsure: Sequence[str] = ()) -> list[Ask]:
        """Return the asks of one consolidation step: facts in turn, each in another wording, with
        hard negatives of the same facts, so that the model learns to tell them apart. Steps are
        small and many: the same rows in fewer steps teach less and leak more. `unsure` are the
        questions of facts that are not learned yet. They come first, and all facts of the step are
        asked in their own words."""
        c = self.config.practice
        draw = Draw(self.seed, "practice", step)
        turns = self.turns(step, c.fact_rows)
        weak = [fact for fact in self.facts if fact.question in unsure]
        if weak:
            again = min(len(weak), self.unsure_together)
            first = [weak[(step * again + i) % len(weak)] for i in range(again)]
            others = [fact for fact, _ in turns if fact not in first]
            turns = [(fact, step) for fact in (*first, *others)][: c.fact_rows]
        asks: list[Ask] = []
        for fact, turn in turns:
            plain = weak or turn % PLAIN == 0
            asked = fact.question if plain else other_words(fact, draw)
            asks.append(Learn("taught", asked, fact.answer))
        spoken = [fact.language for fact, _ in turns]
        asks += [any_anchor(draw.choice(spoken), draw) for _ in range(due(step, c.anchor_rows))]
        asks += [any_text(draw.choice(spoken), draw) for _ in range(due(step, c.text_rows))]
        for i in range(due(step, c.neighbour_rows)):
            fact, turn = turns[i % len(turns)]
            near = self.look_alikes(fact, IN_PRACTICE)[: self.enough_look_alikes]
            if near:
                asks.append(near[(turn + i) % len(near)])
        return asks

    @property
    def unsure_together(self) -> int:
        """How many unsure facts a step has at most: one row is left for another fact."""
        return max(1, self.config.practice.fact_rows - 1)

    def turns(self, step: int, rows: int) -> list[tuple[Lesson, int]]:
        """Return the facts of a step's rows, and how many turns each had before: every fact has its
        turn before any has its next."""
        orders: dict[int, list[Lesson]] = {}
        turns = []
        for place in range(step * rows, (step + 1) * rows):
            before, index = divmod(place, len(self.facts))
            if before not in orders:
                orders[before] = Draw(self.seed, "turn", before).shuffle(self.facts)
            turns.append((orders[before][index], before))
        return turns

    @cached_property
    def enough_look_alikes(self) -> int:
        """How many hard negatives of a fact consolidation uses: another one each turn, in whole
        answer groups. A group is not begun for the few last turns."""
        turns = self.config.practice.steps_per_fact * self.config.practice.neighbour_rows
        return LOOK_ALIKES_TOGETHER * max(1, round(turns / LOOK_ALIKES_TOGETHER))

    @property
    def practice_steps(self) -> int:
        return self.config.practice.steps_per_fact * len(self.facts)
