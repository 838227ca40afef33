"""Shares the base model's answers between the tests of one run, so that each is computed once.

They are most of the cost of a round of the demo model, and a round's bits do not depend on when
they were computed. Tests of this very step call `forget_answers` first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning import shape
from oneseek.engine.learning.batch import Coder
from oneseek.engine.learning.rounds.workbench import Workbench
from oneseek.engine.model.loaded import Model

_heard: dict[tuple, dict] = {}
_remembered: dict[tuple, dict] = {}


def forget_answers() -> None:
    """Forget all shared answers, so that the next workbench computes them."""
    _heard.clear()
    _remembered.clear()


@contextmanager
def asked_once() -> Iterator[None]:
    """Let workbenches of one model share the base's answers, and those of one shape the gate's
    memory."""
    begin: Callable = Workbench.__init__

    @wraps(begin)
    def share_answers(self: Workbench, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        if not (same := _same(self.model, self.coder)):
            return
        here = *same, self.memory_budget
        self.kept.round_answers = _heard.setdefault(here, {})
        self.remembered = _remembered.setdefault((*here, str(shape.describe(self.config))), {})

    Workbench.__init__ = share_answers
    try:
        yield
    finally:
        Workbench.__init__ = begin


def _same(model: Model, coder: Coder) -> tuple:
    """The key under which answers can be shared; empty if they cannot."""
    if type(model.executor) is not Numpy or not model.fingerprint:
        return ()
    return model.fingerprint, model.executor.float, str(coder.system)
