"""The states of jobs and of nodes: numbers, names, labels, and the colours of badges.

The numbers are those of Slurm's public header slurm.h. The labels are those that the API's
clients know.
"""

import re
from typing import NamedTuple

from usagedb.errors import UsageError

BASE_MASK = 0xFF
# A row that ended because the job went back to the queue, or changed its size: the job goes on in
# another row. slurmdbd gives it this flag, and PENDING.
REQUEUED, RESIZING = 0x400, 0x2000
PENDING, RUNNING, SUSPENDED, COMPLETED, CANCELLED, FAILED = range(6)
TIMEOUT, NODE_FAIL, PREEMPTED, BOOT_FAIL, DEADLINE, OUT_OF_MEMORY = range(6, 12)

NAMES = {
    PENDING: "PENDING", RUNNING: "RUNNING", SUSPENDED: "SUSPENDED", COMPLETED: "COMPLETED",
    CANCELLED: "CANCELLED", FAILED: "FAILED", TIMEOUT: "TIMEOUT", NODE_FAIL: "NODE_FAIL",
    PREEMPTED: "PREEMPTED", BOOT_FAIL: "BOOT_FAIL", DEADLINE: "DEADLINE",
    OUT_OF_MEMORY: "OUT_OF_MEMORY", REQUEUED: "REQUEUED", RESIZING: "RESIZING",
}  # fmt: skip
LABELS = {
    PENDING: "Pending", RUNNING: "Running", SUSPENDED: "Suspended", COMPLETED: "Complete",
    CANCELLED: "Canceled", FAILED: "Failed", TIMEOUT: "Timeout", NODE_FAIL: "Node Fail",
    PREEMPTED: "Preempted", BOOT_FAIL: "Boot Fail", DEADLINE: "Deadline", OUT_OF_MEMORY: "Oom",
    REQUEUED: "Requeued", RESIZING: "Resizing",
}  # fmt: skip
SHORT_NAMES = ("PD", "R", "S", "CD", "CA", "F", "TO", "NF", "PR", "BF", "DL", "OOM")
# Other spellings that a filter may have.
SPELLINGS = {
    "cancelled": CANCELLED, "completed": COMPLETED, "end": DEADLINE, "nodefailed": NODE_FAIL,
    "bootfailed": BOOT_FAIL, "outofmemory": OUT_OF_MEMORY, "memory": OUT_OF_MEMORY,
}  # fmt: skip
UNFINISHED = (PENDING, RUNNING, SUSPENDED)
STARTED = (RUNNING, SUSPENDED)

FLAGS = {
    0x100: "LAUNCH_FAILED", REQUEUED: "REQUEUED", 0x800: "REQUEUE_HOLD",
    0x1000: "SPECIAL_EXIT", RESIZING: "RESIZING", 0x4000: "CONFIGURING",
    0x8000: "COMPLETING", 0x10000: "STOPPED",
    0x20000: "RECONFIG_FAIL", 0x40000: "POWER_UP_NODE", 0x80000: "REVOKED",
    0x100000: "REQUEUE_FED", 0x200000: "RESV_DEL_HOLD", 0x400000: "SIGNALING",
    0x800000: "STAGE_OUT",
}  # fmt: skip

NODE_BASE_MASK = 0xF
NODE_NAMES = ("UNKNOWN", "DOWN", "IDLE", "ALLOCATED", "ERROR", "MIXED", "FUTURE")
NODE_FLAGS = {
    0x200: "DRAIN", 0x800: "NOT_RESPONDING", 0x1000: "POWERED_DOWN", 0x2000: "FAIL",
    0x4000: "POWERING_UP", 0x8000: "MAINTENANCE",
}  # fmt: skip


class Badge(NamedTuple):
    """What a page shows for a state."""

    text: str
    colour: str  # info, primary, warning, success or danger


BADGES = {
    PENDING: Badge("Pending", "info"),
    RUNNING: Badge("Running", "primary"),
    SUSPENDED: Badge("Suspended", "warning"),
    COMPLETED: Badge("Complete", "success"),
    CANCELLED: Badge("Cancelled", "danger"),
    FAILED: Badge("Failed", "danger"),
    TIMEOUT: Badge("Timeout", "danger"),
    NODE_FAIL: Badge("Node failed", "danger"),
    PREEMPTED: Badge("Preempted", "warning"),
    BOOT_FAIL: Badge("Boot failed", "danger"),
    DEADLINE: Badge("Deadline", "danger"),
    OUT_OF_MEMORY: Badge("OOM", "danger"),
    REQUEUED: Badge("Requeued", "warning"),
    RESIZING: Badge("Resizing", "info"),
}


def base(stored: int) -> int:
    """Return the state in a stored number without its flags; of PENDING, two flags are states."""
    return stored & BASE_MASK or stored & REQUEUED or stored & RESIZING


# The same in SQL.
BASE_EXPRESSION = (
    f'CASE WHEN ("state" & {BASE_MASK}) > 0 THEN "state" & {BASE_MASK}'
    f' WHEN ("state" & {REQUEUED}) > 0 THEN {REQUEUED} ELSE "state" & {RESIZING} END'
)


def flags(stored: int) -> "list[str]":
    """Return the names of the flags in a stored number that are known."""
    return [word for bit, word in FLAGS.items() if stored & bit]


def name(stored: int) -> str:
    """Return the name of a state as sacct prints it; one that is not known has its number."""
    return NAMES.get(base(stored), f"UNKNOWN_{base(stored)}")


def label(stored: int) -> str:
    """Return the label of a state in the API."""
    return LABELS.get(base(stored), f"Unknown {base(stored)}")


def badge(stored: int) -> Badge:
    """Return the Badge of a state."""
    return BADGES.get(base(stored)) or Badge(label(stored), "danger")


def plain(spelling: str) -> str:
    """Return a spelling without what spellings differ in: capitals, blanks, - and _."""
    return re.sub(r"[\s_-]+", "", spelling).lower()


CODES = {
    **{plain(word): number for table in (NAMES, LABELS) for number, word in table.items()},
    **{plain(shown.text): number for number, shown in BADGES.items()},
    **{word.lower(): number for number, word in enumerate(SHORT_NAMES)},
    **SPELLINGS,
}


def code(spelling: str) -> int:
    """Return the number of a state by any of its names and labels, whatever their case.

    Raises UsageError for another word.
    """
    try:
        return CODES[plain(spelling)]
    except KeyError:
        raise UsageError(
            f"no job state {spelling[:40]!r}: one of {', '.join(LABELS.values())}"
        ) from None


def codes(text: str) -> "tuple[int, ...]":
    """Return the numbers of a comma separated list of states, each once; () for ''.

    Raises UsageError.
    """
    return tuple(dict.fromkeys(code(part) for part in text.split(",") if part.strip()))


def node_names(stored: int) -> "list[str]":
    """Return the names of a node's state and of its flags, such as [DOWN, DRAIN]."""
    number = stored & NODE_BASE_MASK
    known = NODE_NAMES[number] if number < len(NODE_NAMES) else f"UNKNOWN_{number}"
    found = [word for bit, word in NODE_FLAGS.items() if stored & bit]
    return found if found and known == "UNKNOWN" else [known, *found]
