"""Text to token ids and back, exactly as the model's own tokenizer does it.

Byte-level BPE and SentencePiece-style BPE are one algorithm here: cut text into words, spell a word
in the smallest tokens, merge the best-ranked neighbours. Words are remembered, so ordinary text
costs one lookup a word.
"""

import codecs
import heapq
import unicodedata
from functools import cached_property, partial

import regex

from oneseek.engine.model.formats.source import FormatError
from oneseek.engine.model.formats.vocabulary import BYTE_NAMES, SPACE
from oneseek.engine.model.formats.words import compile_pattern

# Put inside a special token's spelling in untrusted text, so that it is not matched; encoding drops
# it. U+FDD0 is a noncharacter: no text means anything by it.
GUARD = "\ufdd0"
CACHE = 1 << 16
CACHED_WORD = 64


def _byte_alphabet():
    """GPT-2's printable character for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return dict(zip(plain + rest, map(chr, plain + list(range(256, 256 + len(rest)))), strict=True))


ALPHABET = _byte_alphabet()
BYTES = {character: byte for byte, character in ALPHABET.items()}


class Tokenizer:
    """Encodes and decodes with one model's vocabulary."""

    def __init__(self, vocabulary):
        self.vocabulary = vocabulary
        self.eos_ids = frozenset(vocabulary.ends)
        self.bos_id = vocabulary.names.get("bos_token")
        self.add_bos = vocabulary.add_bos and self.bos_id is not None
        self.special_ids = frozenset(vocabulary.special)
        self._ids = {t: id for id, t in enumerate(vocabulary.tokens) if t is not None}
        self._unknown = vocabulary.names.get("unk_token") if vocabulary.pieces else None
        self._ranks, self._merged = self._merge_tables()
        self._patterns = [compile_pattern(pattern) for pattern in vocabulary.patterns]
        added = vocabulary.added
        self._all = matcher(added)
        self._harmless = matcher([t for t, id in added.items() if id not in vocabulary.special])
        self._words = {}
        self._spell, self._cut = self._word_spelling(), self._word_cutting()
        self._bytes = [self._token_bytes(id) for id in range(len(vocabulary.tokens))]
        self._longest = max(map(len, self._bytes), default=1) or 1

    def _merge_tables(self):
        ids = self._ids
        ranks, merged = {}, []
        for left, right in self.vocabulary.merges:
            try:
                pair, whole = (ids[left], ids[right]), ids[left + right]
            except KeyError as error:
                raise FormatError(
                    self.vocabulary.name, f"the tokenizer merges {error} but has no such token"
                ) from None
            ranks.setdefault(pair, len(merged))
            merged.append(whole)
        return ranks, merged

    # -- encoding

    def encode(self, text, special=False):
        """Token ids of text. Special tokens spelled in it stay text, unless `special` is true."""
        if not text.isascii():
            text = _mend(text)
        ids = []
        added = self._all if special else self._harmless
        start = 0
        for match in added.finditer(text) if added else ():
            self._encode_plain(text[start : match.start()], ids)
            ids.append(self.vocabulary.added[match[0]])
            start = match.end()
        self._encode_plain(text[start:], ids)
        return ids

    def fewest(self, text):
        """Return a lower bound of a text's tokens, by its length alone."""
        return len(text) // self._longest

    def _encode_plain(self, text, ids):
        text = text.replace(GUARD, "")
        if not text:
            return
        if self.vocabulary.normal_form:
            text = unicodedata.normalize(self.vocabulary.normal_form, text)
        if self.vocabulary.pieces:
            text = text.replace(" ", SPACE)
            if self.vocabulary.space_prefix:
                text = SPACE + text
        words = self._words
        for word in self._cut(text):
            known = words.get(word)
            ids.extend(self._encode_word(word) if known is None else known)

    def _encode_word(self, word):
        ids, whole = self._spell(word)
        if not whole:
            ids = merge(ids, self._ranks, self._merged)
        if len(word) <= CACHED_WORD:
            if len(self._words) >= CACHE:
                self._words.clear()
            self._words[word] = ids
        return ids

    def _word_spelling(self):
        """Return what spells a word in its smallest tokens: -> (ids, whether that is already the
        answer)."""
        if self.vocabulary.pieces:
            return self._spell_characters
        alphabet = [self._ids.get(ALPHABET[byte]) for byte in range(256)]

        def spell(word):
            data = word.encode()
            if self.vocabulary.whole_words:
                whole = self._ids.get("".join(map(ALPHABET.__getitem__, data)))
                if whole is not None:
                    return [whole], True
            return [id for id in map(alphabet.__getitem__, data) if id is not None], False

        return spell

    def _spell_characters(self, word):
        ids = []
        for character in word:
            id = self._ids.get(character)
            if id is not None:
                ids.append(id)
                continue
            spelled = [self._ids.get(BYTE_NAMES[byte]) for byte in character.encode()]
            if None not in spelled:
                ids += spelled
            elif self._unknown is not None and (not ids or ids[-1] != self._unknown):
                ids.append(self._unknown)
        return ids, False

    def _word_cutting(self):
        """Return what splits text into words that are merged each for itself."""
        if not self.vocabulary.pieces:
            return partial(_cut, self._patterns)
        inner = regex.compile(f"[^{SPACE}]{SPACE}")
        if any(token and inner.search(token) for token in self.vocabulary.tokens):
            return lambda text: [text]
        # No token reaches from inside a word into the next, so words can be merged on their own.
        return regex.compile(f"{SPACE}+[^{SPACE}]*|[^{SPACE}]+").findall

    # -- decoding

    def _token_bytes(self, id):
        token = self.vocabulary.tokens[id]
        if token is None:
            return b""
        if self.vocabulary.added.get(token) == id:
            return token.encode(errors="replace")
        if not self.vocabulary.pieces:
            try:
                return bytes([BYTES[character] for character in token])
            except KeyError:
                return token.encode(errors="replace")
        byte = BYTE_NAMES.index(token) if token in BYTE_NAMES else None
        return token.replace(SPACE, " ").encode() if byte is None else bytes([byte])

    def bytes_of(self, id):
        """Return the bytes of a token; none where it is special."""
        return b"" if id in self.special_ids or id >= len(self._bytes) else self._bytes[id]

    @cached_property
    def spellings(self):
        """Bytes -> token, without the tokens that are no text."""
        count = range(len(self._bytes))
        return {text: id for id in reversed(count) if (text := self.bytes_of(id))}

    @cached_property
    def _sizes(self):
        """First byte -> the sizes in bytes of the tokens that begin with it, largest first."""
        found = {}
        for text in self.spellings:
            found.setdefault(text[0], set()).add(len(text))
        return {byte: sorted(sizes, reverse=True) for byte, sizes in found.items()}

    def spell(self, text):
        """Return about the fewest tokens that spell these bytes."""
        ids, at = [], 0
        while at < len(text):
            ids.append(self.begin(text, at))
            at += len(self.bytes_of(ids[-1]))
        return ids

    def begin(self, text, at=0):
        """Return the longest token that these bytes begin with from `at` on."""
        parts = (text[at : at + size] for size in self._sizes[text[at]])
        return next(self.spellings[part] for part in parts if part in self.spellings)

    def decode(self, ids, special=False):
        """The text of token ids; special tokens show only if `special` is true."""
        stream = self.stream(special)
        return "".join([*map(stream.push, ids), stream.end()])

    def stream(self, special=False):
        """Decoding one token at a time: `push(id)` gives the text that is complete, `end()` the
        rest."""
        hidden = frozenset() if special else self.special_ids
        return Stream(self._bytes, hidden, self.vocabulary.space_prefix)


