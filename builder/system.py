"""What the tests need from the machine itself: a browser, a Vulkan driver, Node.

Missing packages are installed where that is allowed, and otherwise named.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from builder import LOCK, Stop

PRESENT = {
    "chromium": lambda: Path("/usr/bin/chromium").exists(),
    "mesa-vulkan-drivers": lambda: any(Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json")),
    "nodejs": lambda: shutil.which("node") is not None,
}
LOCKED = re.compile(r"Could not get lock|Unable to (acquire|lock)")
LOCK_TIMEOUT_S, LOCK_POLL_S = 600, 3


def list_missing() -> list[str]:
    """The locked Debian packages that this machine lacks."""
    return [name for name in json.loads(LOCK.read_text())["debian"] if not PRESENT[name]()]


def ensure() -> None:
    wanted = list_missing()
    if not wanted:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *wanted]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise Stop(f"the tests need {', '.join(wanted)}; on Debian: sudo {' '.join(command)}")
    print(f"Installing {', '.join(wanted)}", file=sys.stderr)
    if not apt_get("update") or not apt_get(*command[1:]) or list_missing():
        raise Stop(
            f"apt-get could not install {', '.join(list_missing())}. Its message above says why"
        )


def apt_get(*arguments: str) -> bool:
    """True if apt-get succeeded; it is retried while another process holds its lock."""
    command = ["apt-get", "-qq", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    until = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        run = subprocess.run(command, capture_output=True, text=True, env=environment)
        locked = run.returncode and LOCKED.search(run.stderr)
        if not locked or time.monotonic() > until:
            print(run.stderr, end="", file=sys.stderr)
            return run.returncode == 0
        print("apt-get is busy in another process; waiting for it", file=sys.stderr)
        time.sleep(LOCK_POLL_S)
