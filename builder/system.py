"""What the tests need of the machine itself: a browser, a Vulkan driver, node.

Installed where that is allowed, named where it is not.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from builder import LOCK, Stop

PRESENT = {
    "chromium": lambda: Path("/usr/bin/chromium").exists(),
    "mesa-vulkan-drivers": lambda: any(Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json")),
    "nodejs": lambda: shutil.which("node") is not None,
}


def missing() -> list[str]:
    """The locked Debian packages that are not here."""
    return [name for name in json.loads(LOCK.read_text())["debian"] if not PRESENT[name]()]


def ensure() -> None:
    wanted = missing()
    if not wanted:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *wanted]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise Stop(f"the tests need {', '.join(wanted)}; on Debian: sudo {' '.join(command)}")
    print(f"Installing {', '.join(wanted)}", file=sys.stderr)
    if not apt_get("update") or not apt_get(*command[1:]) or missing():
        raise Stop(f"apt-get could not install {', '.join(missing())}; it says above why")


def apt_get(*arguments: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", *arguments]
    return subprocess.run(command, stdout=subprocess.DEVNULL, env=environment).returncode == 0
