"""Hostile answers that a model, a file or an attacker could leave in a chat, each marked at both
ends."""

from collections.abc import Iterator
from random import Random

LANGUAGES = (
    "mermaid dockerfile powershell latex http csv nginx vim toml zig elixir haskell julia matlab "
    "prolog constructor __proto__ toString python js c++ C# <b> \" ' `` 日本語 language-x"
).split()
PIECES = [
    "```", "~~~", "$$", "$", "\\(", "\\)", "\\[", "\\]", "**", "_", "`", "[", "](", ")", "![", "<", ">",
    "|", "\n", "\n\n", "- ", "1. ", "> ", "# ", "---", "    ", "\t", "&amp;", "&#0;", "http://x.y", "\\",
    "{", "}", "^", "\u202e", "\u0301", "å", "\ud83d\ude00", "\ud800", "\0", "\x1b[31m", "<script>",
]  # fmt: skip
MANY = 5_000


def _make_texts() -> dict[str, str]:
    """Hand-written hostile texts, by name."""
    table = "|" + "a|" * 300 + "\n|" + "-|" * 300 + "\n"
    return {
        "an unclosed fence": "```python\nx = 1\n",
        "fences in fences": "````\n```\n~~~\n```\n````",
        "many fences": "```\na\n```\n\n" * MANY,
        "many coloured fences": "```python\na = 1\n```\n\n" * 90,
        "a long fence": "```python\n" + "x = [1, 2, 3]  # and more\n" * 1500 + "```",
        "lists in lists": "\n".join("  " * depth + "- x" for depth in range(1000)),
        "lists in one line": "- " * 1000 + "x",
        "quotes in quotes": "> " * 1000 + "x",
        "numbers in numbers": "1. " * 1000 + "x",
        "a wide table": table + ("|" + "b|" * 300 + "\n") * 20,
        "a table to be filled up": table + "|b|\n" * MANY,
        "many tables": "|a|\n|-|\n|b|\n\n" * 2000,
        "a formula of braces": "\\(" + "{" * MANY + "x" + "}" * MANY + "\\)",
        "a formula of roots": "\\(" + "\\sqrt" * 380 + "{x}\\)",
        "a formula of fractions": "\\(" + "\\frac{1}{" * 90 + "x" + "}" * 90 + "\\)",
        "a formula that grows": "\\(\\def\\a{\\a\\a}\\a\\)",
        "a formula that is wrong": "\\(\\frac{\\left( x}\\)",
        "a formula that reaches out": "\\(\\href{javascript:alert(1)}{x} \\includegraphics{http://x.y/z.png}\\)",
        "many formulas": "$x_1$ and " * 3000,
        "formulas never closed": "\\( " * MANY + "$$ " * MANY,
        "controls": "".join(chr(code) for code in range(32)) + "\x7f\x80\x9f",
        "NUL": "a\0b\0\0c",
        "half a pair": "\ud800 and \udfff and \udc00\ud800",
        "turned around": "\u202e\u2066\u200f abc \u202d\u2067",
        "marks upon marks": "a" + "\u0301" * 3000,
        "faces": "👨‍👩‍👧‍👦🏳️‍🌈" * 500,
        "private characters": "\ue0000\ue001 \ue00017\ue001 \ue000x\ue001 \ue000",
        "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)><iframe src=/></iframe>",
        "a style": "<style>*{display:none}</style><link rel=stylesheet href=//x.y>",
        "data links": "[x](data:text/html,<script>alert(1)</script>) ![x](data:image/png;base64,AA)",
        "script links": "[x](javascript:alert(1)) [y](vbscript:x) [z](JaVaScRiPt:alert(1)) <javascript:x>",
        "many links": "[x](http://x.y) " * 3000,
        "bare links": "www.example.org/" * 3000,
        "a long word": "x" * 49_000,
        "a very long text": "word " * 60_000,
        "a long line of spaces": "x" + " " * 40_000 + "y",
        "stars": "*" * 40_000,
        "stars and words": "*a **b _c __d " * 2500,
        "backquotes": "`" * 40_000,
        "backquotes and words": "`a``b```c" * 3000,
        "brackets": "[" * 20_000 + "](x)" * 3000,
        "images": "![" * 10_000,
        "angles": "<a " * 10_000,
        "entities": "&amp;&#x110000;&#0;&notin;" * 1500,
        "backslashes": "\\" * 40_000,
        "references": "".join(f"[{n}]: http://x.y/{n}\n" for n in range(1500)),
        "a heading on every line": "# x\n" * 3000,
        "rules": "---\n\n" * 4000,
        "an email": "a@" * 10_000,
        "ids that are ours": '<div id="log"></div> [composer](#composer) <form id="composer">',
        "only spaces": "   \n \t\n",
    }  # fmt: skip


def hostile(count: int, seed: int = 44) -> Iterator[tuple[str, str]]:
    """Yield `count` answers as (name, text): hand-written ones, code blocks in unknown languages,
    then random ones."""
    chance, made = Random(seed), list(_make_texts().items())
    made += [(f"a fence of {name}", f"```{name}\nA --> B\n```") for name in LANGUAGES]
    while len(made) < count:
        size = chance.choice((20, 200, 2000))
        made.append((f"chance {len(made)}", "".join(chance.choices(PIECES, k=size))))
    for number, (what, text) in enumerate(made[:count]):
        yield what, f"begins{number}\n\n{text}\n\nends{number}"
