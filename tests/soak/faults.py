"""The tests that kill and refuse at the steps of a run, at all of them instead of every k-th, and
more kills at random moments."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent
ALL = "1000000"


def run() -> bool:
    """Run them; return whether all passed."""
    names = ("test_fault_points.py", "test_faults.py")
    paths = [str(path) for name in names for path in sorted(FOLDER.rglob(name))]
    environment = {**os.environ, "HPCUSAGE_FAULT_STEPS": ALL, "HPCUSAGE_KILLS": "1"}
    words = [sys.executable, "-m", "pytest", "-q", *paths]
    return subprocess.run(words, env=environment, check=False).returncode == 0
