"""What users of the invented site have run: records of XALT, and jobs of epmt."""

import datetime
import shutil
from typing import Any

from tests.conftest import Site
from tests.epmtlite.made_experiment import experiment
from tests.epmtlite.made_jobs import MadeJob, archived, write_job, write_v1
from tests.epmtlite.old_site import OldSite
from tests.readme_examples import Session
from tests.xaltload.samples import LINK, PACKAGE, RUN, changed
from usagedb.config import DatabaseConfig


def xalt_records() -> "list[tuple[str, dict[str, Any]]]":
    """Return [(file name, record)] of some runs of an invented site in November 2026."""
    runs = (
        ("ada", "/apps/gromacs/2026.1/bin/gmx_mpi", "gmx_mpi", 128, 7200.0, "4711", "bio07"),
        ("ada", "/apps/gromacs/2026.1/bin/gmx_mpi", "gmx_mpi", 128, 3600.0, "4712", "bio07"),
        ("ben", "/apps/gromacs/2026.1/bin/gmx_mpi", "gmx_mpi", 64, 1800.0, "4713", "bio07"),
        ("otter", "/home/otter/bin/lmp", "lmp", 256, 3600.0, "4714", "chem01"),
        ("ibex", "/home/otter/bin/lmp", "lmp", 64, 5400.0, "4715", "chem01"),
        ("ibex", "/apps/python/3.12/bin/python3.12", "python3.12", 1, 90.0, "4716", "chem01"),
        ("otter", "/apps/python/3.12/bin/python3.12", "python3.12", 1, 20.0, "4717", "chem01"),
    )
    found = []
    for number, (user, path, name, cores, seconds, job, account) in enumerate(runs):
        found += xalt_run(number, user, path, name, cores, seconds, job, account)
    link = changed(
        LINK, resultT__build_epoch="1793800000.0", resultT__exec_path="/home/otter/bin/lmp",
        resultT__hash_id=f"{RUN['hash_id'][:-3]}lmp",
    )  # fmt: skip
    found.append(
        (f"link.aurora.2026_11_04_10_00_00_0000.otter.{LINK['resultT']['uuid']}.json", link)
    )
    return found


def xalt_run(
    number: int, user: str, path: str, name: str, cores: int, seconds: float, job: str, account: str
) -> "list[tuple[str, dict[str, Any]]]":
    """Return the records of one run: its end, and of Python what it imported."""
    uuid = f"0188a2f0-0000-7000-8000-{number:012d}"
    day = datetime.datetime(2026, 11, 2 + number, 9, tzinfo=datetime.timezone.utc)
    start = day.timestamp()
    libraries = [["/lib64/libc-2.28.so", "0"], ["/apps/fftw3/3.3.10/lib/libfftw3.so.3", "0"]]
    run = changed(
        RUN, hash_id=f"{RUN['hash_id'][:-3]}{name[:3]}", libA=libraries[: 2 if cores > 1 else 1],
        cmdlineA=[path], userT__user=user, userT__exec_path=path, userT__run_uuid=uuid,
        userT__job_id=job, userT__account=account, userT__cwd=f"/home/{user}",
        userT__currentEpoch=str(start), userDT__start_time=start,
        userDT__end_time=start + seconds, userDT__run_time=seconds, userDT__num_cores=float(cores),
        userDT__num_tasks=float(cores), userDT__num_threads=1.0,
        userDT__num_nodes=float(max(1, cores // 64)),
    )  # fmt: skip
    stamp = f"aurora.{day:%Y_%m_%d_%H_%M_%S}_0000.{user}"
    found = [(f"run.{stamp}.zzz.{uuid}.json", run)]
    if name.startswith("python"):
        package = changed(PACKAGE, xalt_run_uuid=uuid)
        found.append((f"pkg.{stamp}.{uuid}.{number:012x}.json", package))
    return found


def epmt_archives(session: Session) -> None:
    """Write archives of two components' jobs, one of an old collector, and a database of EPMT."""
    archives = session.root / "data/epmt"
    archives.mkdir()
    (session.root / "var/spool/epmt").mkdir(parents=True)
    session.at_the_end.append("epmt daemon -S")  # should an example before its own end fail
    numbers = {"ice": 4711, "ocean": 4721}
    for made in experiment():
        component, number = made.metadata["job_pl_id"].split("-")
        named = with_id(made, str(numbers[component] + int(number)))
        archived(write_job(named, archives / named.metadata["job_pl_id"]))
        shutil.rmtree(archives / named.metadata["job_pl_id"])
    old = with_id(experiment()[1], "4731")
    (session.root / "data/papiex").mkdir()
    archived(write_v1(old, session.root / "data/papiex/4731"))
    config = DatabaseConfig("sqlite", str(session.root / "data/EPMT.db"), "test")
    source = OldSite(Site(config, session.root / "data"))
    source.add(with_id(experiment()[2], "4751"))
    source.database.close()


def with_id(made: MadeJob, job_id: str) -> MadeJob:
    """Return the same job under another number."""
    return made._replace(metadata={**made.metadata, "job_pl_id": job_id})
