"""Imported text is data: finds text that reads like orders to the assistant, and strips hidden
characters.

A document with such text is held: nothing of it is learned before a person has seen the places and
approved.
"""

import dataclasses
import re
from typing import NamedTuple

from oneseek.importers.document import Block, Document, Reading

# Zero-width and direction characters, tag characters and variation selectors hide text from a
# reader.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff\ufff9-\ufffb]"
)
_ORDERS = (
    (
        "it speaks to the assistant",
        r"\b(you are|you're|act as|pretend to be|behave as)\b.{0,40}\b(assistant|AI|chatbot|language model|LLM|bot)\b"
        r"|\b(as|dear|attention|note to|message to|instructions? (for|to)) (an? |the |all |any )?"
        r"(AI|assistant|language model|LLM|chatbot)s?\b"
        r"|\bdu är\b.{0,40}\b(assistent|AI|språkmodell|chattbot)\b"
        r"|\b(instruktion(er)?|meddelande) (till|för) (assistenten|AI|modellen|språkmodellen|chattboten)\b",
    ),
    (
        "it tells the reader to forget earlier instructions",
        r"\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instructions?|prompts?|rules?|guidelines|training|"
        r"everything (above|before))\b"
        r"|\b(ignorera|strunta i|glöm|bortse från|åsidosätt)\b.{0,40}\b(instruktion\w*|regler\w*|prompt\w*|"
        r"allt (ovan|tidigare)|träning\w*)\b",
    ),
    (
        "it orders what to learn or answer",
        r"\b(learn|memori[sz]e|remember|store) (this|that|the following)\b|\bfrom now on\b.{0,60}\b(answer|say|reply|"
        r"respond|you)\b|\b(always|never|only) (answer|reply|respond|say|recommend|tell)\b"
        r"|\bwhen(ever)? (asked|someone asks|the user asks|a user asks|anyone asks)\b|\b(answer|reply|respond) with\b"
        r"|\blär dig (detta|att|följande)\b|\bkom ihåg (detta|att du|följande)\b|\bfrån och med nu\b.{0,60}\b(svara|"
        r"säg|du)\b|\b(svara|säg|rekommendera) (alltid|aldrig|endast|bara)\b|\bnär (någon|användaren) frågar\b",
    ),
    (
        "it names the system prompt or hidden rules",
        r"\b(system prompt|developer message|hidden instructions?|jailbreak|systemprompt\w*|dolda instruktioner)\b",
    ),
    (
        "it uses the marks of turns in a chat template",
        r"<\|\w+\|>|\[/?INST\]|<</?SYS>>|^\s*###? ?(instruction|system|assistant|response)\s*:|</?(s|system|assistant)>"
        r"|^\s*(system|assistant)\s*:",
    ),
)
_PATTERNS = [(why, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for why, pattern in _ORDERS]


class Suspicion(NamedTuple):
    """A place that reads like an order, and the reason why it is held."""

    text: str
    why: str
    block: int


def visible(reading: Reading) -> tuple[Reading, int]:
    """The reading without invisible characters, and how many were removed."""
    removed = 0

    def strip(text: str) -> str:
        nonlocal removed
        kept = _INVISIBLE.sub("", text)
        removed += len(text) - len(kept)
        return kept

    blocks = []
    for block in reading.blocks:
        rows = tuple(tuple(strip(cell) for cell in row) for row in block.rows)
        blocks.append(Block(block.kind, strip(block.text), block.level, rows))
    reading = dataclasses.replace(
        reading, blocks=blocks, title=strip(reading.title), author=strip(reading.author)
    )
    return reading, removed


def suspicions(document: Document) -> list[Suspicion]:
    found = []
    for number, block in enumerate(document.blocks):
        if block.kind != "code":
            found += _in_text(block.text, number)
    begun = {one.why for one in found if document.blocks[one.block].text.startswith(document.title)}
    title = [one for one in _in_text(document.title, -1) if one.why not in begun]
    return title + found


def _in_text(text: str, block: int) -> list[Suspicion]:
    found = []
    for why, pattern in _PATTERNS:
        match = pattern.search(text)
        if match:
            start, end = max(0, match.start() - 80), min(len(text), match.end() + 120)
            found.append(Suspicion(text[start:end].strip(), why, block))
    return found
