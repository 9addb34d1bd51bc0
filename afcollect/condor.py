"""What HTCondor runs, asked by its own programs."""

import json
import re

from afcollect.commands import output_of
from afcollect.failures import PartFailed
from afcollect.jobs import Job, Queue

KIND = "condor"
TIMEOUT_SECONDS = 45.0
# JobStatus by number (manual, Job ClassAd attributes).
STATES = ("unexpanded", "idle", "running", "removed", "finished", "held", "submission_err")
NOT_PEOPLE = 'Owner =!= "atlas-coffea"'
ATTRIBUTES = (
    "-format", "%s ", "Owner", "-format", "%d.", "ClusterId", "-format", "%d ", "ProcId",
    "-format", "%d ", "RemoteWallClockTime", "-format", r"%s \n", "JobStatus",
)  # fmt: skip
# A job that has not run yet has no run time, and then nothing stands in its place.
LINE = re.compile(r"(\S+) (\d+\.\d+) (?:(\d+) )?(\d+) *")


def queued_jobs():
    """Return the Jobs that are in the queue. Raises PartFailed."""
    command = ["condor_q", "-all", "-constraint", NOT_PEOPLE, *ATTRIBUTES]
    return parse_jobs("condor_q", output_of(command, TIMEOUT_SECONDS))


def finished_jobs(since):
    """Return the Jobs that finished at `since` (seconds since the epoch) or later. Raises
    PartFailed."""
    constraint = f"JobStatus==4 && JobFinishedHookDone>={int(since)}"
    command = ["condor_history", "-constraint", constraint, *ATTRIBUTES]
    jobs = parse_jobs("condor_history", output_of(command, TIMEOUT_SECONDS))
    return [job for job in jobs if job.owner != "atlas-coffea"]


def parse_jobs(program, text):
    """Return the Jobs of what a program printed. Raises PartFailed."""
    jobs = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = LINE.fullmatch(line)
        if not found:
            raise PartFailed(f"{program} printed what is no job: {line[:80]!r}")
        owner, job_id, seconds, status = found.groups()
        number = int(status)
        state = STATES[number] if number < len(STATES) else "unknown"
        jobs.append(Job(owner, job_id, int(seconds or 0), state))
    return jobs


def queue(name, constraint):
    """Return the Queue of the jobs that a constraint takes. Raises PartFailed."""
    totals = read_json(["condor_q", "-all", "-totals", "-json", "-constraint", constraint])
    running = read_json(
        ["condor_q", "-all", "-run", "-constraint", constraint,
         "-autoformat", "CpusProvisioned", "MemoryProvisioned", "-json"]
    )  # fmt: skip
    idle, running_jobs, held = (
        sum(total(one, word) for one in totals) for word in ("Idle", "Running", "Held")
    )
    cores = sum(whole(one.get("CpusProvisioned")) for one in running)
    megabytes = sum(whole(one.get("MemoryProvisioned")) for one in running)
    return Queue(name, idle, running_jobs, held, cores, megabytes)


def read_json(command):
    """Return the list of objects that a program prints; nothing at all is an empty one."""
    text = output_of(command, TIMEOUT_SECONDS).strip()
    try:
        found = json.loads(text) if text else []
    except ValueError:
        raise PartFailed(f"{command[0]} printed what is no JSON") from None
    found = found if isinstance(found, list) else [found]
    return [one for one in found if isinstance(one, dict)]


def total(summary, word):
    """Return how many jobs are in a state: those of the constraint, where the program knows them
    apart from all others."""
    return whole(summary.get(word, summary.get(f"Allusers{word}")))


def whole(value):
    """Return a number of the batch system, 0 for what is none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number else 0
