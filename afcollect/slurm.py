"""What Slurm runs, asked by squeue and sacct."""

import collections
import math
import re
import time

from afcollect.commands import output_of
from afcollect.jobs import Job, Listing, Queue

KIND = "slurm"
TIMEOUT_SECONDS = 45.0
SEPARATOR = "|"
# What squeue is asked for, and in how many characters: it fills each field up with blanks, which
# counts where there are many jobs.
FIELDS = {
    "JobArrayID": 32, "UserName": 64, "State": 24, "Reason": 64, "TimeUsed": 24,
    "Partition": 512, "tres-alloc": 96,
}  # fmt: skip
# The states of jobs (squeue(1), JOB STATE CODES) in the words of the documents.
STATES = {
    "PENDING": "idle", "CONFIGURING": "running", "RUNNING": "running", "COMPLETING": "running",
    "SUSPENDED": "running", "STOPPED": "running", "SIGNALING": "running", "STAGE_OUT": "running",
    "RESIZING": "running", "REQUEUED": "idle", "REQUEUE_FED": "idle", "REQUEUE_HOLD": "held",
    "SPECIAL_EXIT": "held", "RESV_DEL_HOLD": "held", "CANCELLED": "removed", "REVOKED": "removed",
    "COMPLETED": "finished", "FAILED": "finished", "TIMEOUT": "finished", "NODE_FAIL": "finished",
    "OUT_OF_MEMORY": "finished", "DEADLINE": "finished", "PREEMPTED": "finished",
    "BOOT_FAIL": "submission_err", "LAUNCH_FAILED": "submission_err",
}  # fmt: skip
ENDED_STATES = "BF,CA,CD,DL,F,NF,OOM,PR,TO"
# What the reasons of held jobs have: JobHeldUser, JobHeldAdmin, JobHoldMaxRequeue, "job requeued in
# held state", "launch failed requeued held"; but not QOSUsageThreshold.
HELD = re.compile(r"JobHeld|JobHold|\bheld\b")
# No program prints longer numbers; Python refuses to read them from some thousand digits on.
DIGITS = re.compile(r"[0-9]{1,18}")
DURATION = re.compile(r"(?:([0-9]{1,9})-)?(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9})")
# What a unit of allocated memory is in megabytes.
UNITS = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2, "P": 1024.0**3}


def queue_rows(ask=output_of):
    """Return the Listing of what squeue knows: tuples of FIELDS, tasks of arrays each for itself.

    ask runs a program as output_of does. Raises PartFailed.
    """
    columns = ",".join(f"{field}:{width}{SEPARATOR}" for field, width in FIELDS.items())
    command = ["squeue", "--all", "--noheader", "--array", f"--Format={columns}"]
    return Listing.of("squeue", ask(command, TIMEOUT_SECONDS).splitlines(), row_of)


def row_of(line):
    """Return the FIELDS of one line of squeue, None if it has not all of them."""
    words = [word.strip() for word in line.split(SEPARATOR)[: len(FIELDS)]]
    return tuple(words) if len(words) == len(FIELDS) else None


def queued_jobs(rows):
    """Return the Jobs of some rows of squeue."""
    return [
        Job(user, job_id, seconds_of(used), state_of(state, reason))
        for job_id, user, state, reason, used, _partition, _resources in rows
    ]


def queues(rows, wanted):
    """Return the Queues of some rows of squeue: one for each partition, or as `wanted` says, which
    is {name: set of partitions}."""
    found = collections.defaultdict(list)
    for row in rows:
        partitions = set(row[5].split(","))  # those that a waiting job may run in
        names = [name for name, some in wanted.items() if partitions & some]
        for name in names if wanted else partitions:
            found[name].append(row)
    return [queue_of(name, found[name]) for name in wanted or sorted(found)]


def queue_of(name, rows):
    """Return the Queue of the jobs of some rows."""
    states = collections.Counter(state_of(row[2], row[3]) for row in rows)
    cores, megabytes = 0, 0.0
    for row in rows:
        if state_of(row[2], row[3]) == "running":
            resources = dict(one.partition("=")[::2] for one in row[6].split(","))
            cores += whole(resources.get("cpu", ""))
            megabytes += megabytes_of(resources.get("mem", ""))
    return Queue(name, states["idle"], states["running"], states["held"], cores, round(megabytes))


def finished_jobs(since, ask=output_of):
    """Return the Listing of the Jobs that ended at `since` (seconds since the epoch) or later:
    those are what sacct shows where states are named (sacct(1), --state).

    Raises PartFailed.
    """
    # Seconds since the epoch (Slurm, src/common/parse_time.c): sacct takes all other times, even
    # "now", for times of the day, which are there twice when summer time ends.
    start, end = math.floor(since), math.ceil(time.time())
    command = [
        "sacct", "--allusers", "--allocations", "--noheader", "--parsable2",
        f"--starttime=uts{min(start, end)}", f"--endtime=uts{end}", f"--state={ENDED_STATES}",
        "--format=JobID,User,ElapsedRaw,State",
    ]  # fmt: skip
    found = Listing.of("sacct", ask(command, TIMEOUT_SECONDS).splitlines(), ended_job)
    return found._replace(found=[job for job in found.found if job.owner])


def ended_job(line):
    """Return the Job of one line of sacct, None if it is none."""
    words = line.split(SEPARATOR)
    if len(words) != 4 or not DIGITS.fullmatch(words[2]):
        return None
    job_id, user, seconds, state = words
    return Job(user, job_id, int(seconds), state_of(state))


def state_of(state, reason=""):
    """Return a state of Slurm in the words of the documents."""
    if state == "PENDING" and HELD.search(reason):
        return "held"
    return STATES.get(state.split(" ")[0], "unknown")  # CANCELLED by 1000


def seconds_of(text):
    """Return a duration, [days-][hours:]minutes:seconds, in seconds; 0 for what is none."""
    found = DURATION.fullmatch(text)
    if not found:
        return 0
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def whole(text):
    """Return a whole number, 0 for what is none."""
    return int(text) if DIGITS.fullmatch(text) else 0


def megabytes_of(text):
    """Return allocated memory, for instance 1.50G, in megabytes."""
    found = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{0,18})?)([KMGTP]?)", text)
    return float(found[1]) * UNITS[found[2] or "M"] if found else 0.0
