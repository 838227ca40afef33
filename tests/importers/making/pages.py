"""Writes ../pages: saved pages like those of real sites, each with its main text beside it.

In a body, `<x>...</x>` marks words on the page that are not part of the text (a caption, an
advertisement).
"""

import html
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import frames  # noqa: E402

OUT = HERE.parent / "pages"


def bodies():
    """Yield (name, frame, language, title, author, date, body) from bodies.html."""
    source = (HERE / "bodies.html").read_text("utf-8")
    for part in re.split(r"^=== ", source, flags=re.M)[1:]:
        head, body = part.split("\n", 1)
        name, frame, language, date, author, title = (cell.strip() for cell in head.split("|"))
        yield name, frame, language, title, author, date, body.strip()


def text_of(body: str, title: str, frame: str) -> str:
    body = re.sub(r"<x>.*?</x>", " ", body, flags=re.S)
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", body, flags=re.S)
    heading = f"{title}\n" if frame in ("BLOG", "FORUM") else ""
    text = re.sub(
        r"</?(p|div|li|ul|ol|h\d|tr|table|pre|blockquote|br|dt|dd|dl|section|article|td|th)\b[^>]*>",
        "\n",
        body,
    )
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return heading + "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def main() -> None:
    OUT.mkdir(exist_ok=True)
    for name, frame, language, title, author, date, body in bodies():
        shown = re.sub(r"</?x>", "", body)
        page = getattr(frames, frame).format(
            lang=language, title=title, author=author, date=date, body=shown
        )
        (OUT / f"{name}.html").write_text(page, "utf-8")
        (OUT / f"{name}.txt").write_text(text_of(body, title, frame) + "\n", "utf-8")


if __name__ == "__main__":
    main()
