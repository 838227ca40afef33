"""A tokenizer's data in one form, whether it came from GGUF metadata or from tokenizer.json.

What cannot be represented exactly is refused by name rather than approximated.
"""

from dataclasses import dataclass, field

from oneseek.engine.model.formats.source import FormatError
from oneseek.engine.model.formats.words import DIGIT, GPT2, PATTERNS, PRE_TOKENIZERS

SPACE = "▁"
BYTE_NAMES = [f"<0x{byte:02X}>" for byte in range(256)]
# Names under which models end a turn, besides the one their metadata calls eos.
ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "</s>",
)
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


@dataclass
class Vocabulary:
    """All a tokenizer needs; `tokens[id]` is the spelling (None for an id without one)."""

    name: str
    tokens: list
    merges: list  # of (left, right), best first
    pieces: bool = False  # SentencePiece spelling (▁ and <0x0A>) instead of GPT-2's byte alphabet
    patterns: tuple = ()
    whole_words: bool = False
    normal_form: str | None = None
    space_prefix: bool = False
    added: dict = field(default_factory=dict)  # spelling -> id, matched in text before merging
    special: set = field(default_factory=set)  # ids that control the model
    names: dict = field(default_factory=dict)  # "bos_token" and the like -> id
    ends: set = field(default_factory=set)  # ids that end an answer
    add_bos: bool = False

    def special_tokens(self):
        """Return the names a chat template may use, with all special spellings."""
        named = {name: self.tokens[id] for name, id in self.names.items()}
        return named | {
            "additional_special_tokens": [self.tokens[id] for id in sorted(self.special)]
        }


def from_gguf(name, metadata):
    """Return the vocabulary in GGUF metadata."""
    try:
        return _from_gguf(name, metadata)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise FormatError(name, f"the tokenizer cannot be understood ({error!r})") from error


def _from_gguf(name, metadata):
    kind = metadata.get("tokenizer.ggml.model")
    if kind is None:
        raise FormatError(
            name, "the tokenizer is missing; choose a GGUF file that carries it", kind="tokenizer"
        )
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise FormatError(name, "the tokenizer has no list of tokens")
    types = _per_token(name, metadata, "tokenizer.ggml.token_type", len(tokens))
    special = {id for id, type in enumerate(types) if type in (CONTROL, UNKNOWN)}
    added = {tokens[id]: id for id, type in enumerate(types) if type in (CONTROL, USER_DEFINED)}
    added.pop("", None)
    names = {}
    for ours, theirs in {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}.items():
        id = metadata.get(f"tokenizer.ggml.{theirs}_token_id")
        if id is not None:
            names[f"{ours}_token"] = check_id(name, f"{theirs}_token_id", id, len(tokens))
    eot = metadata.get("tokenizer.ggml.eot_token_id")
    ends = {added[end] for end in ENDS if added.get(end) in special}
    ends |= {id for id in (names.get("eos_token"), eot) if id is not None}
    vocabulary = Vocabulary(name, tokens, [], added=added, special=special, names=names, ends=ends)
    vocabulary.add_bos = bool(metadata.get("tokenizer.ggml.add_bos_token", kind == "llama"))
    if kind == "gpt2":
        _gguf_bytes(vocabulary, metadata)
    elif kind == "llama":
        scores = _per_token(name, metadata, "tokenizer.ggml.scores", len(tokens))
        vocabulary.pieces = True
        vocabulary.space_prefix = bool(metadata.get("tokenizer.ggml.add_space_prefix", True))
        vocabulary.merges = merges_from_scores(tokens, scores, types)
    else:
        raise FormatError(
            name,
            f"the tokenizer model {kind!r} is not supported; gpt2 and llama are",
            kind="tokenizer",
        )
    return vocabulary


def _per_token(name, metadata, key, count):
    values = metadata.get(key)
    if values is None or len(values) != count or isinstance(values, (str, list)):
        raise FormatError(name, f"{key} does not have one number for each of {count} tokens")
    return values.tolist()


def check_id(name, what, id, count):
    if type(id) is not int or not 0 <= id < count:
        raise FormatError(name, f"{what} is {id!r}, not one of the {count} tokens")
    return id


def _gguf_bytes(vocabulary, metadata):
    pre = metadata.get("tokenizer.ggml.pre", "gpt-2")
    if pre not in PRE_TOKENIZERS:
        raise FormatError(
            vocabulary.name,
            f"the pre-tokenizer {pre!r} is not supported; {', '.join(PRE_TOKENIZERS)} are",
            kind="tokenizer",
        )
    vocabulary.patterns, vocabulary.whole_words, vocabulary.normal_form = PRE_TOKENIZERS[pre]
    merges = metadata.get("tokenizer.ggml.merges")
    vocabulary.merges = pairs(vocabulary.name, merges, vocabulary.tokens)


def pairs(name, merges, tokens):
    """Return merges as (left, right), from "left right" or [left, right]; the texts are those of
    the tokens, which halves the memory of a vocabulary."""
    kept = {token: token for token in tokens}
    try:
        halves = (m.split(" ", 1) if isinstance(m, str) else m for m in merges)
        cut = [tuple(kept.get(part, part) for part in pair) for pair in halves]
        if all(len(pair) == 2 and isinstance(pair[0] + pair[1], str) for pair in cut):
            return cut
    except TypeError:
        pass
    raise FormatError(name, "the tokenizer's merges are not pairs of tokens")


