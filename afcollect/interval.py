"""Since when finished jobs are asked for: none is missed, whatever was done to the clocks."""

import time
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
FIRST_SECONDS = 360.0  # where no earlier run is known
# A job's end may be written some time after it: each query goes back as far, and jobs that were
# reported are left out.
OVERLAP_SECONDS = 360.0
SET_SECONDS = 60.0  # a clock that is away by more was set
LONGEST_REACH_SECONDS = 2 * 86400.0  # behind a clock that was set


def boot_clock():
    """Return (boot, seconds since it) of the clock that no administrator sets."""
    boot = BOOT_ID.read_text(encoding="ascii").strip()
    return boot, round(time.clock_gettime(time.CLOCK_BOOTTIME), 3)


def interval(last, now, clock):
    """Return (since, what the next run needs to know, as JSON holds it).

    last is what the run before returned, None if there was none; now is in seconds since the epoch,
    clock what boot_clock returns. Whose clock is wrong, ours or that of the batch system, and
    whether it was wrong before it was set or is now, nobody knows: `since` is the earliest that may
    be meant.
    """
    boot, seconds = clock
    ahead, first = 0.0, seconds  # by how much this clock may be; of this boot
    if not last:
        since = now - FIRST_SECONDS
    elif last["boot"] == boot:
        elapsed = seconds - last["seconds"]
        was_set = now - last["at"] - elapsed
        was_set = was_set if abs(was_set) > SET_SECONDS else 0.0
        ahead, first = last["ahead"] + was_set, last["first"]
        # One that is set back, and was not set ahead before, was so since the boot.
        since_boot = seconds - first if was_set < 0 and last["ahead"] <= 0 else 0.0
        since = now - elapsed - reach(ahead, was_set, since_boot) - OVERLAP_SECONDS
    else:
        since = min(last["at"], now) - reach(last["ahead"]) - OVERLAP_SECONDS
    return since, {"at": now, "boot": boot, "seconds": seconds, "ahead": ahead, "first": first}


def reach(*seconds):
    """Return by how much to go back further."""
    return min(max(0.0, *seconds), LONGEST_REACH_SECONDS)
