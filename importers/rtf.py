"""Rich text (RTF): its words; pictures, fonts and formatting stay behind."""

from striprtf.striprtf import rtf_to_text

from importers.document import ImportRefused, Reading
from importers.limits import Budget
from importers.plain import read_plain


def read_rtf(data: bytes, budget: Budget) -> Reading:
    try:
        text = rtf_to_text(data.decode("latin-1"), encoding="cp1252", errors="replace")
    except Exception as error:  # the parser raises whatever a malformed control word leads to
        raise ImportRefused(
            f"{budget.name} is a damaged RTF file; save it again as DOCX or PDF."
        ) from error
    budget.step()
    return read_plain("\n\n".join(text.split("\n")), budget)
