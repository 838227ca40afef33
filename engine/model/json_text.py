"""A text that is written by a grammar of JSON: what may come next, and the shortest way to its end.

A state is a set of stacks, one for each way in which the text so far can be read; a stack is a pair
of what is being read and the stack beneath it, or None at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from oneseek.engine.model.json_parts import READABLE, ending, ends, going_on
from oneseek.engine.model.json_schema import Grammar

Stack = tuple | None
State = tuple[Stack, ...]
KEPT = 1 << 16  # steps that are remembered


class Text:
    """What a grammar allows, byte by byte. Steps are remembered: most texts go the same ways."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self._steps: dict[tuple[State, int], State] = {}
        self._endings: dict[State, bytes] = {}
        self.start = tuple(dict.fromkeys(self._opened((grammar.start, None))))

    def after(self, state: State, text: bytes) -> State:
        """The state after more text; empty where the grammar does not allow it."""
        for byte in text:
            key = state, byte
            found = self._steps.get(key)
            if found is None:
                if len(self._steps) > KEPT:
                    self._steps.clear()
                found = self._steps[key] = self._step(state, byte)
            if not found:
                return found
            state = found
        return state

    def is_whole(self, state: State) -> bool:
        """Whether the text may end here."""
        return None in state

    def is_over(self, state: State) -> bool:
        """Whether it has to."""
        return state == (None,)

    def ending(self, state: State) -> bytes:
        """The shortest text to a whole one."""
        found = self._endings.get(state)
        if found is None:
            if len(self._endings) > KEPT:
                self._endings.clear()
            found = self._endings[state] = min((self._end(one) for one in state), key=len)
        return found

    def _end(self, stack: Stack) -> bytes:
        parts = []
        if stack is not None:
            parts.append(ending(stack[0]))
            stack = stack[1]
        while stack is not None:
            parts.append(self.grammar.shortest(stack[0]))
            stack = stack[1]
        return b"".join(parts)

    def _step(self, state: State, byte: int) -> State:
        found: dict[Stack, None] = {}
        for stack in state:
            if stack is None:
                continue
            top, below = stack
            for more in going_on(top, byte):
                found |= dict.fromkeys(self._opened((more, below)))
        return tuple(found)

    def _opened(self, stack: Stack) -> Iterator[Stack]:
        """The stacks with something readable on top that a stack stands for."""
        waiting = [stack]
        while waiting:
            stack = waiting.pop()
            if stack is None:
                yield None
                continue
            top, below = stack
            if top[0] in READABLE:
                ended, only = ends(top)
                if ended:
                    waiting.append(below)
                if not only:
                    yield stack
                continue
            for way in self.grammar.ways(top):
                inner = below
                for part in reversed(way):
                    inner = part, inner
                waiting.append(inner)
