"""epmt run: become a command, followed by a collector, and end as it does."""

import contextlib
import errno
import logging
import os
import resource
import shlex
import shutil
import signal
import sys

from epmtlite.collect import annotate, errors, job, metadata, papiex_install
from epmtlite.collect.console import print_line
from epmtlite.collect.launch import follow, waiting_for_children
from epmtlite.collect.perf import EVENTS

logger = logging.getLogger(__name__)

NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as shells say
# Python ignores them, and a command would do so after it.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
FROM_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
HANDED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
SHELL = "/bin/sh"
ENVIRONMENT = "/proc/self/environ"
UNPREPARED = (errors.WriteError, errors.RefusedError, errors.UnavailableError)


def run_command(options):
    """Run the command of options; returns its status only where it had to be waited for.

    Raises CollectError before the command is begun: without a job, or if -a cannot begin it.
    """
    settings, command = options.settings, options.command
    identity = job.job_id(settings, options.jobid)
    variables = papiex_install.variables_for(settings, options.collector, identity)
    if options.dry_run:
        return show(options, variables)
    try:
        directory = job.make_directory(settings, identity)
        options.auto = options.auto and begin(directory, identity, settings)
        if not options.auto:
            metadata.check_not_complete(directory)
    except UNPREPARED as error:  # the work is worth more than its record
        logger.warning("%s runs, and nothing of it is recorded: %s", command[0], error)
        return become(command, {})
    completes_itself = not variables and is_followed(command, directory, options)
    if options.auto and not completes_itself:
        return wait_for(command, variables, directory, options)
    return become(command, variables)


def begin(directory, identity, settings):
    """Begin the job; tell whether it is this command that begins it, and so completes it. Raises
    CollectError."""
    if metadata.is_started(directory):  # by a prolog
        logger.warning("the job is already started: `epmt stop` is to complete it")
        return False
    return metadata.start(directory, identity, settings, is_strict=True)


def is_followed(command, directory, options):
    """Let a collector follow this process; tell whether it does."""
    settings = options.settings
    try:
        follow(
            directory, counted_events(settings), [*settings.no_trace, *options.no_trace],
            lambda *arguments: at_end(directory, options, *arguments),
        )  # fmt: skip
    except OSError as error:
        logger.warning("the processes of %s are not recorded: %s", command[0], error.strerror)
        with contextlib.suppress(errors.UnavailableError):
            note(directory, {"epmt_collect_error": f"not followed: {error.strerror}"})
        return False
    return True


def show(options, preloaded):
    """Print what would be done."""
    line = " ".join(map(shlex.quote, options.command))
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in preloaded.items())
    for text in ("epmt start", variables + line, "epmt stop"):
        if options.auto or not text.startswith("epmt "):
            print_line(text)
    return 0


def counted_events(settings):
    """Return the names of the events that are to be counted."""
    return [name for name in settings.papiex_options.split(",") if name in EVENTS]


def become(command, variables):
    """Be the command from now on; returns a status if there is no such program."""
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    sys.stdout.flush()
    environment = {**own_environment(), **variables}
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        if error.errno == errno.ENOEXEC:  # as shells do it, and env and nice
            path = shutil.which(command[0], path=environment.get("PATH")) or command[0]
            os.execve(SHELL, [SHELL, path, *command[1:]], environment)
        logger.error("cannot run %s: %s", command[0], error.strerror)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def own_environment():
    """Return the environment as this process got it: Python may have changed it (PEP 538)."""
    try:
        with open(ENVIRONMENT, "rb") as file:
            pairs = [entry.partition(b"=") for entry in file.read().split(b"\0")]
    except OSError:
        return dict(os.environ)
    found = {os.fsdecode(name): os.fsdecode(value) for name, _equals, value in pairs if name}
    return found if "PATH" in found or "PATH" not in os.environ else dict(os.environ)


def wait_for(command, variables, directory, options):
    """Run a command as a child, complete the job after it, and end as it ended."""
    with waiting_for_children():
        child = os.fork()
        if not child:
            os._exit(become_child(command, variables))
        for number in FROM_THE_TERMINAL:  # which sends them to the command, too
            signal.signal(number, signal.SIG_IGN)
        for number in HANDED_ON:
            signal.signal(number, lambda one, _frame: os.kill(child, one))
        status = os.waitpid(child, 0)[1]
    try:
        complete(directory, options.settings, status)
    except errors.UnavailableError as error:
        logger.warning("the job is not complete: %s", error)
    if os.WIFSIGNALED(status):
        end_by(os.WTERMSIG(status))
    return os.WEXITSTATUS(status)


def become_child(command, variables):
    """Be the command, with the signals as they were; returns a status if there is none."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    return become(command, variables)


def end_by(number):
    """End by a signal, as the command did; it has written its core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def at_end(directory, options, status, recorder, wait_seconds):
    """Note what the collector could not see, and complete the job if it is its own. Raises
    UnavailableError if another process is at work in the directory for so long."""
    note_unseen(directory, recorder, wait_seconds)
    if options.auto:
        complete(directory, options.settings, status, wait_seconds)


def note_unseen(directory, recorder, wait_seconds=None):
    """Annotate the job with what the collector could not see. Raises UnavailableError."""
    found = {f"epmt_{state}": count for state, count in recorder.states.items()}
    told = ((recorder.lost, "records could not be written"), (recorder.faults, "faults of epmt"))
    words = [f"{count} {text}" for count, text in told if count]
    if words:
        found["epmt_collect_error"] = ", ".join(words)
    if found:
        note(directory, found, wait_seconds)


def note(directory, annotations, wait_seconds=None):
    """Annotate the job, if it was started. Raises UnavailableError."""
    try:
        annotate.annotate_directory(directory, annotations, wait_seconds=wait_seconds)
    except errors.UnavailableError:
        raise
    except errors.CollectError as error:
        logger.info("not annotated: %s", error)


def complete(directory, settings, status, wait_seconds=None):
    """Write the end of the job; status is that of wait(2), None if nobody knows it. Raises
    UnavailableError."""
    exit_code, reason = 0, metadata.NO_REASON
    if status is not None:
        exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        reason = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else reason
    try:
        metadata.stop(
            directory, settings, exit_code=exit_code, reason=reason, wait_seconds=wait_seconds
        )
    except errors.UnavailableError:
        raise
    except errors.CollectError as error:
        logger.warning("the job is not complete: %s", error)
