"""What each step of a lesson or of practice asks: the recipe, as a pure function of (seed, step).

A lesson step teaches one fact in several wordings, repeats earlier ones and holds on to the base
model's own answers; a practice step mixes all facts.  Nothing here knows tokens or weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.config import TrainingConfig
from engine.lessons import (
    FOR_THE_GATE,
    Draw,
    Lesson,
    Neighbour,
    anchors,
    codes,
    neighbours,
    probes,
    wordings,
)

ANCHOR_TOKENS = 24
NEIGHBOUR_TOKENS = 8
ANCHORS_TOGETHER = 16
MENDED = 4  # of what was lost, held on to in each further step
PROBES = "probes"  # the company of common knowledge


@dataclass(frozen=True)
class Learn:
    """A question whose answer is to be learned."""

    part: str
    question: str
    answer: str


@dataclass(frozen=True)
class Hold:
    """A question whose answer is to stay the base model's, from `begin` on."""

    part: str
    question: str
    begin: str = ""
    tokens: int = ANCHOR_TOKENS
    sampled: bool = False
    among: str = ""  # whose company it is asked in, see Recipe.company


Ask = Learn | Hold


def hold_neighbour(neighbour: Neighbour, lesson: Lesson) -> Hold:
    question, begin = neighbour.question, neighbour.begin
    return Hold("neighbours", question, begin, NEIGHBOUR_TOKENS, among=lesson.id)


def hold_anchor(code: str, index: int) -> Hold:
    """Half of the anchors keep the base's likeliest answer, half one it draws."""
    among = f"{code} {index // ANCHORS_TOGETHER}"
    return Hold("anchors", anchors(code)[index][1], sampled=index % 2 == 1, among=among)


def for_the_gate(question: str) -> Hold:
    """What the gate wants to know of the base: its likeliest answer. Nobody trains on it."""
    return Hold("gate", question, among="gate")


def hold_probe(code: str, question: str) -> Hold:
    """Common knowledge the gate found lost."""
    return Hold("anchors", question, among=f"{PROBES} {code}")


def any_anchor(code: str, draw: Draw) -> Hold:
    return hold_anchor(code, draw.below(len(anchors(code))))


def newest(lessons: Sequence[Lesson]) -> tuple[list[Lesson], list[tuple[Lesson, Lesson]]]:
    """Lessons without those a later one replaces, and the (older, newer) pairs that contradict."""
    kept: list[Lesson] = []
    replaced = []
    for lesson in lessons:
        same = [old for old in kept if lesson.same_question(old)]
        replaced += [(old, lesson) for old in same if lesson.contradicts(old)]
        kept = [old for old in kept if old not in same] + [lesson]
    return kept, replaced


class Recipe:
    """The facts at hand and their look-alikes."""

    def __init__(
        self,
        lessons: Sequence[Lesson],
        earlier: Sequence[Lesson],
        config: TrainingConfig,
        seed: int,
    ):
        if not lessons:
            raise ValueError("there is nothing to learn: no lesson was given")
        facts, self.replaced = newest([*earlier, *lessons])
        self.lessons = [lesson for lesson in facts if lesson in lessons]
        self.earlier = [lesson for lesson in facts if lesson not in lessons]
        self.config, self.seed = config, seed
        self._pools: dict[Lesson, list[Neighbour]] = {}

    @cached_property
    def facts(self) -> list[Lesson]:
        return [*self.earlier, *self.lessons]

    def pool(self, lesson: Lesson) -> list[Neighbour]:
        """All look-alikes of a fact; the first few are the gate's."""
        if lesson not in self._pools:
            self._pools[lesson] = neighbours(lesson, self.facts)
        return self._pools[lesson]

    def look_alike(self, lesson: Lesson, draw: Draw) -> Hold:
        return hold_neighbour(draw.choice(self.pool(lesson)[FOR_THE_GATE:]), lesson)

    def company(self, among: str) -> list[Hold]:
        """All questions the base is asked together: a fact's look-alikes, or a stretch of anchors.
        Always the same ones, because the last bits of an answer depend on what is computed with it."""
        for lesson in self.facts:
            if lesson.id == among:
                return [hold_neighbour(near, lesson) for near in self.pool(lesson)[FOR_THE_GATE:]]
        if among.startswith(PROBES):
            code = among.split()[1]
            return [hold_probe(code, question) for question, _ in probes(code)]
        code, stretch = among.split()
        first = int(stretch) * ANCHORS_TOGETHER
        last = min(first + ANCHORS_TOGETHER, len(anchors(code)))
        return [hold_anchor(code, index) for index in range(first, last)]

    def mending(self, lost: Sequence[str]) -> list[Hold]:
        """Common knowledge to be held on to for a few steps, as far as the base has words for it."""
        known = {q: code for code in codes() for q, _ in probes(code)}
        return [hold_probe(known[q], q) for q in lost if q in known][:MENDED]

    def lesson_step(self, step: int, extra: int = 0, lost: Sequence[str] = ()) -> list[Ask]:
        """One step of a lesson; several lessons take turns. `extra` adds look-alikes; what was
        `lost` is repeated before other facts, as it was asked."""
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
        for i in range(c.anchor_rows):
            asks.append(any_anchor(lesson.language if i % 2 == 0 else "en", draw))
        pool = self.pool(lesson)[FOR_THE_GATE:]
        near = draw.sample(pool, c.neighbour_rows + extra)
        asks += [hold_neighbour(neighbour, lesson) for neighbour in near]
        asks += [self.look_alike(fact, draw) for fact in replayed[: c.replay_neighbour_rows]]
        return asks

    def practice_step(self, step: int) -> list[Ask]:
        """One step of practice: facts in turn, each time in another wording."""
        c = self.config.practice
        draw = Draw(self.seed, "practice", step)
        facts = self.turn(step, min(c.fact_rows, len(self.facts)))
        asks: list[Ask] = [Learn("taught", wordings(fact, draw), fact.answer) for fact in facts]
        spoken = [fact.language for fact in facts]
        asks += [any_anchor(draw.choice(spoken), draw) for _ in range(c.anchor_rows)]
        near = draw.sample(facts, c.neighbour_rows)
        while len(near) < c.neighbour_rows:
            near.append(draw.choice(facts))
        return asks + [self.look_alike(fact, draw) for fact in near]

    def turn(self, step: int, count: int) -> list[Lesson]:
        """The facts of a step: everyone's turn comes before anybody's second."""
        places = range(step * count, (step + 1) * count)
        order: dict[int, list[Lesson]] = {}
        chosen = []
        for place in places:
            epoch, index = divmod(place, len(self.facts))
            if epoch not in order:
                order[epoch] = Draw(self.seed, "turn", epoch).shuffled(self.facts)
            chosen.append(order[epoch][index])
        return list(dict.fromkeys(chosen))

    @property
    def practice_steps(self) -> int:
        return self.config.practice.steps_per_fact * len(self.facts)
