"""epmt attach and detach: what the code of `epmt source` calls."""

import os
import signal
import time

from epmtlite.collect import errors, job
from epmtlite.collect.launch import attach
from epmtlite.collect.proc import start_of
from epmtlite.collect.run import counted_events, note_unseen

YAMA = "/proc/sys/kernel/yama/ptrace_scope"
POLL_SECONDS = 0.01
HINT = "begin the command with `epmt run` instead"


def attach_command(options):
    """Let a collector follow a process; print by which word `detach` knows it."""
    settings = options.settings
    directory = job.make_directory(settings, job.job_id(settings, options.jobid))
    try:
        follower = attach(
            options.process, directory, counted_events(settings), settings.no_trace,
            lambda _status, recorder, seconds: note_unseen(directory, recorder, seconds),
        )  # fmt: skip
    except OSError as error:
        raise errors.RefusedError(why_not(options.process, error)) from error
    print(f"{follower}:{start_of(follower)}")
    return 0


def why_not(process, error):
    """Return why a process cannot be followed, and what to do."""
    text = f"cannot follow process {process}: {error.strerror}"
    scope = yama_scope()
    if scope:
        text += f" (kernel.yama.ptrace_scope is {scope}: only what is started by it may be)"
    return f"{text}; {HINT}"


def yama_scope():
    """Return the number of Yama's scope, 0 where there is none."""
    try:
        with open(YAMA, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def detach_command(options):
    """End a collector, and wait until it has written all."""
    number, _colon, start = options.follower.partition(":")
    if not (number.isdigit() and start.isdigit()):
        raise errors.UsageError(f"{options.follower!r} is not what epmt attach has printed")
    if start_of(number) == int(start):
        os.kill(int(number), signal.SIGTERM)
    while start_of(number) == int(start):
        time.sleep(POLL_SECONDS)
    return 0
