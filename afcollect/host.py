"""What the machine itself does: load, memory, network, disks."""

import hashlib
import os
import socket
from pathlib import Path

from afcollect import disks
from afcollect.failures import PartFailed
from afcollect.interval import boot_clock

MACHINE_ID = Path("/etc/machine-id")  # machine-id(5)


def network_key():
    """Return the name of the state that holds the counters of this machine: machines that share a
    directory know of each other's nothing. Its names are not in it."""
    try:
        number = MACHINE_ID.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        number = ""
    # Nodes that boot one image have one number.
    known = f"{number} {socket.gethostname()}".encode("utf-8", "replace")
    return "network." + hashlib.sha256(known, usedforsecurity=False).hexdigest()[:16]


def counters_before(state, now):
    """Return the counters that an earlier run of this machine left, None if none did.

    An older release kept those of whichever machine ran last: of the same boot they are our own.
    """
    old = state.get("network")
    is_ours = old and old.get("boot") == now["boot"]
    return state.get(network_key()) or (old if is_ours else None)


def load():
    """Return the keys of a CPU document."""
    return {"load": os.getloadavg()[0]}


def memory():
    """Return the keys of a MEM document, in bytes."""
    import psutil

    found = psutil.virtual_memory()
    return {"total": found.total, "available": found.available}


def disk_documents(mounts=(), hanging=None):
    """Return (keys of DISK documents, failures, {mount: process} that hang) of some paths, by
    default of the usual ones that exist.

    hanging is what an earlier run returned.
    """
    documents, failures, still_hanging = [], [], {}
    for mount, answer in disks.usage_of(mounts or disks.DEFAULT_MOUNTS, hanging):
        if isinstance(answer, PartFailed):
            failures.append(answer)
        elif answer:
            documents.append(disk_document(mount, answer))
        elif mounts:
            failures.append(PartFailed(f"{mount}: there is no such directory"))
        if isinstance(answer, disks.Hanging) and answer.process:
            still_hanging[mount] = answer.process
    return documents, failures, still_hanging


def disk_document(mount, answer):
    """Return the keys of a DISK document; utilization is between 0 and 1."""
    total, used = answer["total"], answer["used"]
    document = {
        "mount": mount, "total": total, "used": used, "free": answer["free"],
        "utilization": used / total if total else 0.0,
    }  # fmt: skip
    device = answer["device"] or ""
    if device.startswith("/") or ":" in device:  # else no real one
        document["device"] = device
    return document


def network_counters():
    """Return what the next run needs: the bytes of each interface, when, and in which boot."""
    import psutil

    boot, seconds = boot_clock()
    interfaces = psutil.net_io_counters(pernic=True, nowrap=False)
    return {
        "boot": boot,
        "seconds": seconds,
        "interfaces": {
            name: [found.bytes_sent, found.bytes_recv] for name, found in interfaces.items()
        },
    }


def network(before, now):
    """Return the keys of a NETWORK document from the counters of two runs; None if there are no
    earlier ones.

    After a boot all counters began with zero, at the boot; so did that of an interface which was
    set back, or is new.
    """
    if not before:
        return None
    is_same_boot = before.get("boot") == now["boot"]
    interval = now["seconds"] - (before["seconds"] if is_same_boot else 0.0)
    if interval <= 0:
        return None
    totals = [0, 0]
    for name, counters in now["interfaces"].items():
        old = before["interfaces"].get(name, [0, 0]) if is_same_boot else [0, 0]
        for place, (earlier, later) in enumerate(zip(old, counters)):
            totals[place] += later - earlier if later >= earlier else later
    return {"network": {"interval": round(interval, 3), "sent": totals[0], "received": totals[1]}}
