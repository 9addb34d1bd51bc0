"""epmt check: whether everything that collection needs works here, and what to do if not."""

import os
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

from epmtlite.collect import destination, errors, job, papiex_install
from epmtlite.collect.metrics import names_here
from epmtlite.collect.perf import Counters
from epmtlite.collect.run import counted_events
from epmtlite.collect.settings import masked
from epmtlite.collect.texts import visible

PASS, FAIL, SKIPPED = "Pass", "Fail", "Skipped"
COLOURS = {PASS: "\033[94m", FAIL: "\033[91m", SKIPPED: ""}
PLAIN = "\033[0m"
NO_EVENTS = ("", "COLLATED_TSV", "DEBUG")  # what else stands in papiex_options
PARANOID = "/proc/sys/kernel/perf_event_paranoid"
HIGHEST_PARANOID = 2
CHECK_JOB = "epmt-check"
RUN_SECONDS = 60


class Result(NamedTuple):
    """How one check ended, and what to do if it did not end well."""

    state: str
    advice: str = ""


def check_command(options):
    """Run all checks, a line each; return 0 if none failed.

    options.check_database(options) returns where the database is, or raises CollectError; it is
    None where there is none to be checked.
    """
    settings = options.settings
    checks = [
        (f"settings.install_prefix = {settings.install_prefix}", check_papiex),
        (f"settings.epmt_output_prefix = {settings.epmt_output_prefix}", check_output),
        (f"{PARANOID} = {paranoid()}", check_paranoid),
        (f"settings.papiex_options = {settings.papiex_options}", check_events),
        ("what the kernel tells of processes", check_kernel),
        ("epmt stage functionality", check_stage),
        ("epmt run functionality", check_run),
    ]
    if options.check_database:
        label = f"settings.db_params = {masked('db_params', settings.db_params)}"
        checks.insert(0, (label, lambda _settings: Result(PASS, options.check_database(options))))
    results = [report(label, check, settings) for label, check in checks]
    return errors.ConfigurationError.exit_code if FAIL in results else 0


def report(label, check, settings):
    """Run a check, and print how it ended; return that."""
    try:
        result = check(settings)
    except (OSError, errors.CollectError) as error:
        result = Result(FAIL, str(error))
    has_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    shown = f"{COLOURS[result.state]}{result.state}{PLAIN}" if has_colour else result.state
    advice = f"  ({visible(result.advice)})" if result.advice else ""
    sys.stdout.write(f"{visible(label)}\t{shown}{advice}\n")
    return result.state


def check_papiex(settings):
    """Look for the libraries of papiex, where one is to be used."""
    if settings.collector == "ptrace" or not settings.install_prefix:
        return Result(SKIPPED, "no papiex is configured, and none is needed")
    if papiex_install.libraries(settings):
        return Result(PASS)
    names = " and ".join(papiex_install.NEEDED)
    return Result(FAIL, f"{names} are not in {settings.install_prefix}/lib: set install_prefix")


def check_output(settings):
    """Make the directory of a job, and remove it."""
    path = job.make_directory(settings, CHECK_JOB)
    handle, name = tempfile.mkstemp(dir=path)
    os.close(handle)
    os.unlink(name)
    os.rmdir(path)
    return Result(PASS)


def paranoid():
    """Return the kernel's number, None if there is none."""
    try:
        with open(PARANOID, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def check_paranoid(settings):
    """Look whether this account may count events, where that is asked for."""
    number = paranoid()
    if number is not None and (number <= HIGHEST_PARANOID or os.geteuid() == 0):
        return Result(PASS)
    if not counted_events(settings):
        return Result(SKIPPED, "no events are counted")
    if number is None:
        return Result(FAIL, "this kernel counts no events: take them out of papiex_options")
    return Result(FAIL, "echo 1 > that file, or install conf/sysctl.d-epmt, as root")


def check_events(settings):
    """Count each event that is asked for."""
    wanted = [name for name in settings.papiex_options.split(",") if name not in NO_EVENTS]
    if not wanted:
        return Result(SKIPPED, "no events are asked for")
    if settings.collector == "papiex":
        return Result(SKIPPED, "papiex counts them")
    missing = [name for name in wanted if name not in Counters(wanted).names]
    if missing:
        return Result(FAIL, f"not counted here: {', '.join(missing)}; all others are")
    return Result(PASS)


def check_kernel(_settings):
    """Look what /proc has of this process."""
    missing = [name for name in ("rchar", "time_oncpu") if name not in names_here()]
    if missing:
        return Result(FAIL, f"/proc does not tell {', '.join(missing)}: those columns are left out")
    return Result(PASS)


def check_stage(settings):
    """Move a file to where archives go."""
    if not (settings.stage_command and settings.stage_command_dest):
        return Result(SKIPPED, "no stage_command")
    place = settings.stage_command_dest
    if not os.path.isdir(place):
        return Result(FAIL, f"stage_command_dest {place} is no directory")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, f"{CHECK_JOB}-{os.getpid()}")
        with open(path, "w", encoding="ascii"):
            pass
        destination.run_command(settings, path)
        arrived = os.path.join(place, os.path.basename(path))
        os.unlink(arrived)
    return Result(PASS)


def check_run(settings):
    """Run a short command as a job, and look for its record."""
    identity = f"{CHECK_JOB}-{os.getpid()}"
    path = job.directory_of(settings, identity)
    command = [
        sys.executable,
        *own_program(),
        "run",
        "-a",
        "--jobid",
        identity,
        "/bin/sleep",
        "0.1",
    ]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
            timeout=RUN_SECONDS,
        )  # fmt: skip
        files = sorted(os.listdir(path)) if os.path.isdir(path) else []
    finally:
        shutil.rmtree(path, ignore_errors=True)
    data = [name for name in files if "papiex" in name and "header" not in name]
    if done.returncode == 0 and len(data) == 1 and "job_metadata" in files and not done.stderr:
        return Result(PASS)
    words = done.stderr.strip().splitlines() or [f"status {done.returncode}, files {files}"]
    return Result(FAIL, f"{words[-1]}; is ptrace allowed here (seccomp, kernel.yama.ptrace_scope)?")


def own_program():
    """Return the arguments of Python that are this program."""
    program = sys.argv[0]
    return ["-m", "epmtlite.collect"] if program.endswith("__main__.py") else [program]
