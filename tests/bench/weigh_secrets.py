"""Fits and cross-validates the logistic regression that scores whether a value in a text is a
secret: the weights of engine/core/collecting/secrets/weights.py.

    python -m tests.bench.weigh_secrets [--write] [--left-out 5,6,7]

A text has a score for each candidate value in it and for the whole; its own score is the largest.
So the fit is multiple-instance learning: of a text with a secret only the value that scores highest
is a positive example, of an ordinary text all values are negative ones.  Each set is left out in
turn, and once a tenth of the plain talk.  Printed are the figures of what was left out, also by
language and kind of secret, and the means of the judged sets at several thresholds.  The rules and
the word lists were written with every set in view, so the figures of the weights alone stand beside
those of both.  `--write` writes the weights of a fit on all sets.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections import Counter
from pathlib import Path

import numpy as np

from builder import ROOT
from oneseek.engine.core.collecting.secrets import apply_rules, split_words
from oneseek.engine.core.collecting.secrets.evidence import LONGEST, candidates
from oneseek.engine.core.collecting.secrets.letters import even, fold
from tests.bench.parts import report

HELD_OUT = ROOT / "tests/held_out"
WEIGHTS = ROOT / "engine/core/collecting/secrets/weights.py"
DEVELOPMENT = (
    "secrets_dev", "secrets_dev2", "secrets_dev3", "secrets_dev8", "secrets_dev9", "secrets_dev10",
)  # fmt: skip
WRITERS = (  # four development sets, each by somebody who knew nothing of the screening
    "secrets_dev4",
    "secrets_dev5",
    "secrets_dev6",
    "secrets_dev7",
)
PLAIN_TALK = ("facts_*", "heard_dev*", "general", "talk", "timeline_dev*", "known")  # no secrets
DOCUMENTS = "documents_dev*/*"  # each paragraph is plain talk too
CODE = ("engine", "workers", "web", "importers", "builder", "examples")  # so are our programs
PAGES = ("*.md", "docs/*.md")  # and so are our documents
LONGEST_PART = 1500  # characters of a part of a program, at most
TOGETHER, APART = 5, 12  # texts joined to one long text; texts from the start of one to the next
JUDGED = ("1", "2", "3", "4", "5", "6", "7", "8", "9")  # former held-out sets, by other writers
RIDGE, ROUNDS, STEPS, RATE = 3.0, 5, 80, 0.05
SELDOM = 4  # a feature that fewer texts have gets no weight
FAR = -6.0  # values of ordinary texts that score less are left out of a round, but for the highest
NEAREST = 2500  # texts of plain talk in the fit: those with the highest scores
ORDINARY_WEIGHT = 2.0  # weight of a negative example; a positive one has 1
SCALE = 10  # the engine's weights are integers: this many a nat
LIMIT = 0.5  # nats; about 1 of 300 left-out ordinary texts of other writers scores above it
LIMITS = (0.0, 0.3, 0.5, 0.7, 1.0, 1.5)
SURE = 3.0  # nats; plain talk that scores this much untrained tells a code itself and is left out

Text = tuple[bool, list[list[str]], str]  # holds a secret, features of each value, text


def read(path: Path, secret: bool | None) -> list[Text]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        (bool(row["secret"]) if secret is None else secret, signs_of(row["text"]), row["text"])
        for row in rows
    ]


def plain_talk() -> list[Text]:
    """Texts of other benchmarks, documents and programs, less those that the rules hold back."""
    said: dict[str, None] = {}
    for pattern in PLAIN_TALK:
        for path in sorted((ROOT / "tests/bench").glob(pattern + ".jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                texts = [row.get("text"), row.get("q"), *row.get("messages", ())]
                texts += row.get("unseen", ())
                if "answer" in row:
                    texts.append(f"{row['question']}\n{row['answer']}")
                said |= dict.fromkeys(text for text in texts if text)
    pages = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    for path in sorted((ROOT / "tests/bench").glob(DOCUMENTS)) + pages:
        paragraphs = path.read_text(encoding="utf-8", errors="replace").split("\n\n")
        said |= dict.fromkeys(text for text in paragraphs if text.strip())
    short = list(said)
    for i in range(0, len(short) - TOGETHER, APART):
        said[" ".join(short[i : i + TOGETHER])] = None
    for room in CODE:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.read_text(encoding="utf-8").split("\n\n\n")
            said |= dict.fromkeys(part[:LONGEST_PART] for part in parts if part.strip())
    return [(False, signs_of(text), text) for text in said if not by_rules(text)]


def by_rules(text: str) -> bool:
    usual = even(text)
    return bool(apply_rules(usual, fold(usual), *split_words(usual)))


def signs_of(text: str) -> list[list[str]]:
    marked, plain = split_words(even(text))
    return [signs for signs, _ in candidates(marked[:LONGEST], plain[:LONGEST])]


def fit(texts: list[Text]) -> dict[str, float]:
    """Logistic regression by Adam with a ridge penalty. Each of ROUNDS rounds chooses anew the
    highest value of each text, then takes STEPS steps."""
    seen = Counter(sign for _, values, _ in texts for sign in {s for v in values for s in v})
    names = [sign for sign, count in seen.items() if count >= SELDOM]
    column = {name: i for i, name in enumerate(names)}
    found, of_text = [], []
    for number, (_, values, _) in enumerate(texts):
        for signs in values:
            found.append([column[sign] for sign in set(signs) if sign in column])
            of_text.append(number)
    sizes = np.array([len(signs) for signs in found])
    at = np.array([place for signs in found for place in signs], np.int32)
    where = np.array(of_text)
    secret = np.array([texts[number][0] for number in of_text])
    weights = np.zeros(len(names), np.float32)
    first, second, step = np.zeros_like(weights), np.zeros_like(weights), 0
    for _ in range(ROUNDS):
        scores = np.add.reduceat(weights[at], starts(sizes))
        order = np.lexsort((-scores, where))
        best = np.zeros(len(where), bool)
        best[order[np.r_[True, np.diff(where[order]) != 0]]] = True
        used = np.where(secret, best, best | (scores > FAR))
        share = np.where(secret, 1.0, ORDINARY_WEIGHT)[used].astype(np.float32)
        places, rows = at[np.repeat(used, sizes)], starts(sizes[used])
        by_sign = np.argsort(places, kind="stable")
        row_of = np.repeat(np.arange(len(rows)), sizes[used])[by_sign]
        signs, begins = np.unique(places[by_sign], return_index=True)
        for _ in range(STEPS):
            step += 1
            sums = np.add.reduceat(weights[places], rows)
            wrong = share * (1 / (1 + np.exp(-np.clip(sums, -30, 30))) - secret[used])
            slope = RIDGE * weights
            slope[signs] += np.add.reduceat(wrong[row_of], begins)
            first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
            weights -= (
                RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-6)
            ).astype(np.float32)
    return dict(zip(names, weights.tolist(), strict=True))


def starts(sizes: np.ndarray) -> np.ndarray:
    """The offset of each of some concatenated rows of these sizes."""
    return np.r_[0, np.cumsum(sizes)[:-1]]


def score(weights: dict[str, float], values: list[list[str]]) -> float:
    sums = (sum(weights.get(sign, 0.0) for sign in set(signs)) for signs in values)
    return max(sums, default=-99.0)


def judge(weights: dict[str, float], limit: float, texts: list[Text], rules: bool) -> dict:
    """The shares of secrets seen and of ordinary texts held back, and the texts that went wrong."""
    found = [
        (secret, text, score(weights, values) > limit or (rules and by_rules(text)))
        for secret, values, text in texts
    ]
    missed = [text for secret, text, held in found if secret and not held]
    held = [text for secret, text, held in found if held and not secret]
    secrets = sum(secret for secret, _, _ in found)
    return {
        "secrets": secrets,
        "seen_share": 1 - len(missed) / max(secrets, 1),
        "ordinary": len(found) - secrets,
        "held_share": len(held) / max(len(found) - secrets, 1),
        "not_seen": missed,
        "held": held,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the weights into the engine")
    parser.add_argument("--left-out", metavar="SETS", help="only these, by commas; else each set")
    options = parser.parse_args()
    sets = {name: read(ROOT / f"tests/bench/{name}.jsonl", None) for name in DEVELOPMENT + WRITERS}
    for number in JUDGED:
        sets[number] = read(HELD_OUT / f"secrets_{number}.jsonl", True)
        sets[number] += read(HELD_OUT / f"ordinary_{number}.jsonl", False)
    figures: dict[str, float] = {}
    rows: list[dict] = []
    everything = [text for texts in sets.values() for text in texts]
    alone = fit(everything)
    by_score = sorted(((score(alone, text[1]), i, text) for i, text in enumerate(plain_talk())))
    talk = [text for one, _, text in reversed(by_score) if one < SURE]
    nearest = talk[:NEAREST]
    found_at: dict[float, list[tuple[float, float]]] = {limit: [] for limit in LIMITS}
    wanted = list(sets) if options.left_out is None else options.left_out.split(",")
    for left_out in [name for name in sets if name in wanted]:
        texts = sets[left_out]
        rest = [text for name, others in sets.items() if name != left_out for text in others]
        weights = fit(rest + nearest)
        for limit in LIMITS:
            seen = judge(weights, limit, texts, rules=True)
            if left_out in JUDGED:
                found_at[limit].append((seen["seen_share"], seen["held_share"]))
        without = judge(weights, LIMIT, texts, rules=False)
        both = judge(weights, LIMIT, texts, rules=True)
        parts = shares(left_out, both["not_seen"])
        rows.append({"set": left_out, "weights_alone": without["seen_share"], **both, **parts})
        for part in ("seen_share", "held_share"):
            figures[f"{left_out}_{part}"] = both[part]
        figures[f"{left_out}_weights_alone"] = without["seen_share"]
    for limit, shares_of in found_at.items():
        count = max(len(shares_of), 1)
        figures[f"mean_seen_share_at_{limit}"] = sum(one for one, _ in shares_of) / count
        figures[f"mean_held_share_at_{limit}"] = sum(one for _, one in shares_of) / count
    others = [text for i, text in enumerate(nearest) if i % 10]
    found = judge(fit(everything + others), LIMIT, talk[::10], rules=False)
    figures["talk_held_share"] = found["held_share"]
    rows.append({"set": "talk", "ordinary": found["ordinary"], "held": found["held"]})
    weights = fit(everything + nearest)
    if options.write:
        write(weights)
    report.write("weigh_secrets", figures, rows)


def shares(name: str, missed: list[str]) -> dict[str, dict[str, str]]:
    """How many secrets of each language and kind were seen: {"languages": {"sv": "40 of 50"}}."""
    path = ROOT / f"tests/bench/{name}.jsonl"
    path = path if path.exists() else HELD_OUT / f"secrets_{name}.jsonl"
    secrets = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    secrets = [row for row in secrets if row.get("secret", row.get("kind"))]
    found = {}
    for part, field in (("languages", "lang"), ("kinds", "secret")):
        names = [row.get(field) or row["kind"] for row in secrets]
        lost = Counter(n for n, row in zip(names, secrets, strict=True) if row["text"] in missed)
        found[part] = {n: f"{count - lost[n]} of {count}" for n, count in Counter(names).items()}
    return found


def write(weights: dict[str, float]) -> None:
    """Write integers, so that CPython and MicroPython compute the same sums, grouped by weight."""
    of_weight: dict[int, list[str]] = {}
    for name, weight in sorted(weights.items()):
        if whole := round(SCALE * weight):
            of_weight.setdefault(whole, []).append(name)
    lines = []
    for weight, names in sorted(of_weight.items()):
        rows = textwrap.wrap(" ".join(names), 92, break_long_words=False, break_on_hyphens=False)
        quoted = [json.dumps(row + " ") for row in rows]
        lines.append(f"    {weight}: {quoted[0]}" if len(rows) == 1 else f"    {weight}: (")
        lines += [] if len(rows) == 1 else [f"        {row}" for row in quoted] + ["    )"]
        lines[-1] += ","
    head = (
        '"""What each sign of evidence.py counts, by weight; written by '
        'tests/bench/weigh_secrets.py."""\n\n'
    )
    body = f"LIMIT = {round(SCALE * LIMIT)}\nSIGNS = {{\n" + "\n".join(lines) + "\n}  # fmt: skip\n"
    body += (
        "WEIGHTS = {sign: weight for weight, signs in SIGNS.items() for sign in signs.split()}\n"
    )
    WEIGHTS.write_text(head + body, encoding="utf-8")


if __name__ == "__main__":
    main()
