"""Very large inputs of all loaders, of any size, and how much memory they take.

What each function does is the same for a test of seconds and for `make soak`: only sizes differ.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.conftest import CHECKOUT
from tests.lmodtrack.logs import log_of, make_loads

# A process between, so that the memory of this one does not count.
PROGRAM = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([done.returncode, done.stderr.decode()[:10000], megabytes]))
"""
WRITER = """
import sys
block = open(sys.argv[1], "rb").read()
for _number in range(int(sys.argv[2])):
    sys.stdout.buffer.write(block)
"""
MEGABYTE = 1 << 20
BLOCK_LOADS = 5000
BAD_LINE = b"2026-01-01T00:00:00+00:00 login1 ModuleUsageTracking: user=ann module=%d\n"
BAD_XALT_LINE = b"2026-01-01T00:00:00+00:00 login1 XALT_LOGGING_aurora V:4 kind:none nb:%d value:\n"
RECORD_NAME = "pkg.aurora.2026_01_01_00_00_00_34.otter.{uuid}.0123456789ab.json"
OLD = 1.7e9


class Measured(NamedTuple):
    """How a command ended, and the most memory that it or one of its children held."""

    status: int
    messages: str
    megabytes: float


def measured(site, command, *arguments, stdin=subprocess.DEVNULL, **options):
    """Run a command on a Site; return Measured. Options are those of subprocess.run."""
    words = [sys.executable, CHECKOUT / "bin" / command]
    words += ["--confFn", site.conf_path] if command != "epmt" else []
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, [*words, *arguments])],
        stdin=stdin, stdout=subprocess.PIPE, check=True, **options,
    )  # fmt: skip
    return Measured(*json.loads(done.stdout))


def load_a_log_from_a_pipe(site, size_bytes):
    """Load a log of that size, which is never on the disk; return (Measured, loads in it)."""
    block = log_of(make_loads(BLOCK_LOADS, seed=1, users=40, modules=30))
    count = -(-size_bytes // len(block))
    path = site.directory / "block"
    path.write_bytes(block)
    words = [sys.executable, "-c", WRITER, str(path), str(count)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as writer:
        done = measured(site, "store_module_data", "-", stdin=writer.stdout)
    return done, count * BLOCK_LOADS


def load_malformed_lines(site, command, count):
    """Load a log of malformed lines; return (Measured, the file of rejected ones)."""
    log, rejected = site.directory / "bad.log-20260101", site.directory / "rejected"
    line = BAD_LINE if command == "store_module_data" else BAD_XALT_LINE
    with log.open("wb") as file:
        for number in range(count):
            file.write(line % number)
    more = ("--leftover", site.directory / "leftover") if command != "store_module_data" else ()
    done = measured(site, command, *more, "--reject", rejected, log)
    log.unlink()
    return done, rejected


def load_tiny_records(site, count):
    """Load a tree of so many tiny files, which say too little; return (Measured, the tree)."""
    tree = site.directory / "tree"
    for number in range(count):
        uuid = f"{number:08x}-0000-7000-8000-000000000001"
        directory = tree / f"{number % 100:03d}"
        if number < 100:
            directory.mkdir(parents=True)
        path = directory / RECORD_NAME.format(uuid=uuid)
        path.write_bytes(package(uuid))
        os.utime(path, (OLD, OLD))
    return measured(site, "xalt_file_to_db", "--delete", tree), tree


def package(uuid):
    """Return the record of a package."""
    record = {
        "xalt_run_uuid": uuid, "program": "python", "package_name": "numpy",
        "package_version": "2.0", "package_path": "/apps/numpy",
    }  # fmt: skip
    return json.dumps(record).encode()


def submit_tiny_archives(site, count):
    """Submit a spool of so many archives that are none; return (Measured, where they are then)."""
    spool, failed = site.directory / "spool", site.directory / "failed"
    for path in (spool, failed):
        path.mkdir()
    settings = site.directory / "epmt.ini"
    settings.write_text(f"[EPMT]\ningest_failed_dir = {failed}\n")
    for number in range(count):
        (spool / f"{number}.tgz").write_bytes(b"no archive")
        os.utime(spool / f"{number}.tgz", (OLD, OLD))
    words = ("submit", "-q", "-p", "1", "--confFn", site.conf_path, "--move-away")
    environment = {**os.environ, "EPMT_SETTINGS": str(settings)}
    names = [path.name for path in spool.iterdir()]  # short ones: they all are arguments
    return measured(site, "epmt", *words, *names, cwd=spool, env=environment), failed


def sparse(path, size_bytes):
    """Make a file of NULs that takes no room; return its path."""
    Path(path).touch()
    os.truncate(path, size_bytes)
    os.utime(path, (OLD, OLD))
    return path
