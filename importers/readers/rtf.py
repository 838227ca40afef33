"""Reads the words of rich text (RTF), without pictures, fonts and formatting."""

import itertools

from striprtf.striprtf import rtf_to_text

from oneseek.importers.document import ImportRefused, Reading, table
from oneseek.importers.limits import Budget
from oneseek.importers.readers.plain import read_plain


def read_rtf(data: bytes, budget: Budget) -> Reading:
    try:
        text = rtf_to_text(data.decode("latin-1"), encoding="cp1252", errors="replace")
    except Exception as error:  # the parser can raise anything for a malformed control word
        raise ImportRefused(
            f"{budget.name} is a damaged RTF file; save it again as DOCX or PDF."
        ) from error
    budget.step()
    reading = Reading([])
    for is_table, lines in itertools.groupby(text.split("\n"), lambda line: line.endswith("|")):
        if is_table:  # striprtf writes a bar after each cell
            rows = [line.removesuffix("|").split("|") for line in lines]
            reading.blocks.append(table(rows))
            budget.keep(reading.blocks[-1].text)
        else:
            reading.blocks.extend(read_plain("\n\n".join(lines), budget).blocks)
    return reading
