"""Measures the importers: word error rate and speed by format, extraction of the main text, OCR,
language detection, duplicate detection, and long tasks of the page meanwhile.

`python3 build.py bench import`. Files and texts are those of the tests; tesseract.js reads the
pictures in Chromium.
"""

import base64
import sys
import time
from collections import defaultdict

from builder import site
from oneseek.engine.core.collecting.language import detect
from oneseek.importers.document import Document
from oneseek.importers.duplicates import Fingerprints, simhash
from oneseek.importers.passages import sentences_of
from oneseek.importers.read import read
from tests.bench.parts import report
from tests.importers.measure import (
    FILES,
    characters_wrong,
    find_reference_text,
    load_reference_text,
    words_wrong,
)
from tests.support.files import DROP, PAGES, WITH_TEXT, scores
from tests.support.page import browser

FORMATS = {
    "pdf": "pdf", "docx": "docx", "html": "html", "mhtml": "mhtml", "rtf": "rtf", "epub": "epub", "md": "markdown",
    "txt": "text",
}  # fmt: skip
NOT_TEXT = ("encrypted.pdf", "scanned_sv.pdf")
SIZES = (10, 14, 22)
MANY, LARGE, SHOWN = 100, 100_000, 12


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def formats() -> list[dict]:
    """Per format: files, seconds, characters a second, word error rate."""
    found: dict[str, list] = defaultdict(list)
    for file in sorted(FILES.iterdir()):
        kind = FORMATS.get(file.suffix.lstrip("."))
        if kind and file.name not in NOT_TEXT:
            data = file.read_bytes()
            begun = time.perf_counter()
            ((_, document),) = read(data, file.name)
            seconds = time.perf_counter() - begun
            text = document.text if isinstance(document, Document) else ""
            found[kind].append(
                (seconds, len(text), words_wrong(find_reference_text(file), text), file.name)
            )
    rows = []
    for kind, each in found.items():
        seconds, characters = sum(e[0] for e in each), sum(e[1] for e in each)
        rows.append(
            {
                "format": kind,
                "files": len(each),
                "seconds": round(seconds, 3),
                "characters_per_second": round(characters / seconds),
                "wer": sum(e[2] for e in each) / len(each),
                "worst": max(each, key=lambda e: e[2])[3],
            }
        )
        say(rows[-1])
    return rows


def extraction() -> dict[str, float]:
    """Extraction of the main text of saved pages: mean precision, recall and F1 over words."""
    each = [scores(page) for page in WITH_TEXT]
    refused = sum(not isinstance(next(read(p.read_bytes(), p.name))[1], Document) for p in PAGES)
    names = ("extract_precision", "extract_recall", "extract_f1")
    means = {name: sum(s[i] for s in each) / len(each) for i, name in enumerate(names)}
    return {**means, "extract_pages": len(PAGES), "extract_without_text_refused": refused}


def languages() -> dict[str, float]:
    """Accuracy of language detection on the first hundred sentences of each of two languages."""
    right = total = 0
    for language in ("sv", "en"):
        texts = [load_reference_text(language)] + [
            page.with_suffix(".txt").read_text("utf-8")
            for page in WITH_TEXT
            if f"_{language}_" in page.name
        ]
        sentences = [t[a:b] for t in texts for a, b in sentences_of(t) if len(t[a:b].split()) >= 4]
        for sentence in sentences[:100]:
            right += detect(sentence) == language
            total += 1
    return {"language_accuracy": right / total, "language_sentences": total}


