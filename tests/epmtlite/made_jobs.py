"""Invented jobs, written as the collector leaves them, and what a database must hold of them."""

import collections
import datetime
import json
import os
import random
import tarfile
from pathlib import Path
from typing import NamedTuple

from epmtlite.collect import metaformat, papiex
from epmtlite.collect.papiex import ProcessRecord
from tests.conftest import CHECKOUT, run_command

SAMPLES = CHECKOUT / ".." / "shared" / "samples" / "epmt"
UTC = datetime.timezone.utc
BEGIN = datetime.datetime(2026, 3, 1, 8, 0, 0, 250000, tzinfo=UTC)
BEGIN_MICROSECONDS = 1_772_352_000_250_000
HOUR = 3_600_000_000
NAMES = ("usertime", "systemtime", "rssmax", "num_threads", "starttime", "rdtsc_duration")
FIELDS = (
    "tags", "hostname", "exename", "path", "exitcode", "exitsignal", "pid", "generation", "ppid",
    "pgid", "sid", "numtids", "start", "finish", "args",
)  # fmt: skip


class MadeJob(NamedTuple):
    """A job: its metadata, and its ProcessRecords by host."""

    metadata: dict
    records: dict


def record(pid=10, ppid=1, start=1000, lasts=500, **changes):
    """Return a ProcessRecord that begins `start` microseconds after its job."""
    values = {
        "tags": "", "hostname": "n1", "exename": "cp", "path": "/bin/cp", "args": "-r a b",
        "exitcode": 0, "exitsignal": 0, "pid": pid, "generation": 0, "ppid": ppid, "pgid": 1,
        "sid": 1, "numtids": 1, "start": BEGIN_MICROSECONDS + start,
        "end": BEGIN_MICROSECONDS + start + lasts, "names": NAMES,
        "threads": [(300, 100, 2048, 0, 0, 9)],
    }  # fmt: skip
    values.update(changes)
    values["numtids"] = len(values["threads"])
    return ProcessRecord(**values)


def metadata(jobid="100", **changes):
    """Return the metadata of a job of an hour."""
    environment = {"HOME": "/home/ann", "EPMT_JOB_TAGS": "exp_name:ocean;exp_component:ice"}
    found = {
        "job_pl_id": jobid, "job_pl_submit_ts": BEGIN, "job_pl_start_ts": BEGIN,
        "job_pl_env": {**environment, "SLURM_JOB_NAME": "run"}, "job_pl_username": "ann",
        "job_pl_hostname": "n1", "job_el_stop_ts": BEGIN + datetime.timedelta(hours=1),
        "job_el_exitcode": 0, "job_el_reason": "none", "job_el_env": environment,
    }  # fmt: skip
    found.update(changes)
    return {key: value for key, value in found.items() if value is not None}


def made_job(records=None, jobid="100", **changes):
    """Return a MadeJob of some ProcessRecords, by default of one."""
    by_host = collections.defaultdict(list)
    for one in [record()] if records is None else records:
        by_host[one.hostname].append(one)
    return MadeJob(metadata(jobid, **changes), dict(sorted(by_host.items())))


