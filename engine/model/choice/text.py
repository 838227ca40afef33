"""Follows a text through a grammar: what may come next, and the shortest way to its end.

A state is a set of stacks, one for each way in which the text so far can be read; a stack is a pair
of what is being read and the stack beneath it, or None at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

from oneseek.engine.model.choice.parts import (
    CHANCE,
    NUMBER,
    PLAIN,
    READABLE,
    Node,
    advance,
    complete_node,
    ends,
)

Stack = tuple | None
Stacks = tuple[Stack, ...]
State = int  # the number of a set of stacks
NOWHERE: State = 0  # the text is not allowed


class Grammar(Protocol):
    """Nodes, and the productions of each."""

    start: Node

    def ways(self, node: Node) -> list[tuple[Node, ...]]:
        """Return the productions of a node."""

    def shortest(self, node: Node) -> bytes:
        """Return the shortest text of a node."""


class Text:
    """What a grammar allows, byte by byte. States are numbered, and steps are cached."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self._stacks: list[Stacks] = [()]
        self._numbers: dict[Stacks, State] = {(): NOWHERE}
        self._steps: dict[tuple[State, int], State] = {}
        self._endings: dict[State, bytes] = {}
        self._shares: dict[tuple[State, int], float] = {}
        self.start = self._state(tuple(dict.fromkeys(self._expand((grammar.start, None)))))

    def _state(self, stacks: Stacks) -> State:
        if stacks not in self._numbers:
            self._numbers[stacks] = len(self._stacks)
            self._stacks.append(stacks)
        return self._numbers[stacks]

    def after(self, state: State, text: bytes) -> State:
        """Return the state after more text; NOWHERE where the grammar does not allow it."""
        for byte in text:
            key = state, byte
            if key not in self._steps:
                self._steps[key] = self._state(self._step(self._stacks[state], byte))
            state = self._steps[key]
            if state == NOWHERE:
                break
        return state

    def is_whole(self, state: State) -> bool:
        """Whether the text may end here."""
        return any(map(is_end, self._stacks[state]))

    def is_over(self, state: State) -> bool:
        """Whether the text has to end here."""
        return all(map(is_end, self._stacks[state])) and state != NOWHERE

    def chance(self, state: State, text: bytes) -> float:
        """Return the log of the chance, where the grammar gives any, that this text follows, or,
        for no text, that the text ends."""
        if not text:
            stacks = self._stacks[state]
            return log_share(sum(chance_of(one) for one in stacks if is_end(one)), stacks)
        total = 0.0
        for byte in text:
            key = state, byte
            if key not in self._shares:
                stacks = self._stacks[state]
                these = (one for one in stacks if one and not is_end(one) and advance(one[0], byte))
                self._shares[key] = log_share(sum(map(chance_of, these)), stacks)
            total += self._shares[key]
            state = self.after(state, bytes([byte]))
        return total

    def complete(self, state: State) -> bytes:
        """Return the shortest text that completes this one."""
        if state not in self._endings:
            self._endings[state] = min(map(self._end, self._stacks[state]), key=len)
        return self._endings[state]

    def _end(self, stack: Stack) -> bytes:
        parts = []
        if stack is not None:
            parts.append(complete_node(stack[0]))
            stack = stack[1]
        while stack is not None:
            parts.append(self.grammar.shortest(stack[0]))
            stack = stack[1]
        return b"".join(parts)

    def _step(self, stacks: Stacks, byte: int) -> Stacks:
        found: dict[Stack, None] = {}
        for stack in stacks:
            if stack is None or is_end(stack):
                continue
            top, below = stack
            for more in advance(top, byte):
                found |= dict.fromkeys(self._expand((more, below)))
        return tuple(found)

    def _expand(self, stack: Stack) -> Iterator[Stack]:
        """Yield the stacks with something readable on top that a stack stands for."""
        waiting = [stack]
        while waiting:
            stack = waiting.pop()
            if stack is None:
                yield None
                continue
            top, below = stack
            if top[0] == CHANCE:
                if below is None:
                    yield stack
                else:
                    waiting.append(below)
                continue
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


def is_end(stack: Stack) -> bool:
    return stack is None or stack[0][0] == CHANCE


def chance_of(stack: Stack) -> float:
    """Return the chance that the grammar gives the way that is being read."""
    while stack is not None and stack[0][0] in READABLE:
        stack = stack[1]
    return stack[0][1] if stack is not None and stack[0][0] == CHANCE else 1.0


def log_share(some: float, stacks: Stacks) -> float:
    """The log of a share. A number or text that may end or continue counts as one way, not two."""
    ended = {one[1] for one in stacks if one and one[0][0] in (PLAIN, NUMBER)}
    every = sum(chance_of(one) for one in stacks if one not in ended)
    return math.log(min(1.0, some / every)) if some else -math.inf
