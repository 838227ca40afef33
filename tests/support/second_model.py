"""Makes a second base model from the demo model by dropping its last layers: it answers and learns,
but knows less."""

import contextlib
from pathlib import Path

from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import gguf, gguf_writer
from oneseek.engine.model.formats.source import FileSource

LAYERS = 2


def write_model(folder: Path, name: str = "small") -> Path:
    with contextlib.closing(FileSource(MODEL)) as source:
        metadata, tensors = gguf.read_header(source)
        kept = {
            part: (one.kind.name, one.shape, bytes(source.read(one.offset, one.nbytes)))
            for part, one in tensors.items()
            if not part.startswith("blk.") or int(part.split(".")[1]) < LAYERS
        }
    path = folder / f"{name}.gguf"
    with path.open("wb") as file:
        gguf_writer.write(file, {**metadata, "llama.block_count": LAYERS}, kept)
    return path
