"""Reads the encoder's file once in a run of the suite, instead of once for each assistant.

Reading its vocabulary and weights is most of the cost of a test's first question. On numpy a tensor
is an array that no run changes, so the first reader's tensors and programs can be shared by all.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.memory.encoder import Encoder
from oneseek.engine.model.formats import Source
from oneseek.engine.model.formats.source import FileSource

READ = "sizes", "end", "words", "before", "heads", "tensors", "weights", "_plans"


@contextmanager
def read_once() -> Iterator[None]:
    """Let encoders on numpy share the contents of a file that was read before."""
    kept: dict[tuple, dict] = {}
    load: Callable = Encoder._load

    async def share(self: Encoder, source: Source) -> None:
        if type(self.executor) is not Numpy or not isinstance(source, FileSource):
            return await load(self, source)
        file = source.path, source.stamp, self.executor.float
        if file not in kept:
            await load(self, source)
            kept[file] = {name: getattr(self, name) for name in READ}
        for name, value in kept[file].items():
            setattr(self, name, value)

    Encoder._load = share
    try:
        yield
    finally:
        Encoder._load = load
