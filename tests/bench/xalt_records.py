"""Generate the records of XALT of an invented site, the same ones on every run."""

import json
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.loads import zipf_weights
from tests.xaltload.samples import with_crc

SYSHOST = "aurora"
FIRST_SECOND = 1_767_225_600  # 2026-01-01, UTC
SECONDS_PER_RUN = 30.0
USER_COUNT = 400
LIBRARY_COUNT = 4000
RUNS_PER_EXECUTABLE = 12
DIRECTORY_COUNT = 97
# In the proportions of a load of 5,317 records that was measured with the loader of sites.
RUNS_PER_LINK, PACKAGES_PER_RUN = 8, 1.2
STARTS_PER_RUN = 3
VARIABLES = (
    "PATH", "LD_LIBRARY_PATH", "LOADEDMODULES", "_LMFILES_", "OMP_NUM_THREADS", "HOME", "LANG",
    "SLURM_JOB_ID", "SLURM_NNODES", "SLURM_NTASKS", "MODULEPATH", "HOSTNAME",
)  # fmt: skip
NAMES = (
    "vasp_std", "lmp_mpi", "gmx_mpi", "pw.x", "namd2", "python3.11", "a.out", "wrf.exe",
    "cp2k.psmp",
    "nwchem", "simpleFoam", "solver", "analysis", "xhpl", "pmemd.MPI", "R", "matlab", "abinit",
)  # fmt: skip
PACKAGES = ("numpy", "scipy", "pandas", "torch", "mpi4py", "matplotlib", "sklearn", "h5py")
COMPILERS = ("gcc", "gfortran", "ifort", "icpc", "mpicc(gcc)", "nvcc")


class Counts(NamedTuple):
    """How many records of each kind were written, and their size."""

    runs: int
    starts: int
    links: int
    packages: int
    size_bytes: int

    @property
    def records(self) -> int:
        """All of them."""
        return self.runs + self.starts + self.links + self.packages


class Executable(NamedTuple):
    """A program that is run again and again, with the same libraries."""

    path: str
    hash_id: str
    libraries: list[str]
    link_uuid: str
    cores: int


def uuid_of(source: random.Random) -> str:
    """Return a random UUID."""
    return str(uuid.UUID(int=source.getrandbits(128), version=4))


def library(number: int) -> str:
    """Return the path of a library; half of them belong to modules."""
    if number % 2:
        return f"/apps/pkg{number % 300:03d}/{number % 4}.{number % 7}/lib64/lib{number:05d}.so.1"
    return f"/usr/lib64/lib{number:05d}.so.1.2"


def executables(source: random.Random, count: int) -> list[Executable]:
    """Return the programs of the site."""
    weights = zipf_weights(LIBRARY_COUNT, 0.6)
    found = []
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        where = f"/apps/pkg{number % 300:03d}/1.0/bin" if number % 3 else f"/home/u{number % 97}/x"
        size = source.randint(20, 40)
        drawn = source.choices(range(LIBRARY_COUNT), cum_weights=weights, k=3 * size)
        libraries = [library(one) for one in dict.fromkeys(drawn)][:size]
        found.append(
            Executable(
                f"{where}/{number}/{name}", f"{source.getrandbits(160):040x}", libraries,
                uuid_of(source), source.choice((1, 1, 1, 2, 16, 64, 128)),
            )
        )  # fmt: skip
    return found


