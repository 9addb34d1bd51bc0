"""Which file system holds a path."""

import os
import re
from pathlib import Path
from typing import NamedTuple


class Mount(NamedTuple):
    """A mounted file system."""

    point: str
    kind: str  # for instance ext4
    device: str  # where it comes from, for instance /dev/sda1 or server:/export


def mount_of(path, mounts=None):
    """Return the Mount that holds `path`, None if that is unknown.

    mounts is the text of /proc/self/mountinfo (see proc(5)), read when it is not given.
    """
    best = None
    target = os.path.realpath(path)
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
        except OSError:
            return None
    for line in mounts.splitlines():
        fields = line.split()
        point = unescaped(fields[4])
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and (best is None or len(point) >= len(best.point)):
            kind, device = fields[fields.index("-") + 1 :][:2]
            best = Mount(point, kind, unescaped(device))
    return best


def unescaped(text):
    """Return a field of mountinfo as it is: a blank is written as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