def merges_from_scores(tokens, scores, types):
    """Return merges from SentencePiece's score per token: the pairs that make a token merge in the
    order of scores."""
    ids = {token: id for id, token in enumerate(tokens)}
    found = []
    for id, token in enumerate(tokens):
        if types[id] in (CONTROL, UNKNOWN, BYTE):
            continue
        halves = [
            (ids[token[:cut]], ids[token[cut:]])
            for cut in range(1, len(token))
            if token[:cut] in ids and token[cut:] in ids
        ]
        found += [(-scores[id], id, pair) for pair in sorted(halves)]
    found.sort(key=lambda entry: entry[0])
    return [(tokens[left], tokens[right]) for _, _, (left, right) in found]


def from_json(name, data, config, generation):
    """Return the vocabulary in tokenizer.json, with tokenizer_config.json and
    generation_config.json beside it."""
    try:
        return _from_json(name, data, config, generation)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise FormatError(name, f"tokenizer.json cannot be understood ({error!r})") from error


def _from_json(name, data, config, generation):
    model = data["model"]
    if model.get("type", "BPE") != "BPE":
        raise FormatError(
            name,
            f"the tokenizer model {model['type']!r} is not supported; BPE is",
            kind="tokenizer",
        )
    ids = dict(model["vocab"])
    for entry in data.get("added_tokens", ()):
        if entry.get("single_word") or entry.get("lstrip") or entry.get("rstrip"):
            raise FormatError(
                name,
                f"the added token {entry['content']!r} strips; not supported",
                kind="tokenizer",
            )
        ids[entry["content"]] = entry["id"]
    size = max(ids.values()) + 1
    if size > 1 << 20:
        raise FormatError(name, f"{size} tokens are over the limit of {1 << 20}")
    tokens = [None] * size
    for token, id in ids.items():
        tokens[check_id(name, token, id, size)] = token
    vocabulary = Vocabulary(name, tokens, pairs(name, model["merges"], tokens))
    vocabulary.added = {entry["content"]: entry["id"] for entry in data.get("added_tokens", ())}
    vocabulary.special = {e["id"] for e in data.get("added_tokens", ()) if e.get("special")}
    vocabulary.whole_words = bool(model.get("ignore_merges"))
    vocabulary.pieces = bool(model.get("byte_fallback"))
    for step in _steps(data.get("normalizer"), "normalizers"):
        _normalizer(vocabulary, step)
    for step in _steps(data.get("pre_tokenizer"), "pretokenizers"):
        _pre_tokenizer(vocabulary, step)
    for key in ("bos_token", "eos_token", "unk_token", "pad_token"):
        token = config.get(key)
        token = token.get("content") if isinstance(token, dict) else token
        if token in ids:
            vocabulary.names[key] = ids[token]
    ends = generation.get("eos_token_id", vocabulary.names.get("eos_token"))
    ends = ends if isinstance(ends, list) else [ends] if ends is not None else []
    vocabulary.ends = {check_id(name, "eos_token_id", id, size) for id in ends}
    vocabulary.ends |= {ids[end] for end in ENDS if ids.get(end) in vocabulary.special}
    vocabulary.add_bos = _template_begins_with_bos(data, vocabulary)
    return vocabulary


def _steps(step, key):
    if step is None:
        return []
    return step[key] if step["type"] == "Sequence" else [step]


def _normalizer(vocabulary, step):
    if step["type"] == "NFC":
        vocabulary.normal_form = "NFC"
    elif step["type"] == "Prepend" and step["prepend"] == SPACE:
        vocabulary.space_prefix = True
    elif not (step["type"] == "Replace" and step["content"] == SPACE):
        raise FormatError(
            vocabulary.name, f"the normalizer {step['type']!r} is not supported", kind="tokenizer"
        )


def _pre_tokenizer(vocabulary, step):
    kind = step["type"]
    if kind == "Digits":
        vocabulary.patterns += (DIGIT if step.get("individual_digits") else rf"{DIGIT}+",)
    elif kind == "Split" and step["behavior"] == "Isolated" and not step.get("invert"):
        pattern = step["pattern"]["Regex"]
        if pattern not in PATTERNS:
            raise FormatError(
                vocabulary.name, f"the pattern {pattern[:200]!r} is not known", kind="tokenizer"
            )
        vocabulary.patterns += (pattern,)
    elif kind == "ByteLevel" and not step.get("add_prefix_space"):
        vocabulary.patterns += (GPT2,) if step.get("use_regex", True) else ()
    elif kind == "Split" and vocabulary.pieces and step["pattern"] == {"String": " "}:
        pass  # the normalizer left no space to cut at
    elif kind == "Metaspace" and step.get("replacement") == SPACE:
        vocabulary.space_prefix = step.get("prepend_scheme", "always") != "never"
    else:
        raise FormatError(
            vocabulary.name, f"the pre-tokenizer {step} is not supported", kind="tokenizer"
        )


def _template_begins_with_bos(data, vocabulary):
    for step in _steps(data.get("post_processor"), "processors"):
        first = (step.get("single") or [{}])[0]
        if "SpecialToken" in first:
            bos = vocabulary.names.get("bos_token")
            return bos is not None and first["SpecialToken"]["id"] == vocabulary.tokens[bos]
    return False
