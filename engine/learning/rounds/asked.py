"""What the gate asks beside the facts themselves: what could be confused with them, common
knowledge, and talk in general. Nobody trains on any of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oneseek.engine.learning.lessons import FOR_THE_GATE, Draw, Lesson, held_out_anchors, probes
from oneseek.engine.learning.recipe import Recipe

ANCHORS, PROBES, EARLIER_LOOK_ALIKES, AT_MOST = 24, 16, 5, 48
Probe = tuple[str, tuple[str, ...]]


def languages(lessons: Iterable[Lesson]) -> list[str]:
    return sorted({lesson.language for lesson in lessons} | {"en"})


def knowledge(codes: list[str]) -> list[Probe]:
    """Questions of common knowledge, some more than are wanted: the base does not know all."""
    known = [probe for code in codes for probe in probes(code)]
    return Draw("probes").sample(known, PROBES + PROBES // 2)


def talk(codes: list[str]) -> list[str]:
    """Prompts on which it is measured how far the adapter moves the base."""
    share = ANCHORS // len(codes)
    return [prompt for code in codes for prompt in held_out_anchors(code)[:share]]


def look_alikes(recipe: Recipe, now: Sequence[Lesson], before: Sequence[Lesson]) -> list[str]:
    """Questions near to what is taught now, and to some of what was taught before."""
    near = [n.question for x in now for n in recipe.pool(x)[:FOR_THE_GATE]]
    draw = Draw(recipe.seed, "gate")
    old = [n.question for x in before for n in recipe.pool(x)[:FOR_THE_GATE]]
    return draw.sample(near, AT_MOST // 2) + draw.sample(old, EARLIER_LOOK_ALIKES)
