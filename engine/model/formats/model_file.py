"""An opened model: its description, and its weights one at a time.

Both containers end here, so nothing downstream knows which one a model came in.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import architecture, split, vocabulary
from oneseek.engine.model.formats.packed import Packed, Type, read_packed, read_plain
from oneseek.engine.model.formats.source import FormatError, Source


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies in a file, and how it is stored differently there."""

    shape: tuple
    kind: Type
    source: Source
    offset: int
    order: tuple | None = None  # an axis, and the order in which its parts are taken there
    above: float = 0.0  # added to the stored values: some safetensors keep gains less one
    speed: bool = False  # -e^A is stored, A is meant

    @property
    def nbytes(self):
        """Bytes in the file."""
        return self.kind.nbytes(int(np.prod(self.shape)))

    @property
    def bits(self):
        """Bits of a code, 0 for plain numbers."""
        return self.kind.bits

    @property
    def group(self):
        """Codes that share a scale, 0 for plain numbers."""
        return self.kind.group


class ModelFile:
    """A model that can be read: `config` as in config.json, tensors named as in safetensors;
    `container` is GGUF or safetensors."""

    def __init__(
        self, name, container, config, entries, vocabulary, chat_template, metadata, sources,
        generation=None,
    ):  # fmt: skip
        self.name, self.container = name, container
        self.architecture = config["model_type"]
        self.config = config
        self.tokenizer_data = vocabulary
        self.chat_template = chat_template
        self.special_tokens = vocabulary.special_tokens()
        self.metadata = metadata
        self.generation = generation or {}  # generation_config.json, where there is one
        self.sources = sources
        self.eyes = None  # an EyesFile, where one lies beside it
        self.blind = "no file with its eyes (mmproj) lies beside it"  # why there is none
        self._entries = entries
        self._shapes = configure(config).shapes()
        self._check()

    def _check(self):
        for name, shape in self._shapes.items():
            entry = self._entries.get(name)
            if entry is None:
                raise FormatError(self.name, f"the tensor {name} is missing")
            if entry.shape != shape:
                raise FormatError(self.name, f"{name} has shape {entry.shape}, not {shape}")
        for name in self._entries:
            if name not in self._shapes:
                raise FormatError(
                    self.name, f"the tensor {name} is not part of {self.architecture} as configured"
                )
        tokens, rows = len(self.tokenizer_data.tokens), self.config["vocab_size"]
        if tokens > rows:
            raise FormatError(self.name, f"{tokens} tokens do not fit {rows} embeddings")

    def names(self):
        """Return all tensors, in the order the model uses them."""
        return list(self._shapes)

    def spec(self, name):
        """Return shape, stored type, bits and group of one tensor, without reading it."""
        return self._entries[name]

    def read(self, name):
        """Read one tensor: `Packed` when quantised, otherwise a float32 or float16 array."""
        entry = self._entries[name]
        read = read_packed if entry.kind.bits else read_plain
        tensor = read(entry.source, entry.offset, entry.kind, entry.shape)
        numbers = tensor.scales if isinstance(tensor, Packed) else tensor
        if not np.isfinite(numbers).all():
            raise FormatError(
                self.name, f"{name} holds numbers that are not finite; download it again"
            )
        if entry.above:
            return tensor.astype(np.float32) + np.float32(entry.above)
        if entry.speed:
            if not (tensor < 0).all():
                raise FormatError(self.name, f"{name} holds numbers that are not below zero")
            tensor = np.log(-tensor.astype(np.float32))
        if not entry.order:
            return tensor
        side, order = entry.order
        if isinstance(tensor, Packed):
            return tensor.columns(order) if side else tensor.rows(order)
        return tensor.take(order, side)

    @property
    def size(self):
        """Bytes of all its files."""
        return sum(source.size for source in self.sources)

    def sha256(self, progress=lambda phase, done, total: None):
        """Return the file's hash; for several files, the hash of their `sha256sum` listing."""
        done = 0

        def report(count):
            nonlocal done
            done += count
            progress("verify", done, self.size)

        if len(self.sources) == 1:
            return self.sources[0].sha256(report)
        lines = sorted(f"{source.name}  {source.sha256(report)}\n" for source in self.sources)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def take_eyes(self, open_eyes):
        """Take the eyes that `open_eyes` returns for this width of the embeddings; where they do
        not fit, the model stays as it is, and `blind` says why."""
        try:
            self.eyes, self.blind = open_eyes(self.config["hidden_size"]), ""
        except FormatError as problem:
            self.blind = str(problem)

    def shut_eyes(self, why):
        """Remove the eyes; `why` is kept as the reason."""
        if self.eyes:
            self.eyes.close()
            self.eyes, self.blind = None, why

    def close(self):
        for source in self.sources:
            source.close()
        self.shut_eyes("its file is closed")


def open_gguf(*sources):
    """Open a model in one GGUF file, or in all the parts of one."""
    source, file = sources[0], split.whole_name(sources[0].name)
    metadata, directory = split.read_header(sources)
    if metadata.get("general.type", "model") != "model":
        reason = f"this GGUF holds a {metadata['general.type']}, not a model"
        raise FormatError(file, reason, kind="no_model")
    config = architecture.config_from_gguf(file, metadata, directory)
    factors = directory.pop("rope_freqs.weight", None)
    if factors is not None:
        config["rope_scaling"] = _rope_factors(config, factors)
    entries = {}
    for tensor in directory.values():
        if architecture.of_no_use(tensor.name, config):
            continue
        name = architecture.from_gguf_name(tensor.name, config["model_type"])
        if name is None:
            raise FormatError(tensor.source.name, f"the tensor {tensor.name!r} is not known")
        if name in entries:
            raise FormatError(tensor.source.name, f"the tensor {name} is there twice")
        shape = tensor.shape
        if name.endswith(("conv.conv.weight", "conv1d.weight")):  # GGUF leaves out the side of one
            shape = (shape[0], 1, *shape[1:])
        where = tensor.source, tensor.offset, architecture.order_of(name, shape, config)
        entries[name] = Entry(shape, tensor.kind, *where, speed=name.endswith(".A_log"))
    template = metadata.get("tokenizer.chat_template")
    if template is not None and not isinstance(template, str):
        raise FormatError(source.name, "the chat template is not text")
    words = vocabulary.from_gguf(file, metadata)
    return ModelFile(file, "GGUF", config, entries, words, template, metadata, list(sources))


def _rope_factors(config, tensor):
    """Return Llama 3's scaling as GGUF keeps it: a divisor for each rotary pair."""
    source = tensor.source
    if tensor.kind.bits or tensor.shape != (config["head_dim"] // 2,):
        raise FormatError(source.name, f"rope_freqs.weight has shape {tensor.shape}")
    values = read_plain(source, tensor.offset, tensor.kind, tensor.shape)
    scaling = {"rope_type": "factors", "factors": values.tolist()}
    architecture.inverse_frequencies(config | {"rope_scaling": scaling}, source.name)
    return scaling
