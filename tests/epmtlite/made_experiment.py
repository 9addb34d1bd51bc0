"""An invented experiment: jobs of two components, day by day, one of which took far too long."""

import datetime

from tests.epmtlite.made_jobs import BEGIN, made_job, record, write_job

DAY_MICROSECONDS = 86_400_000_000
SLOW = "ice-3"
SEGMENTS = ("18540101", "18590101", "18640101", "18690101", "18740101")
# Seconds that the copies of each job take: as different as those of real jobs are.
SECONDS = {"ice": (100, 102, 101, 900, 99), "ocean": (300, 301, 299, 302, 298)}


def experiment():
    """Return the MadeJobs."""
    return [
        job_of(component, number, seconds, day)
        for day, (component, number, seconds) in enumerate(
            (component, number, seconds)
            for component, some in SECONDS.items()
            for number, seconds in enumerate(some)
        )
    ]


def job_of(component, number, seconds, day):
    """Return the MadeJob of a component that computed a segment on a day: it copies, then
    computes."""
    moved = day * DAY_MICROSECONDS
    threads = [(seconds * 900_000, seconds * 50_000, 2048 + number, 0, 0, 9)]
    records = [
        record(pid=10, ppid=1, start=moved, lasts=2_000_000, exename="cp", tags="op:copy"),
        record(
            pid=11, ppid=10, start=moved + 2_000_000, lasts=seconds * 1_000_000, exename="model",
            path="/opt/model", tags="op:compute", threads=threads,
        ),
    ]  # fmt: skip
    start = BEGIN + datetime.timedelta(days=day)
    tags = f"exp_name:esm;exp_component:{component};exp_time:{SEGMENTS[number]}"
    return made_job(
        records, jobid=f"{component}-{number}", job_pl_submit_ts=start, job_pl_start_ts=start,
        job_el_stop_ts=start + datetime.timedelta(seconds=seconds + 3),
        job_el_env={"EPMT_JOB_TAGS": tags},
    )  # fmt: skip


def write_experiment(directory):
    """Write the jobs into directories below one, and return these."""
    return [write_job(job, directory / job.metadata["job_pl_id"]) for job in experiment()]
