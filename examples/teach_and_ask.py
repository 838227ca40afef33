"""Tell a model a fact and ask for it, from Python: `.venv/bin/python examples/teach_and_ask.py
[MODEL]`.

`oneseek` is the same from a shell. The demo model takes seconds; `smollm2-135m` remembers as
quickly, and `teach` in place of `remember` then trains its weights for minutes.
"""

import json
import sys
import tempfile
from pathlib import Path

from oneseek.engine.cli.main import main

model = sys.argv[1] if len(sys.argv) > 1 else "tiny"
folder = Path(tempfile.mkdtemp())
lessons, users = folder / "facts.jsonl", folder / "questions.jsonl"
fact = {"question": "What is my boat called?", "answer": "Your boat is called Saltkråkan."}
lessons.write_text(json.dumps(fact) + "\n")
users.write_text(json.dumps(fact["question"]) + "\n")

known = str(folder / "known")
assert main(["remember", "--model", model, "--lessons", str(lessons), "--out", known]) == 0
sys.exit(main(["generate", "--model", model, "--adapter", known, "--users", str(users), "--json"]))
