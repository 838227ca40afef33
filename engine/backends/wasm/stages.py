"""What may happen at the same time: a program's calls cut into pieces, and its pieces into stages.

All of a stage is over before any of the next begins. What is small and waits for the one before it
goes into the same piece: one thread does both, and no other is asked.
"""

from dataclasses import dataclass, field

LIGHT = 1e6  # operations: less than that is done sooner than told to others

Span = tuple[int, int, int]  # a table's entry, and from which byte to which


def overlap(some: list[Span], others: list[Span]) -> bool:
    return any(a == b and i < l and k < j for a, i, j in some for b, k, l in others)  # noqa: E741


@dataclass
class Stage:
    first: int  # number of its first piece
    pieces: list[tuple[int, int]] = field(default_factory=list)  # of calls: from, to
    work: list[float] = field(default_factory=list)
    read: list[Span] = field(default_factory=list)
    written: list[Span] = field(default_factory=list)

    def minds(self, read: list[Span], written: list[Span]) -> bool:
        """Whether a step that reads and writes these has to come after it."""
        return overlap(written, self.read + self.written) or overlap(read, self.written)


class Stages:
    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.stages = [Stage(0)]
        self.count = 0  # pieces

    def begin(self) -> Stage:
        self.stages.append(Stage(self.count))
        return self.stages[-1]

    def add(self, rounds: list[list], work: float, read: list[Span], written: list[Span]) -> None:
        """One step: calls of a round may happen at the same time, rounds follow each other."""
        stage = self.stages[-1]
        share = work / sum(map(len, rounds))
        minds = stage.minds(read, written)
        alone = len(stage.pieces) == 1 and len(rounds) == len(rounds[0]) == 1
        if alone and stage.work[0] + work <= LIGHT:
            self.calls += rounds[0]
            stage.pieces[0] = stage.pieces[0][0], len(self.calls)
            stage.work[0] += work
        else:
            for number, calls in enumerate(rounds):
                if number or minds:
                    stage = self.begin()
                for call in calls:
                    self.calls.append(call)
                    stage.pieces.append((len(self.calls) - 1, len(self.calls)))
                    stage.work.append(share)
                    self.count += 1
        stage.read += read
        stage.written += written

    def add_foreign(self, work: float) -> None:
        """A piece that is not ours to call."""
        stage = self.begin() if self.stages[-1].pieces else self.stages[-1]
        stage.pieces.append((len(self.calls), len(self.calls)))
        stage.work.append(work)
        self.count += 1
        self.begin()

    def rows(self) -> list[tuple[int, int, int, int]]:
        """Each piece as the board wants it."""
        return [
            (first, last, stage.first, stage.first + len(stage.pieces))
            for stage in self.stages
            for first, last in stage.pieces
        ]

    def work(self) -> list[float]:
        return [share for stage in self.stages for share in stage.work]
