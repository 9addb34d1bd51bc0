"""The tests that kill and refuse at the steps of a run, at all of them instead of every k-th."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent
ALL = "1000000"


def run() -> bool:
    """Run them; return whether all passed."""
    paths = [str(path) for path in sorted(FOLDER.rglob("test_fault_points.py"))]
    environment = {**os.environ, "HPCUSAGE_FAULT_STEPS": ALL}
    words = [sys.executable, "-m", "pytest", "-q", *paths]
    return subprocess.run(words, env=environment, check=False).returncode == 0
