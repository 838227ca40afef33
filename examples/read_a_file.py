"""What an importer makes of a file, from Python: `.venv/bin/python examples/read_a_file.py FILE`.

A reader of your own is one function `read(data, budget) -> Reading` in `importers/readers/`, one
line in the tables at the end of `importers/read.py`, and how to recognise the kind in
`importers/kinds.py`.
"""

import sys
from pathlib import Path

from oneseek.importers.document import Document
from oneseek.importers.limits import Budget
from oneseek.importers.read import read

path = Path(sys.argv[1])
for name, outcome in read(path.read_bytes(), path.name, Budget(path.name)):
    if isinstance(outcome, Document):
        print(f"{name}: {outcome.title} ({len(outcome.blocks)} blocks)")
        for block in outcome.blocks[:5]:
            print("  ", block.text[:80])
    else:
        print(f"{name}: {outcome}")