class RecordSource:
    """Makes records one after the other."""

    def __init__(self, runs: int, seed: int = 1):
        self.source = random.Random(seed)
        self.run_count = runs
        self.executables = executables(self.source, max(10, runs // RUNS_PER_EXECUTABLE))
        self.linked: set[str] = set()
        self.weights = zipf_weights(len(self.executables), 0.9)

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (file name, record)."""
        for number in range(self.run_count):
            program = self.source.choices(self.executables, cum_weights=self.weights)[0]
            run_uuid = uuid_of(self.source)
            start = FIRST_SECOND + number * SECONDS_PER_RUN + self.source.random()
            ended = self._run(program, run_uuid, start, number)
            stamp = f"2026_01_01_00_00_00_{number % 10_000:04d}"
            base = f"{SYSHOST}.{stamp}.{ended['userT']['user']}"
            if number % STARTS_PER_RUN == 0:
                started = json.loads(json.dumps(ended))
                started["userDT"].update(end_time=0.0, run_time=0.0)
                yield f"run.{base}.aaa.{run_uuid}.json", started
            yield f"run.{base}.zzz.{run_uuid}.json", ended
            if number % RUNS_PER_LINK == 0:
                link = self._link(program, number)
                yield f"link.{base}.{link['resultT']['uuid']}.json", link
            for _ in range(int((number + 1) * PACKAGES_PER_RUN) - int(number * PACKAGES_PER_RUN)):
                serial = f"{self.source.getrandbits(48):012x}"
                yield f"pkg.{base}.{run_uuid}.{serial}.json", self._package(run_uuid, serial)

    def _run(self, program: Executable, run_uuid: str, start: float, number: int) -> dict[str, Any]:
        user = f"user{min(int(self.source.paretovariate(0.7)), USER_COUNT)}"
        seconds = round(min(self.source.paretovariate(0.5) * 10, 86400.0), 4)
        modules = ":".join(f"pkg{one:03d}/1.0" for one in range(number % 40))
        variables = {name: f"/apps/{name.lower()}/{number % 5}" for name in VARIABLES}
        variables["LOADEDMODULES"] = modules
        variables["SLURM_JOB_ID"] = str(number // 3)
        variables["PATH"] = ":".join(f"/apps/pkg{one:03d}/1.0/bin" for one in range(number % 60))
        return {
            "crc": "0xFFFF",
            "cmdlineA": [program.path, "-in", f"case{number % 100}.inp", "-n", str(program.cores)],
            "hash_id": program.hash_id,
            "libA": [[path, "0"] for path in program.libraries],
            "ptA": [{"cmd_name": "bash", "cmd_path": "/bin/bash", "pid": 1, "cmdlineA": ["bash"]}],
            "envT": variables,
            "userT": {
                "syshost": SYSHOST, "run_uuid": run_uuid, "exec_path": program.path,
                "exec_type": "binary", "cwd": f"/scratch/{user}/{number % 50}", "user": user,
                "scheduler": "SLURM", "account": f"acct{int(user[4:]) % 60}",
                "job_id": str(number // 3), "queue": ("normal", "large", "gpu")[number % 3],
                "submit_host": "login1",
            },
            "userDT": {
                "start_time": round(start, 4), "end_time": round(start + seconds, 4),
                "run_time": seconds, "probability": 1.0, "num_tasks": float(program.cores),
                "num_gpus": float(number % 5 == 0), "num_threads": 1.0,
                "num_cores": float(program.cores), "num_nodes": 1.0,
            },
            "xaltLinkT": {"Build_UUID": program.link_uuid} if number % 2 else {},
            "XALT_measureT": {"01_BuildUserT____": 0.0001, "08____total______": 0.01},
            "XALT_qaT": {"XALT_GIT_VERSION": "3.2.4"},
        }  # fmt: skip

    def _link(self, program: Executable, number: int) -> dict[str, Any]:
        is_first = program.link_uuid not in self.linked
        self.linked.add(program.link_uuid)
        return {
            "crc": "0xFFFF",
            "resultT": {
                "uuid": program.link_uuid if is_first else uuid_of(self.source),
                "link_program": COMPILERS[number % len(COMPILERS)],
                "link_path": "/apps/gcc/13.2.0/bin/gcc", "build_user": f"user{number % 97}",
                "build_epoch": f"{FIRST_SECOND + number * SECONDS_PER_RUN:.4f}",
                "exec_path": program.path, "hash_id": program.hash_id, "wd": "/home/build",
                "build_syshost": SYSHOST,
            },
            "linkA": [[path, "0"] for path in program.libraries],
            "function": [f"function_{number % 50}_{one}" for one in range(10)],
            "link_line": ["gcc", "-o", program.path, "main.c", "-lm"],
        }  # fmt: skip

    def _package(self, run_uuid: str, serial: str) -> dict[str, Any]:
        name = PACKAGES[int(serial, 16) % len(PACKAGES)]
        return {
            "crc": "0xFFFF", "program": "python", "xalt_run_uuid": run_uuid,
            "package_version": "3.11.2", "package_name": f"{name}_{serial[:3]}",
            "package_path": f"/apps/python/3.11/site-packages/{name}/{serial[:3]}.py",
        }  # fmt: skip


def written(record: dict[str, Any]) -> bytes:
    """Return a record as XALT writes it, with its crc."""
    return with_crc(json.dumps(record, separators=(",", ":")).encode()) + b"\n"


def directory_of(name: str) -> int:
    """Return the number of the directory of a file: XALT takes the end of the uuid."""
    parts = name.split(".")
    uuid_text = parts[-3] if parts[0] == "pkg" else parts[-2]
    return int(uuid_text[-7:], 16) % DIRECTORY_COUNT


def write_tree(directory: Path, runs: int, seed: int = 1) -> Counts:
    """Write the records of so many runs below a directory, into 97 directories by their uuid;
    another seed makes other runs."""
    counts = {"run": 0, "start": 0, "link": 0, "pkg": 0}
    size_bytes = 0
    for number in range(DIRECTORY_COUNT):
        (directory / f"{number:03d}").mkdir(parents=True)
    for name, record in RecordSource(runs, seed).records():
        text = written(record)
        (directory / f"{directory_of(name):03d}" / name).write_bytes(text)
        size_bytes += len(text)
        counts["start" if ".aaa." in name else name.partition(".")[0]] += 1
    return Counts(counts["run"], counts["start"], counts["link"], counts["pkg"], size_bytes)
