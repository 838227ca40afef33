"""Selects what one round learns: a person's words by themselves, of imports several examples that
take turns.

Few at once while someone is at the keyboard, so that the result is soon there; more when nobody is.
"""

WHEN_ACTIVE, WHEN_IDLE = 4, 32  # the most examples of a round
SOURCE_SHARE = 0.2
CHARACTERS = 3  # of a token, at the least
SHAPES = (64, 256, 1024, 4096)  # tokens of an example: those of one shape share their programs
BUDGET = 8192  # tokens of a round: the base's answers to its hard negatives are kept in memory


def length_of(example):
    """About how many tokens an example has."""
    return (len(example["prompt"]) + len(example["answer"])) // CHARACTERS


class BatchManager:
    """Takes examples from `queue` (a TrainingQueue) in its order, as many as fit.

    `length(example)` is in tokens; a batch holds examples of one of `shapes`, and no more than
    `budget` tokens.  One source fills at most a fifth of a batch, so that a page cannot drown
    everything else; what does not fit goes back to its place.
    """

    def __init__(self, queue, length=length_of, shapes=SHAPES, budget=BUDGET):
        self.queue = queue
        self.length = length
        self.shapes = shapes
        self.budget = budget

    def next_batch(self, active):
        """Return the next examples, leased from the queue; none when nothing waits."""
        batch = self.queue.take(1)
        if not batch or batch[0]["priority"] != "import":
            return batch
        most = WHEN_ACTIVE if active else WHEN_IDLE
        lent = self.queue.take(2 * most)
        for example in lent:
            if self._fits(example, batch, most):
                batch.append(example)
        taken = [one["id"] for one in batch]
        self.queue.give_back([one["id"] for one in lent if one["id"] not in taken])
        return batch

    def _fits(self, example, batch, most):
        if example["priority"] != "import" or self.shape(example) != self.shape(batch[0]):
            return False
        if len(batch) == most or (len(batch) + 1) * self.shape(example) > self.budget:
            return False
        same = [one for one in batch if source_of(one) == source_of(example)]
        return len(same) < max(1, int(SOURCE_SHARE * most))

    def shape(self, example):
        """Return the smallest shape that holds an example; the largest for a longer one."""
        length = self.length(example)
        return next((size for size in self.shapes if size >= length), self.shapes[-1])


def source_of(example):
    """Return what an example was read from."""
    return example["source"].get("document") or example["source"]
