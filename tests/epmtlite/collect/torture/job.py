"""All parts of the torture job, one after the other; what it prints is the same each time."""

import os
import resource
import signal
from collections import namedtuple

from . import (
    daemons,
    ledger,
    privileges,
    programs,
    signals,
    storms,
    terminal,
    threads,
    tracers,
    trees,
)

ENDS_WITH = 42
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
# The worst of them last: what goes wrong there does not hide the others.
MODULES = (programs, trees, daemons, signals, terminal, threads, tracers, privileges, storms)
SKIPPED = "skipped: "  # begins what a part says that cannot run here
PARTS = [part for module in MODULES for part in module.PARTS]
# directory: the job's own, with the ledger; short_programs: how many.
Place = namedtuple("Place", "directory short_programs")


def main(directory, short_programs, only=()):
    """Run all parts, or some by their names; return the status."""
    place = Place(os.path.abspath(directory), short_programs)
    os.environ[ledger.FILE] = os.path.join(place.directory, "ledger")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    forget_signals()
    ledger.begin("job")
    ledger.note(status=ENDS_WITH)
    for part in PARTS:
        if not only or part.__name__ in only:
            run_part(part, place)
    return ENDS_WITH


def forget_signals():
    """Let no signal be ignored or blocked, as nohup and the background of a shell leave them."""
    for number in range(1, signal.NSIG):
        if signal.getsignal(number) == signal.SIG_IGN and number not in IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def run_part(part, place):
    """Run a part; print what it tells, or why it cannot run here."""
    ledger.begin(part.__name__)
    try:
        for text in part(place):
            print(f"{part.__name__}: {text}", flush=True)
    except ledger.Missing as reason:
        print(f"{part.__name__}: {SKIPPED}{reason}", flush=True)
