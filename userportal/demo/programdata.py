"""Write the programs that the made-up jobs ran as the records that XALT leaves."""

import datetime
import hashlib
import json
import random
import uuid

from userportal.demo.applications import APPLICATIONS, SOFTWARE
from userportal.demo.cluster import NAME
from userportal.demo.scripts import work_directory
from userportal.demo.sizes import DAY_SECONDS

STARTUP_SECONDS = 20  # from the start of a job to that of its program
SYSTEM_LIBRARIES = ("/usr/lib64/libc.so.6", "/usr/lib64/libm.so.6")


def write_records(directory, schedule, days, seed=1):
    """Write the records of all programs that began in the last days into a directory."""
    source = random.Random(f"{seed}:programs")
    since = schedule.now - days * DAY_SECONDS
    for job in schedule.jobs:
        if job.start + STARTUP_SECONDS > since and job.start:
            if job.end and job.end - job.start <= STARTUP_SECONDS:
                continue
            identity = str(uuid.UUID(int=source.getrandbits(128), version=4))
            write_run(directory, job, identity)
            for package in job.request.application.packages:
                write_package(directory, job, identity, package, source.getrandbits(48))


def write_run(directory, job, identity):
    """Write the record of a run; that of a program that was killed or still runs has no end."""
    has_ended = job.end and job.exit_code == 0
    write(directory, "run", job, "zzz" if has_ended else "aaa", identity, "", run(job, identity))


def run(job, identity):
    """Return a run record."""
    request, application = job.request, job.request.application
    start = job.start + STARTUP_SECONDS
    end = job.end if job.end and job.exit_code == 0 else 0
    return {
        "cmdlineA": application.command.format(cores=request.cores).split(),
        "hash_id": sha1(application.executable),
        "libA": [[path, sha1(path)] for path in (*application.libraries, *SYSTEM_LIBRARIES)],
        "envT": {"OMP_NUM_THREADS": str(request.cores)},
        "userT": {
            "syshost": NAME, "run_uuid": identity, "exec_path": application.executable,
            "exec_type": "binary", "cwd": work_directory(request), "user": request.user,
            "account": request.account, "job_id": str(job.job_id), "scheduler": "SLURM",
            "queue": request.behaviour.partition, "submit_host": "login1",
            "currentEpoch": str(end or start),
        },
        "userDT": {
            "start_time": start, "end_time": end, "run_time": max(0, end - start),
            "probability": 1, "num_tasks": job.core_count if len(job.places) > 1 else 1,
            "num_cores": job.core_count, "num_nodes": len(job.places),
            "num_threads": 1 if len(job.places) > 1 else request.cores, "num_gpus": job.gpu_count,
        },
        "xaltLinkT": {},
    }  # fmt: skip


def write_package(directory, job, identity, package, serial):
    """Write the record of a package that a run imported."""
    name, version = package
    program = "R" if "Rscript" in job.request.application.executable else "python"
    record = {
        "xalt_run_uuid": identity, "program": program, "package_name": name,
        "package_version": version, "package_path": f"{SOFTWARE}/packages/{name}",
    }  # fmt: skip
    write(directory, "pkg", job, "", identity, f"{serial:012x}", record)


def write(directory, kind, job, phase, identity, serial, record):
    """Write one record into a file with XALT's sort of name."""
    moment = datetime.datetime.fromtimestamp(job.start + STARTUP_SECONDS, datetime.timezone.utc)
    parts = (kind, NAME, f"{moment:%Y_%m_%d_%H_%M_%S}_0000", job.request.user, phase, identity,
             serial, "json")  # fmt: skip
    name = ".".join(part for part in parts if part)
    (directory / name).write_text(json.dumps(record), encoding="utf-8")


def write_reverse_map(directory):
    """Write which directory belongs to which module, as Lmod's spider does."""
    found = {
        f"{SOFTWARE}/{module}/{part}": module
        for one in APPLICATIONS.values()
        for module in one.modules
        for part in ("bin", "lib", "lib64")
    }
    found[f"{SOFTWARE}/flexiblas/3.3.1/lib"] = "flexiblas/3.3.1"
    text = json.dumps({"reverseMapT": found, "xlibmap": []}, indent=1, sort_keys=True)
    (directory / "xalt_rmapT.json").write_text(text, encoding="utf-8")


def sha1(text):
    """Return a stand-in for the digest of a file."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
