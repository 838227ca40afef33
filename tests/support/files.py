"""Files and pages that several tests read."""

from collections import Counter

from builder import ROOT
from oneseek.importers.document import Document
from oneseek.importers.read import read

MAIL = b"""From: Anna Ek <anna@exempel.se>
To: bo@exempel.se
Subject: =?utf-8?q?B=C3=A5ten_g=C3=A5r_tio?=
Date: Fri, 3 May 2024 10:00:00 +0200
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

Hej Bo!

B=E5ten g=E5r klockan tio.
--x
Content-Type: application/pdf
Content-Disposition: attachment; filename="karta.pdf"

%PDF
--x--
"""
ROWS = {
    "openai": {
        "messages": [{"role": "user", "content": "Hej?"}, {"role": "assistant", "content": "Hej!"}]
    },
    "sharegpt": {
        "conversations": [{"from": "human", "value": "Hej?"}, {"from": "gpt", "value": "Hej!"}]
    },
    "alpaca": {"instruction": "Hej?", "input": "", "output": "Hej!"},
    "completion": {"prompt": "Hej?", "completion": "Hej!"},
    "question": {"question": "Hej?", "answer": "Hej!"},
}
DROP = """files => {
  const data = new DataTransfer();
  for (const [name, text] of files)
    data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
}"""
PAGES = sorted((ROOT / "tests/importers/pages").glob("*.html"))
WITH_TEXT = [page for page in PAGES if not page.stem.endswith("_none")]


def scores(page) -> tuple[float, float, float]:
    """Precision, recall and F1 over words."""
    wanted = Counter(page.with_suffix(".txt").read_text("utf-8").split())
    ((_, found),) = read(page.read_bytes(), page.name)
    got = (
        Counter(found.text.replace(" | ", " ").split())
        if isinstance(found, Document)
        else Counter()
    )
    shared = (wanted & got).total()
    precision, recall = shared / max(1, got.total()), shared / wanted.total()
    return precision, recall, 2 * shared / (got.total() + wanted.total())
