"""A multilingual text for comparing tokenizers: `corpus(1 << 20)` is a megabyte, always the same.

Real sentences in many scripts, code, and random runs of everything in Unicode that troubles
tokenizers: digits of all kinds, combining marks, emoji sequences, odd spaces, control characters,
lone surrogates.
"""

import random

SENTENCES = r"""
The quick brown fox can't jump over 1,234.56 lazy dogs, it's said; they'll've tried.
I'D SAY YOU'RE RIGHT AND WE'VE WON: 10% of $99.99 isn't 3²+4²=5².
Flygande bäckasiner söka hwila på mjuka tuvor, och år 2026 blir det -12,5 °C i Östersund.
Räksmörgås, köttbullar & smultron; är du säker på att det är så? Ja!
Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Straße, ẞ, ﬁ.
Portez ce vieux whisky au juge blond qui fume : « l'été », n'est-ce pas ?
El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío; ¿añoraba?
Příliš žluťoučký kůň úpěl ďábelské ódy. Zażółć gęślą jaźń. Jūs esat šeit.
Съешь же ещё этих мягких французских булок, да выпей чаю. Ґанок, їжак, ъ.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία, ἀρχή τοῦ λόγου.
זה כיף סתם לשמוע איך תנצח קרפד עץ טוב בגן. שָׁלוֹם
نص حكيم له سر قاطع وذو شأن عظيم ٠١٢٣٤٥٦٧٨٩ بِسْمِ ٱللّٰهِ
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण १२३ क्षत्रिय
เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ๑๒๓
我能吞下玻璃而不伤身体。二〇二六年十一月,第3次!「你好」……
いろはにほへと ちりぬるを、カタカナと漢字が123まざる。ﾊﾝｶｸ ｶﾞｷﾞ
키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다.
Tiếng Việt có dấu: Trăm năm trong cõi người ta, chữ tài chữ mệnh khéo là ghét nhau.
def f(x: int) -> str:\n\treturn f"{x!r:>10}"  # 0x1F600, 1e-9\n\n\n    if x == 0:\r\n        pass
<div class="a-b" onclick='x()'>&nbsp;<!-- ok --></div>  {"k": [1, 2.5, null]}  a\tb\t\tc
SELECT * FROM "t" WHERE a<>b AND c LIKE '%_x%';   //  https://example.org/?q=å&n=1#ref
👍🏽 👩‍👩‍👧‍👦 🇸🇪🇳🇴 ❤️‍🔥 😀😃😄 1️⃣ #️⃣ ©️ ™ ½ ⅓ Ⅷ ① 🄰 𝒜𝓑 𝟘𝟙𝟚
""".strip().split("\n")

RUNS = [
    (0x20, 0x7E),
    (0x00, 0x1F),
    (0x80, 0xFF),
    (0x300, 0x36F),
    (0x100, 0x24F),
    (0x400, 0x4FF),
    (0x590, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE7F),
    (0x1100, 0x11FF),
    (0x1E00, 0x1FFF),
    (0x2000, 0x206F),
    (0x20A0, 0x218F),
    (0x2460, 0x24FF),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xA000, 0xA48C),
    (0xAC00, 0xD7A3),
    (0xD800, 0xDFFF),
    (0xE000, 0xE0FF),
    (0xFB00, 0xFDCF),
    (0xFE00, 0xFFFF),
    (0x10000, 0x100FF),
    (0x1D400, 0x1D7FF),
    (0x1F300, 0x1FAFF),
    (0xE0000, 0xE01EF),
    (0x10FF00, 0x10FFFF),
]
GLUE = [
    " ",
    " ",
    " ",
    "\n",
    "  ",
    "\n\n",
    "\t",
    "\r\n",
    "",
    "\u00a0",
    "   \n ",
    "\u3000",
    ", ",
    "'s ",
]


def corpus(size, seed=0):
    """At least `size` bytes of UTF-8 (a lone surrogate counts as three bytes)."""
    draw = random.Random(seed)
    parts, made = [], 0
    while made < size:
        part = _sentence(draw) if draw.random() < 0.7 else _run(draw)
        parts += [part, draw.choice(GLUE)]
        made += len((part + parts[-1]).encode("utf-8", "surrogatepass"))
    return "".join(parts)


def _sentence(draw):
    """A few words of a sentence, sometimes in capitals, reversed, doubled or cut within a word."""
    text = draw.choice(SENTENCES).replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
    start = draw.randrange(len(text))
    text = text[start : start + draw.randrange(1, 80)]
    return draw.choice([text] * 5 + [text.upper(), text.title(), text[::-1], text * 2])


def _run(draw):
    first, last = draw.choice(RUNS)
    count = draw.choice([1, 1, 2, 3, 5, 12])
    return "".join(chr(draw.randint(first, last)) for _ in range(count))
