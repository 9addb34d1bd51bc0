"""Part of the torture job: processes that go on when the job has ended."""

import os
import signal
import subprocess

from . import ledger
from .begin import Gate, child, end_of


def processes_left_behind(place):
    """Leave two daemons behind: one that waits, and one that is stopped."""
    for is_stopped in (False, True):
        yield end_of(child(begin_daemon, place, is_stopped, status=18))


def begin_daemon(place, is_stopped):
    """Fork a daemon, and wait until it is as it is going to be."""
    os.setsid()
    ready = Gate()
    pid = child(be_daemon, place, is_stopped, ready, state="running")
    if is_stopped:
        os.waitpid(pid, os.WUNTRACED)
    else:
        ready.wait()


def be_daemon(place, is_stopped, ready):
    """Serve until SIGTERM, then tell that all is well."""
    path = os.path.join(place.directory, "daemon-{}-{}".format(*ledger.identity_of()[::2]))
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    with open(path, "w"):
        pass
    ready.open()
    if is_stopped:
        os.kill(os.getpid(), signal.SIGSTOP)
    signal.sigwait([signal.SIGTERM])
    ended = subprocess.call(["sh", "-c", "exit 19"])
    with open(path + ".new", "w") as file:
        file.write(f"its child ended by {ended}")
    os.rename(path + ".new", path)


PARTS = (processes_left_behind,)
