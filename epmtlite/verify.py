"""Tell what of jobs cannot be true: numbers below zero or not finite, moments before EPMT."""

import datetime
import math

from epmtlite.values import CYCLES, UNKNOWN

UTC = datetime.timezone.utc
FIRST_MOMENT = datetime.datetime(2019, 1, 1, tzinfo=UTC)  # no data of EPMT are older
# Numbers that may be below zero: what a program ended with.
ANY_NUMBER = ("exitcode",)
# What a user has said about a job is not ours to judge.
NOT_LOOKED_AT = ("tags", "annotations", "analyses", "env_dict", "env_changes_dict", "info_dict")


def verified(jobs, processes_of):
    """Return (whether all is well, {jobid: what is wrong, texts}) of dictionaries of jobs.

    processes_of(job) yields the dictionaries of the processes of one. A job of which all is well is
    not among the keys.
    """
    found: dict = {}
    for job in jobs:
        wrong = [*problems(job)]
        for process in processes_of(job):
            wrong += [f"Process[{process['id']}] >> {one}" for one in problems(process)]
        if wrong:
            name = job["jobid"]  # that several clusters may have
            found[f"{job['cluster']}/{name}" if name in found else name] = wrong
    return not found, found


def problems(record):
    """Yield what is wrong with a dictionary of a job or a process."""
    now = datetime.datetime.now(UTC)
    for key, value in record.items():
        if key in NOT_LOOKED_AT:
            continue
        if isinstance(value, datetime.datetime):
            if value < FIRST_MOMENT:
                yield f"{key} is before {FIRST_MOMENT.date()}"
            elif value > now:
                yield f"{key} is in the future"
        elif isinstance(value, (int, float)) and key not in ANY_NUMBER:
            if not math.isfinite(value):
                yield f"{key} is not finite"
            elif value < 0 and (value != UNKNOWN or key == CYCLES):
                yield f"{key} is negative"
