"""Reads comma, semicolon and tab separated files: as a table, or as a dataset if the headings say
so."""

import csv
import io

from oneseek.importers.document import ImportRefused, Reading, table
from oneseek.importers.limits import Budget

_DELIMITERS = "\t;,|"


def delimiter_of(text: str) -> str:
    """The delimiter that splits every line into the same number of cells, at least two; empty if
    none does."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    if len(text) >= 20_000 and len(lines) > 2:
        lines.pop()
    if len(lines) < 2:
        return ""
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
        except csv.Error:
            continue
        widths = {len(row) for row in rows}
        if len(widths) == 1 and widths.pop() > 1 and len(rows) > 1 and _short_headings(rows[0]):
            return delimiter
    return ""


def read_csv(text: str, budget: Budget) -> Reading:
    from oneseek.importers.readers.datasets import HEADINGS, blocks_of_records

    csv.field_size_limit(1_000_000)
    delimiter = delimiter_of(text[:20_000]) or ","
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise ImportRefused(f"{budget.name} is not a readable table ({error}).") from error
    budget.keep(text)
    names = [cell.strip().lower() for cell in rows[0]] if rows else []
    if HEADINGS & set(names):
        records = [dict(zip(names, row, strict=False)) for row in rows[1:]]
        return blocks_of_records(records, budget)
    return Reading([table(rows)])


def _short_headings(row: list[str]) -> bool:
    """True if the cells are short and end no sentence; so prose with a comma in each line is no
    table."""
    return all(len(cell) <= 60 and not cell.rstrip().endswith((".", "!", "?", ":")) for cell in row)
