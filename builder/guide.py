"""The guide as pages of the site: web/guide/LANGUAGE.md, rendered, with its pictures and its style.

The repository and the page share one source: `![words](name)` shows the picture of that name in the
page's language.
"""

import html
import sys
from pathlib import Path
from typing import Any

from builder import ROOT, fetch
from oneseek.workers.site import headers

GUIDE = ROOT / "web/guide"
PAGES = {"en": "guide.html", "sv": "guide-sv.html"}
HERE = {"en": ("Back to OneSeek", "På svenska"), "sv": ("Tillbaka till OneSeek", "In English")}
WHEELS = ("markdown-it-py", "mdurl")


def files() -> dict[str, bytes | Path]:
    """The style sheet and the pictures of the guide, by name."""
    shown = [GUIDE / "guide.css", *sorted((GUIDE / "pictures").glob("*.webp"))]
    return {f"guide/{path.name}": path.read_bytes() for path in shown}


def pages(names: dict[str, str]) -> dict[str, bytes]:
    """The pages, with links to pictures as `names` maps them."""
    return {PAGES[language]: page(language, names).encode() for language in PAGES}


def page(language: str, names: dict[str, str]) -> str:
    """The guide in one language as a complete HTML page."""
    reader = markdown()
    tokens = reader.parse((GUIDE / f"{language}.md").read_text("utf-8"))
    for token in [child for one in tokens for child in one.children or ()]:
        if token.type == "image":
            picture = f"guide/{token.attrs['src']}.{language}.webp"
            token.attrs |= {"src": names[picture], "loading": "lazy"}
    title = next(one.content for one in tokens if one.type == "inline")
    back, other = HERE[language]
    elsewhere = next(one for one in PAGES if one != language)
    policy = html.escape(headers.policy(headers.POLICY, within_page=True))
    return f"""<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)} · OneSeek</title>
<link rel="icon" href="{names["icon.svg"]}">
<link rel="stylesheet" href="{names["guide/guide.css"]}">
<nav><a href="./">{back}</a><a href="{PAGES[elsewhere]}" lang="{elsewhere}">{other}</a></nav>
<main>
{reader.renderer.render(tokens, reader.options, {})}</main>
</html>
"""


def markdown() -> Any:
    """The Markdown parser, imported straight from the locked wheels: a build needs no environment
    of its own."""
    for name in WHEELS:
        wheel = str(fetch.part(f"wheels/{name}"))
        if wheel not in sys.path:
            sys.path.append(wheel)
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False})
