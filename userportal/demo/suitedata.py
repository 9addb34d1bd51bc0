"""Fill the databases of the suite's other tools, by their own commands, for the made-up jobs."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from usagedb import errors
from userportal.demo import moduledata, processdata, programdata

# Command: where its main() is; run as a process, as cron would.
COMMANDS = {
    "store_module_data": "lmodtrack.store",
    "xalt_file_to_db": "xaltload.load_files",
    "epmt": "epmtlite.command",
}


def write_suite(conf_path, cluster, schedule, sizes, seed=1):
    """Load modules, programs and processes into the database of a configuration file.

    Raises WriteError with what a command said, if one fails.
    """
    with tempfile.TemporaryDirectory(prefix="portal-demo-") as scratch:
        place = Path(scratch)
        log = place / "moduleUsage.log"
        moduledata.write_log(log, cluster, schedule, seed)
        run("store_module_data", "--store_all", "--confFn", conf_path, log)
        records = place / "xalt"
        records.mkdir()
        programdata.write_records(records, schedule, sizes.detail_days, seed)
        programdata.write_reverse_map(place)
        run("xalt_file_to_db", "--reverseMapD", place, "--confFn", conf_path, records)
        jobs = processdata.write_jobs(place / "epmt", cluster, schedule)
        if jobs:
            run("epmt", "submit", "-p", "1", "-q", "--confFn", conf_path, *jobs)


def run(name, *arguments):
    """Run a command of the suite. Raises WriteError if it does not end with 0."""
    start = f"import sys; from {COMMANDS[name]} import main; sys.exit(main())"
    # What a site's own environment says must not lead the demo to a site's database.
    environment = {
        key: value for key, value in os.environ.items()
        if not key.startswith(("HPCUSAGE_", "EPMT_", "XALT_"))
    }  # fmt: skip
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", start, *map(str, arguments)], env=environment, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode:
        raise errors.WriteError(f"the demo's {name} failed: {done.stderr.strip()[-500:]}")
