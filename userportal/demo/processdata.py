"""Write what every process of some made-up jobs did, as epmt's collector leaves it."""

import datetime
import random
from pathlib import PurePosixPath

from epmtlite.collect import metaformat, record
from epmtlite.collect.names import METADATA
from userportal.demo.behaviours import COMPLETED, FAILED
from userportal.demo.cluster import NAME
from userportal.demo.scripts import work_directory

METRICS = (
    "usertime", "systemtime", "rssmax", "num_threads", "starttime", "rchar", "wchar", "inblock",
    "outblock",
)  # fmt: skip
MICROSECONDS = 10**6
MOST_JOBS = 3
STEPS = (  # what runs beside the program: name, path, share of the job's time, begins at
    ("module", "/usr/share/lmod/lmod/libexec/lmod", 0.002, 0.0),
    ("cp", "/usr/bin/cp", 0.03, 0.004),
    ("gzip", "/usr/bin/gzip", 0.05, 0.93),
    ("mv", "/usr/bin/mv", 0.004, 0.985),
)
PROGRAM_BEGINS, PROGRAM_SHARE = 0.035, 0.89
MOST_TASKS = 16


def chosen_jobs(cluster, schedule):
    """Return the last few jobs of the demo's own user that ran to their end, failed ones too."""
    user = cluster.users[1].name
    found = [
        job
        for job in schedule.jobs
        if job.request.user == user and job.state in (COMPLETED, FAILED)
        and job.end - job.start > 600 and not job.array_job_id
    ]  # fmt: skip
    return found[-MOST_JOBS:]


def write_jobs(directory, cluster, schedule):
    """Write each of the chosen jobs into a directory of its own; return these directories."""
    found = []
    for job in chosen_jobs(cluster, schedule):
        place = directory / str(job.job_id)
        place.mkdir(parents=True)
        (place / METADATA).write_bytes(metaformat.dumps(metadata(job)))
        for number, node in enumerate(job.node_names):
            (place / f"{node}-papiex-header.tsv").write_text(record.header(METRICS))
            lines = "".join(process_lines(job, node, number))
            (place / f"{node}-papiex.tsv").write_text(lines)
        found.append(place)
    return found


def metadata(job):
    """Return the metadata of a job."""
    request = job.request
    environment = {
        "SLURM_JOB_ID": str(job.job_id), "SLURM_JOB_NAME": request.name, "USER": request.user,
        "SLURM_JOB_ACCOUNT": request.account, "SLURM_CLUSTER_NAME": NAME,
        "PWD": work_directory(request), "LOADEDMODULES": ":".join(request.application.modules),
        "EPMT_JOB_TAGS": f"exp_name:{request.name};exp_component:{request.application.name}",
    }  # fmt: skip
    return {
        "job_pl_id": str(job.job_id), "job_pl_submit_ts": moment(job.submit),
        "job_pl_start_ts": moment(job.start), "job_pl_env": environment,
        "job_pl_username": request.user, "job_pl_hostname": job.node_names[0],
        "job_el_stop_ts": moment(job.end), "job_el_exitcode": job.exit_code >> 8,
        "job_el_reason": "none", "job_el_env": environment,
    }  # fmt: skip


def moment(seconds):
    """Return a datetime, UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def process_lines(job, node, number):
    """Yield the lines of the processes on one node: the script's on the first node only."""
    source = random.Random(f"{job.request.seed}:{number}")
    length = job.end - job.start
    shell = 1000
    if number == 0:
        yield line(source, job, node, "bash", "/usr/bin/bash", shell, 1, 0, length - 1, 0.001)
        for place, (name, path, share, begins) in enumerate(STEPS):
            yield line(
                source, job, node, name, path, shell + 1 + place, shell, length * begins,
                max(1, length * share), 0.7,
            )  # fmt: skip
    path = job.request.application.executable
    tasks = min(MOST_TASKS, job.request.cores) if len(job.places) > 1 else 1
    for task in range(tasks):
        yield line(
            source, job, node, PurePosixPath(path).name, path, shell + 100 + task, shell,
            length * PROGRAM_BEGINS + task / 10, length * PROGRAM_SHARE,
            job.request.behaviour.core_use, job.exit_code >> 8,
        )  # fmt: skip


def line(source, job, node, name, path, pid, parent, begins, lasts, busy, status=0):
    """Return the line of a process that begins and lasts so many seconds, working a share."""
    start = int((job.start + begins) * MICROSECONDS)
    end = start + int(lasts * MICROSECONDS)
    time = int((end - start) * busy)
    amounts = {
        "usertime": time * 95 // 100, "systemtime": time * 5 // 100,
        "rssmax": source.randrange(20_000, 900_000), "num_threads": 1,
        "starttime": start, "rchar": source.randrange(10**6, 10**9),
        "wchar": source.randrange(10**6, 10**9), "inblock": source.randrange(10**4),
        "outblock": source.randrange(10**4),
    }  # fmt: skip
    values = (
        "", node, name, path, status, 0, pid, 0, parent, 1000, 1000, 1, start, end, "",
    )  # fmt: skip
    return record.line(METRICS, [amounts], values)