def random_records(count=40, seed=1, hosts=("n1", "n2")):
    """Return the records of a random but possible tree of processes, ended ones first."""
    source = random.Random(seed)
    found = []
    for number in range(count):
        threads = [
            tuple(source.randrange(1, 10**6) for _name in NAMES)
            for _thread in range(source.choice((1, 1, 1, 4)))
        ]
        host = source.choice(hosts)
        found.append(
            record(
                pid=1000 + number, ppid=999 + number - source.randrange(min(number, 5) + 1),
                start=number * 100, lasts=source.randrange(50, 10**6), hostname=host,
                tags=source.choice(("", "op:cp", f"op:mv;op_instance:{number % 4}", "op")),
                args=source.choice(("", '"a, b" \\ \u00fc', "-x y")), threads=threads,
                exitcode=source.randrange(3),
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: one.end)


def write_job(job, directory):
    """Write a MadeJob into a directory, in version 2; return the directory."""
    directory.mkdir(parents=True)
    (directory / "job_metadata").write_bytes(metaformat.dumps(job.metadata))
    for host, records in job.records.items():
        header = "\t".join(("{" + ",".join(records[0].names) + "}", *FIELDS))
        (directory / f"{host}-papiex-header.tsv").write_text(header + "\n")
        (directory / f"{host}-papiex.tsv").write_text("".join(map(line_of, records)))
    return directory


def line_of(one):
    """Return the line of a ProcessRecord in version 2."""
    numbers = ",".join(str(value) for values in one.threads for value in values)
    fields = (
        one.tags, one.hostname, one.exename, one.path, one.exitcode, one.exitsignal, one.pid,
        one.generation, one.ppid, one.pgid, one.sid, one.numtids, one.start, one.end, one.args,
    )  # fmt: skip
    return "\t".join(("{" + numbers + "}", *map(str, fields))) + "\n"


def aged(*paths, seconds=3600):
    """Let files, and those below directories, have been written so long ago; return the paths."""
    for path in paths:
        for one in (path, *path.rglob("*")):
            then = one.lstat().st_mtime - seconds
            os.utime(one, (then, then), follow_symlinks=False)
    return paths


def write_v1(job, directory):
    """Write a MadeJob into a directory, in version 1: a row for each thread; return the directory.

    Texts have no commas.
    """
    directory.mkdir(parents=True)
    (directory / "job_metadata").write_bytes(metaformat.dumps(job.metadata))
    for host, records in job.records.items():
        lines = [",".join((*papiex.PER_PROCESS[:13], *papiex.PER_THREAD, *records[0].names))]
        for one in records:
            lines += rows_v1(one)
        (directory / f"{host}-papiex-1-0.csv").write_text("\n".join(lines) + "\n")
    return directory


def rows_v1(one):
    """Return the rows of a ProcessRecord in version 1."""
    rows = []
    for number, values in enumerate(one.threads):
        own = [str(value) for value in one[:13]] if number == 0 else [""] * 13
        rows.append(",".join((*own, str(number), str(one.start), str(one.end), *map(str, values))))
    return rows


def archived(directory):
    """Pack a job's directory as stage does; return the archive beside it."""
    path = directory.parent / f"{directory.name}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(directory, ".")
    return path


def epmt(site, command, *arguments, status=0, **options):
    """Run a command of epmt on the database of a Site and check its status."""
    words = (command, "--confFn", site.conf_path, *arguments)
    done = run_command("epmt", *words, **options)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


def url_of(config):
    """Return the URL of a DatabaseConfig."""
    if config.backend == "sqlite":
        return f"sqlite:///{config.database}"
    return f"{config.backend}://{config.user}@{config.hosts[0]}:{config.port}/{config.database}"


def contents(site):
    """Return all that the tables of EPMT hold, without the numbers of rows and when they were
    stored: {(cluster, job id): …}, and what no job claims."""
    database = site.connect()
    try:
        jobs = {}
        for number, cluster, jobid, *values in rows(
            database,
            "SELECT j.id, j.cluster, j.jobid, u.name, j.jobname, j.zone, j.day, j.start, j.{end},"
            " j.start_local, j.duration, j.exitcode, j.num_procs, j.num_threads, j.cpu_time,"
            " j.peak_rss, j.proc_sums, j.tags, j.annotations, j.info_dict, j.env_dict,"
            " j.env_changes_dict FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id",
        ):
            jobs[cluster, jobid] = {
                "values": [json.loads(one) if str(one)[:1] == "{" else one for one in values],
                "processes": processes_of(database, number),
            }
        known = {row[0] for row in database.rows("SELECT id FROM epmt_job")}
        orphans = [
            (table, row[0])
            for table in ("epmt_process", "epmt_job_host", "epmt_process_tags",
                          "epmt_metric_names", "epmt_partial")
            for row in database.rows("SELECT job_id FROM " + table)
            if row[0] not in known
        ]  # fmt: skip
        return jobs, orphans
    finally:
        database.close()


def rows(database, sql, parameters=()):
    """Return the rows of a query in which {end} stands for the column of that name."""
    sql = sql.replace("{end}", database.dialect.quote("end"))
    return [tuple(row) for row in database.rows(sql, parameters)]


def processes_of(database, number):
    """Return the rows of a job's processes in the order in which they were read."""
    tags = dict(
        database.rows("SELECT number, tags FROM epmt_process_tags WHERE job_id = ?", (number,))
    )
    names = dict(
        database.rows("SELECT number, names FROM epmt_metric_names WHERE job_id = ?", (number,))
    )
    hosts = dict(database.rows("SELECT id, name FROM epmt_host"))
    found = []
    for row in rows(
        database,
        "SELECT id, tags_number, metrics_number, host_id, parent_id, exename, path, args, pid, gen,"
        " ppid, pgid, sid, exitcode, exitsignal, start, {end}, duration, cpu_time,"
        " inclusive_cpu_time, peak_rss, depth, tree_number, descendants, numtids, threads"
        " FROM epmt_process WHERE job_id = ? ORDER BY id",
        (number,),
    ):
        process_id, tags_number, metrics_number, host_id, parent_id, *values = row
        assert process_id >> 24 == number and parent_id is None or parent_id >> 24 == number
        found.append(
            (
                process_id & 0xFFFFFF, json.loads(tags.get(tags_number, "{}")),
                names[metrics_number], hosts[host_id], parent_id and parent_id & 0xFFFFFF, *values,
            )
        )  # fmt: skip
    return found


def sample(name):
    """Return the path of a real job that came with EPMT; skip the test if it is not there."""
    import pytest

    path = Path(SAMPLES, name)
    if not path.exists():
        pytest.skip(f"no samples of EPMT beside the checkout: {path}")
    return path