class Stream:
    """Holds back the bytes of a character until all of them are there."""

    def __init__(self, table, hidden, drop_space):
        self._table = table
        self._hidden = hidden
        self._drop_space = drop_space
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def copy(self):
        """Return a stream that continues from here, and leaves this one as it is."""
        other = Stream(self._table, self._hidden, self._drop_space)
        other._decoder.setstate(self._decoder.getstate())
        return other

    def push(self, id):
        if id in self._hidden:
            return ""
        data = self._table[id] if 0 <= id < len(self._table) else b""
        if self._drop_space and data:
            data, self._drop_space = data.removeprefix(b" "), False
        return self._decoder.decode(data)

    def end(self):
        return self._decoder.decode(b"", final=True)


def merge(ids, ranks, merged):
    """Merge neighbours, best rank first, leftmost among equals, until no pair has a rank."""
    count = len(ids)
    heap = [
        (ranks[pair], at)
        for at, pair in enumerate(zip(ids, ids[1:], strict=False))
        if pair in ranks
    ]
    if not heap:
        return ids
    heapq.heapify(heap)
    ids = [*ids, None]
    after, before = list(range(1, count + 1)), list(range(-1, count))
    while heap:
        rank, at = heapq.heappop(heap)
        right = after[at] if ids[at] is not None else count
        if right >= count or ranks.get((ids[at], ids[right])) != rank:
            continue  # one of the two was merged into something else meanwhile
        ids[at], ids[right] = merged[rank], None
        after[at] = after[right]
        before[after[at]] = at
        for left in (before[at], at):
            if left >= 0 and after[left] < count:
                rank = ranks.get((ids[left], ids[after[left]]))
                if rank is not None:
                    heapq.heappush(heap, (rank, left))
    return [id for id in ids if id is not None]


def matcher(tokens):
    """A pattern of any of these spellings, the longest first; None for none."""
    ordered = sorted(tokens, key=len, reverse=True)
    return regex.compile("|".join(map(regex.escape, ordered))) if ordered else None


def _mend(text):
    """Join surrogate pairs, as JavaScript may send them, and replace broken halves with U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _cut(patterns, text):
    pieces = [text]
    for pattern in patterns:
        pieces = [word for piece in pieces for word in _split(pattern, piece)]
    return pieces


def _split(pattern, text):
    """Matches and what lies between them, in order, nothing lost."""
    start = 0
    for match in pattern.finditer(text):
        first, end = match.span()
        if first > start:
            yield text[start:first]
        if end > first:
            yield text[first:end]
        start = end
    if start < len(text):
        yield text[start:]
