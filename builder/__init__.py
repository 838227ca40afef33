"""What build.py does, one module a concern; standard library only, for any Python >= 3.11."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "builder" / "lock.json"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oneseek"


class Stop(Exception):
    """The command cannot go on; its message is the one sentence that the person reads."""
