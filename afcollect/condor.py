"""What HTCondor runs, asked by its own programs."""

import json
import math
import re

from afcollect.commands import output_of
from afcollect.failures import PartFailed
from afcollect.jobs import Job, Listing, Queue

KIND = "condor"
TIMEOUT_SECONDS = 45.0
# JobStatus by number (manual, Job ClassAd attributes).
STATES = ("unexpanded", "idle", "running", "removed", "finished", "held", "submission_err")
SERVICE = "atlas-coffea"  # runs notebooks, and is nobody's jobs
NOT_SERVICE = f'Owner =!= "{SERVICE}"'
ATTRIBUTES = (
    "-format", "%s ", "Owner", "-format", "%d.", "ClusterId", "-format", "%d ", "ProcId",
    "-format", "%d ", "RemoteWallClockTime", "-format", r"%s \n", "JobStatus",
)  # fmt: skip
# A job that has not run yet has no run time, and then nothing stands in its place.
LINE = re.compile(r"(\S+) ([0-9]{1,18}\.[0-9]{1,18}) (?:([0-9]{1,18}) )?([0-9]{1,18}) *")


def queued_jobs(ask=output_of):
    """Return the Listing of the Jobs that are in the queue; ask runs a program as output_of does.

    Raises PartFailed.
    """
    return listing(ask, ["condor_q", "-all", "-constraint", NOT_SERVICE, *ATTRIBUTES])


def finished_jobs(since, ask=output_of):
    """Return the Listing of the Jobs that finished at `since` (seconds since the epoch) or later.

    Raises PartFailed.
    """
    constraint = f"JobStatus==4 && JobFinishedHookDone>={int(since)}"
    found = listing(ask, ["condor_history", "-constraint", constraint, *ATTRIBUTES])
    return found._replace(found=[job for job in found.found if job.owner != SERVICE])


def listing(ask, command):
    """Return the Listing of the jobs that a program prints."""
    lines = ask(command, TIMEOUT_SECONDS).splitlines()
    return Listing.of(command[0], lines, job_of)


def job_of(line):
    """Return the Job of one line, None if it is none."""
    found = LINE.fullmatch(line.strip())
    if not found:
        return None
    owner, job_id, seconds, status = found.groups()
    number = int(status)
    state = STATES[number] if number < len(STATES) else "unknown"
    return Job(owner, job_id, int(seconds or 0), state)


def queue(name, constraint, ask=output_of):
    """Return the Queue of the jobs that a constraint takes. Raises PartFailed."""
    totals = read_json(ask, ["condor_q", "-all", "-totals", "-json", "-constraint", constraint])
    running = read_json(
        ask,
        ["condor_q", "-all", "-run", "-constraint", constraint,
         "-autoformat", "CpusProvisioned", "MemoryProvisioned", "-json"],
    )  # fmt: skip
    idle, running_jobs, held = (
        sum(total(one, word) for one in totals) for word in ("Idle", "Running", "Held")
    )
    cores = sum(whole(one.get("CpusProvisioned")) for one in running)
    megabytes = sum(whole(one.get("MemoryProvisioned")) for one in running)
    return Queue(name, idle, running_jobs, held, cores, megabytes)


def read_json(ask, command):
    """Return the list of objects that a program prints; nothing at all is an empty one."""
    text = ask(command, TIMEOUT_SECONDS).strip()
    try:
        found = json.loads(text) if text else []
    except (ValueError, RecursionError):
        raise PartFailed(f"{command[0]} printed what is no JSON") from None
    found = found if isinstance(found, list) else [found]
    return [one for one in found if isinstance(one, dict)]


def total(summary, word):
    """Return how many jobs are in a state: those of the constraint, where the program knows them
    apart from all others."""
    return whole(summary.get(word, summary.get(f"Allusers{word}")))


def whole(value):
    """Return a number of the batch system, 0 for what is none."""
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else 0
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
