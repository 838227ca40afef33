"""Cut a program's calls into pieces, and its pieces into stages of what may run at the same time.

All pieces of a stage are done before any of the next begins. A small call that follows a small one
joins its piece: one thread does both, without a hand-over.
"""

from dataclasses import dataclass, field

LIGHT = 1e6  # operations: less is faster in one thread than with a hand-over

Span = tuple[int, int, int]  # (entry, first byte, last byte + 1)


def overlap(some: list[Span], others: list[Span]) -> bool:
    return any(a == b and i < l and k < j for a, i, j in some for b, k, l in others)  # noqa: E741


@dataclass
class Stage:
    first: int  # number of its first piece
    pieces: list[tuple[int, int]] = field(default_factory=list)  # calls: start, stop
    work: list[float] = field(default_factory=list)
    read: list[Span] = field(default_factory=list)
    written: list[Span] = field(default_factory=list)

    def minds(self, read: list[Span], written: list[Span]) -> bool:
        """Whether a step that reads and writes these spans must come after this stage."""
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
        """Add one step: calls of a round may run at the same time, and rounds follow each other."""
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
        """Add a piece that numpy runs."""
        stage = self.begin() if self.stages[-1].pieces else self.stages[-1]
        stage.pieces.append((len(self.calls), len(self.calls)))
        stage.work.append(work)
        self.count += 1
        self.begin()

    def rows(self) -> list[tuple[int, int, int, int]]:
        """Return each piece in the board's format."""
        return [
            (first, last, stage.first, stage.first + len(stage.pieces))
            for stage in self.stages
            for first, last in stage.pieces
        ]

    def work(self) -> list[float]:
        return [share for stage in self.stages for share in stage.work]
