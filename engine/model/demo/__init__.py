"""The demo model: small enough to be part of the page, and trained on nothing but `corpus.py`.

`?model=tiny` chats with and teaches this one; `train.py` makes `tiny.gguf` from the corpus.
"""

from pathlib import Path

MODEL = Path(__file__).with_name("tiny.gguf")
