"""Reads plain text and Markdown. Markdown syntax is removed; headings, lists, tables and code are
kept."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from oneseek.importers.document import Block, Reading, table
from oneseek.importers.limits import Budget

_WIDEST = 120  # characters; text with a longer line is not wrapped
_BULLET = re.compile(r"[•‣◦▪■●○\ue000-\uf8ff]\s*(?=\S)|[-*–]\s+(?=\S)")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n(---|\.\.\.)\n", re.DOTALL)
# The start of a numbered line, which begins a paragraph.
_NUMBERED = re.compile(r"(?:§+ ?\d+\.?|\d+(?:\.\d+)+[.:)]?) [\"“”]?[A-ZÅÄÖÆØÉÜ]")
_ENDS = re.compile(rf"\n\s*\n|\n(?={_NUMBERED.pattern})")  # ends of paragraphs in wrapped text
_COMMENT_OR_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL)


def read_plain(text: str, budget: Budget) -> Reading:
    """Split at blank lines and before numbered lines; in text that is not wrapped, at every line
    break."""
    budget.keep(text)
    wrapped = max((len(line) for line in text.split("\n")), default=0) <= _WIDEST
    paragraphs = _ENDS.split(text) if wrapped else text.split("\n")
    return Reading([_paragraph(" ".join(p.split())) for p in paragraphs if p.strip()])


def _paragraph(text: str) -> Block:
    bullet = _BULLET.match(text)
    return Block("item", text[bullet.end() :], 1) if bullet else Block("paragraph", text)


def read_markdown(text: str, budget: Budget) -> Reading:
    text = _FRONT_MATTER.sub("", budget.keep(text))
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    blocks: list[Block] = []
    containers: list[str] = []
    rows: list[list[str]] = []
    for number, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open", "blockquote_open"):
            containers.append("quote" if token.type == "blockquote_open" else "item")
        elif token.type in ("bullet_list_close", "ordered_list_close", "blockquote_close"):
            containers.pop()
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "table_close":
            blocks.append(table(rows))
            rows = []
        elif token.type in ("fence", "code_block"):
            blocks.append(Block("code", token.content.rstrip("\n")))
        elif token.type == "html_block":
            blocks.append(
                Block("paragraph", " ".join(_COMMENT_OR_TAG.sub(" ", token.content).split()))
            )
        elif token.type == "inline":
            opening = tokens[number - 1].type
            if opening in ("th_open", "td_open"):
                rows[-1].append(_inline(token))
            elif opening == "heading_open":
                blocks.append(Block("heading", _inline(token), int(tokens[number - 1].tag[1])))
            else:
                kind = containers[-1] if containers else "paragraph"
                blocks.append(Block(kind, _inline(token), containers.count("item")))
    return Reading([block for block in blocks if block.text])


def _inline(token: Token) -> str:
    parts = [""]
    for child in token.children or []:
        if child.type in ("text", "code_inline", "image"):
            begins = parts[-1] == " " and _NUMBERED.match(child.content)
            parts += ["\n", child.content] if begins else [child.content]
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)