def duplicates() -> dict[str, float]:
    """Duplicate detection: the share of paragraphs that are found when one word is changed, and the
    share of different paragraphs taken for duplicates."""
    paragraphs = []
    for page in WITH_TEXT:
        paragraphs += [
            p
            for p in page.with_suffix(".txt").read_text("utf-8").split("\n")
            if len(p.split()) >= 20
        ]
    index, wrong = Fingerprints(), 0
    for number, paragraph in enumerate(paragraphs):
        value = simhash(paragraph)
        wrong += index.near(value) is not None
        index.add(value, str(number))
    found = 0
    for number, paragraph in enumerate(paragraphs):
        words = paragraph.split()
        words[len(words) // 2] = "annat"
        found += index.near(simhash(" ".join(words))) == str(number)
    return {
        "duplicates_found": found / len(paragraphs),
        "duplicates_wrong": wrong / len(paragraphs),
    }


def in_the_page() -> tuple[dict[str, float | None], list[dict]]:
    """The character error rate of OCR at three sizes in two languages, then the figures of many
    files at once."""
    with browser.served(site.build()) as address, browser.chromium() as chromium:
        page = chromium.new_context(base_url=address, locale="en-US").new_page()
        page.goto("/")
        browser.wait_for_state(page, "ready", "needs-consent", timeout=300)
        rows = [picture(page, language, size) for language in ("sv", "en") for size in SIZES]
        figures: dict[str, float | None] = {}
        for language in ("sv", "en"):
            usual = [r["cer"] for r in rows if r["language"] == language]
            figures[f"ocr_cer_{language}"] = max(usual)
        return {**figures, **many(page)}, rows


def picture(page, language: str, size: int) -> dict:
    name = f"print_{language}_{size}.png"
    begun = time.perf_counter()
    page.evaluate(DROP, [[name, base64.b64encode((FILES / name).read_bytes()).decode()]])
    source = page.locator("li.item", has_text=name).and_(page.locator("[data-state=ready]"))
    source.wait_for(timeout=120_000)
    seconds = time.perf_counter() - begun
    source.get_by_text("Show the text").click()
    known = load_reference_text(language).split("\n")[1]
    row = {"language": language, "size": size, "seconds": round(seconds, 1)}
    row["cer"] = characters_wrong(known, source.locator(".preview").inner_text())
    source.get_by_role("button", name="Remove").click()
    say(row)
    return row


# The files are made before and dropped in a task of their own, so that only the page's own tasks
# count.
PREPARE = """files => { window.dropped = new DataTransfer();
  for (const [name, text] of files) dropped.items.add(new File([atob(text)], name)); }"""
WATCH = """() => { window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
  }).observe({ type: "longtask" });
  setTimeout(() => {
    for (const kind of ["dragenter", "dragover", "drop"])
      document.body.dispatchEvent(
        new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: dropped }));
  }); }"""


def many(page) -> dict[str, float]:
    """A hundred files of 100 kB dropped at once: the longest task of the main thread in
    milliseconds, and the seconds until all files that are shown are read."""
    texts = [f"The tower number {n} was built in {1500 + n} by Anna Ek. " for n in range(MANY)]
    files = [
        [f"{n}.txt", base64.b64encode((t * (LARGE // len(t))).encode()).decode()]
        for n, t in enumerate(texts)
    ]
    page.evaluate(PREPARE, files)
    page.wait_for_timeout(500)
    page.evaluate(WATCH)
    begun = time.perf_counter()
    rows = page.locator("li.item")
    done = rows.and_(page.locator("[data-state=ready], [data-state=failed]"))
    rows.nth(SHOWN - 1).wait_for(timeout=120_000)
    while done.count() < SHOWN and time.perf_counter() - begun < 400:
        page.wait_for_timeout(500)  # the newest stand first and are read last
    seconds, longest = time.perf_counter() - begun, page.evaluate("longest")
    page.get_by_role("button", name="Show all").click()
    rows.nth(MANY - 1).wait_for(timeout=60_000)
    return {
        "many_files": done.count(),
        "many_seconds": round(seconds, 1),
        "longest_task_ms": longest,
    }


def main() -> None:
    rows: list[dict] = formats()
    wer = {f"wer_{row['format']}": row["wer"] for row in rows}
    figures = {**wer, **extraction(), **languages(), **duplicates()}
    say(figures)
    seen, pictures = in_the_page()
    report.write("import", {**figures, **seen}, rows + pictures)


if __name__ == "__main__":
    main()
