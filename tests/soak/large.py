"""Inputs of gigabytes, millions of malformed lines, and 100,000 tiny files."""

import tempfile
import time
from pathlib import Path
from typing import Callable

from tests import large_inputs
from tests.conftest import Site
from tests.large_inputs import MEGABYTE, Measured
from tests.system.test_large_inputs import MOST_MEGABYTES
from usagedb.config import DatabaseConfig

LOG_BYTES = 5000 * MEGABYTE
MALFORMED_LINES = 10_000_000
TINY_FILES = 100_000


def run() -> bool:
    """Load each of them on SQLite, print what it took, and return whether all was well."""
    results = [
        case("a log of 5 GB from a pipe", big_log),
        case("a log of 5 GB of NULs", lambda site: log_of_nuls(site)),
        case("10 million malformed module lines", lambda site: bad(site, "store_module_data")),
        case("10 million malformed XALT lines", lambda site: bad(site, "xalt_syslog_to_db")),
        case("100,000 tiny records", tiny_records),
        case("100,000 tiny archives", tiny_archives),
    ]
    return all(results)


def case(name: str, load: Callable[[Site], tuple[Measured, bool]]) -> bool:
    """Run one case in a directory of its own, and print a line about it."""
    with tempfile.TemporaryDirectory(prefix="hpcusage-large-") as directory:
        path = Path(directory)
        site = Site(DatabaseConfig("sqlite", str(path / "usage.db"), "test"), path).create()
        started = time.monotonic()
        done, is_right = load(site)
        seconds = time.monotonic() - started
    is_well = is_right and done.megabytes < MOST_MEGABYTES
    print(f"{name}: {seconds:.0f} s, {done.megabytes:.0f} MB, {'well' if is_well else 'WRONG'}")
    if not is_well:
        print(done.messages[-2000:])
    return is_well


def big_log(site: Site) -> tuple[Measured, bool]:
    """Load a log of 5 GB that is never on the disk."""
    done, loads = large_inputs.load_a_log_from_a_pipe(site, LOG_BYTES)
    return done, site.rows("SELECT SUM(loads) FROM lmod_use") == [(loads,)]


def log_of_nuls(site: Site) -> tuple[Measured, bool]:
    """Load a sparse file."""
    log = large_inputs.sparse(site.directory / "usage.log-20260101", LOG_BYTES)
    done = large_inputs.measured(site, "store_module_data", log)
    return done, done.status == 65 and "1 line too long" in done.messages


def bad(site: Site, command: str) -> tuple[Measured, bool]:
    """Load malformed lines; each is in the file of rejected ones."""
    done, rejected = large_inputs.load_malformed_lines(site, command, MALFORMED_LINES)
    with rejected.open("rb") as file:
        count = sum(1 for _line in file)
    return done, done.status == 65 and count == MALFORMED_LINES


def tiny_records(site: Site) -> tuple[Measured, bool]:
    """Load a tree of tiny records."""
    done, tree = large_inputs.load_tiny_records(site, TINY_FILES)
    stored = site.rows("SELECT COUNT(*) FROM xalt_pkg_waiting")
    return done, stored == [(TINY_FILES,)] and not list(tree.rglob("*.json"))


def tiny_archives(site: Site) -> tuple[Measured, bool]:
    """Submit a spool of archives that are none."""
    done, failed = large_inputs.submit_tiny_archives(site, TINY_FILES)
    return done, done.status == 65 and sum(1 for _path in failed.iterdir()) == TINY_FILES
