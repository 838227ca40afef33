"""Makes tests/golden/gemma_tokenizer.json: a tokenizer of Gemma's kind, trained on our own texts by
the `tokenizers` library, and the ids that this library gives for some texts.

    python tests/golden/make_gemma_tokenizer.py     (needs tokenizers; seconds)
"""

import json
import pathlib
import random

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
TEXTS = HERE.parents[1] / "engine/learning/lessons/data"
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
TURNS, PLAIN = ["<start_of_turn>", "<end_of_turn>"], ["\n\n", "\n\n\n", "▁▁", "<h1>"]
ODD = [
    "Hej, vad heter du?",
    "  two  spaces   and\ttab",
    "rad\n\nrad\n\n\n\nrad",
    "åäö ÅÄÖ é 日本語 😀 مرحبا",
    "a▁b ▁▁ x",
    "<h1>hej</h1>",
    "",
    " ",
    "12345 3.14",
    "x" * 100,
    "a  b <start_of_turn>user\nHej<end_of_turn>\n",
]
LETTERS = "ab cdåäö \n\t<>hej▁日😀.,!?0123  "


def train_tokenizer(lines):
    """A tokenizer.json like Gemma's: BPE with a visible mark for spaces, byte fallback, and a
    pre-tokenizer that finds nothing to split."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.train_from_iterator(
        lines,
        trainers.BpeTrainer(
            vocab_size=900, special_tokens=SPECIAL, show_progress=False, max_token_length=12
        ),
    )
    data = json.loads(tokenizer.to_str())
    vocabulary = data["model"]["vocab"]
    for byte in range(256):
        vocabulary.setdefault(f"<0x{byte:02X}>", len(vocabulary))
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    for id, content in enumerate(TURNS + PLAIN, len(vocabulary)):
        entry = {"id": id, "content": content, "special": content in TURNS}
        data["added_tokens"].append(entry | plain)
    first = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    data["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [first, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": name, "type_id": 0}} for name in "AB"],
        "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}},
    }
    return data


def main():
    files = [file.read_text() for file in sorted(TEXTS.glob("*.json"))]
    lines = [line for text in files for line in text.splitlines()]
    data, draw = train_tokenizer(lines), random.Random(0)
    theirs = Tokenizer.from_str(json.dumps(data))
    texts = ODD + lines[:60]
    texts += ["".join(draw.choices(LETTERS, k=draw.randrange(1, 60))) for _ in range(200)]
    cases = [[text, theirs.encode(text, add_special_tokens=False).ids] for text in texts]
    made = json.dumps({"tokenizer": data, "cases": cases}, ensure_ascii=False)
    (HERE / "gemma_tokenizer.json").write_text(made + "\n")


if __name__ == "__main__":
    main()
