"""The patterns that split text into words before their letters are merged; each splits the pieces
that the one before left.

What a letter is follows Unicode 16, as in the `tokenizers` library: a character that got its
meaning later was no letter when these models were trained, whatever version of `regex` runs here.
"""

import re

import regex

DIGIT = r"\p{N}"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
QWEN35 = QWEN2.replace(r"\p{L}+", r"[\p{L}\p{M}]+").replace(r"[^\s\p{L}", r"[^\s\p{L}\p{M}")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# GGUF's tokenizer.ggml.pre -> (patterns, whole words of the vocabulary skip merging, normal form)
PRE_TOKENIZERS = {
    "gpt-2": ((GPT2,), False, None),
    "smollm": ((DIGIT, GPT2), False, None),
    "llama-bpe": ((LLAMA3,), True, None),
    "qwen2": ((QWEN2,), False, "NFC"),
    "qwen35": ((QWEN35,), False, "NFC"),
    "tekken": ((TEKKEN,), True, None),
}
PRE_TOKENIZERS |= {name: PRE_TOKENIZERS["llama-bpe"] for name in ("llama3", "llama-v3", "lfm2")}
# A pattern of a tokenizer.json must be one of these: an unknown one may take for ever on some text.
PATTERNS = frozenset([DIGIT, rf"{DIGIT}+", GPT2, LLAMA3, QWEN2, QWEN35, TEKKEN])
# Letters, marks and numbers that Unicode 17 and 18 added.
NEWER = """558 58b-58c 5c8-5c9 88f b53-b54 c5c cdc 1acf-1af0 208f 209d-209f a7ce-a7cf a7d2 a7d4 a7dd a7e2
a7f1 ab6c-ab6d 107bb-107bf 10940-10959 10ec5-10ec7 10ecb-10ecf 10ed9-10eee 10ef0-10efb 11b0a
11b60-11b67 11db0-11ddb 11de0-11de9 11df0-11df1 1246f 12475-1247f 12550-12686 16ea0-16eb8
16ebb-16ed3 16ff2-16ff6 187f8-187ff 18cd6-18cda 18d09-18d20 18d80-18df2 18e00-19191 191a0-191d2
1b123-1b128 1b168 1d127-1d128 1d250-1d252 1d25b-1d25c 1d25f 1d280-1d281 1d6a6 1df1f-1df24
1df2b-1df81 1df90-1df96 1dfcd-1dfff 1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff 2b73a-2b73f 2b81e
2cea2-2cead 323b0-33479 3d000-3fc3f"""


def compile_pattern(pattern):
    """Compile the pattern with `\\p{...}` meaning what it does in Unicode 16."""
    ranges = ["-".join(chr(int(end, 16)) for end in part.split("-")) for part in NEWER.split()]
    newer = "[" + "".join(ranges) + "]"
    dated = re.sub(r"\\p\{\w+\}", lambda found: f"[{found[0]}--{newer}]", pattern)
    return regex.compile(dated, regex.V1)
