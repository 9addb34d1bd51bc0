"""The errors of the installer, each with the exit code of the suite; and signals as errors."""

import contextlib
import errno
import os
import signal
import threading

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


class InstallError(Exception):
    """What went wrong, where, and what to do."""

    exit_code = 1


class UsageError(InstallError):
    """The command line asks for what cannot be."""

    exit_code = 2


class BadArchive(InstallError):
    """The archive is not what a release is, or is damaged."""

    exit_code = os.EX_DATAERR


class Missing(InstallError):
    """A file or directory is not there."""

    exit_code = os.EX_NOINPUT


class WriteFailed(InstallError):
    """The disk is full, or broken."""

    exit_code = os.EX_IOERR


class Busy(InstallError):
    """Another installer is at work there."""

    exit_code = os.EX_TEMPFAIL


class Refused(InstallError):
    """The account may not do that."""

    exit_code = os.EX_NOPERM


class Unsuitable(InstallError):
    """This machine lacks what the release needs."""

    exit_code = os.EX_CONFIG


class Interrupted(BaseException):
    """A signal came; no `except Exception` holds it back."""

    def __init__(self, number):
        super().__init__(number)
        self.exit_code = 128 + number


def raise_on_signals():
    """Turn the signals that end a process into Interrupted, so that what was begun is undone."""

    def interrupt(number, _frame):
        ignore_signals()  # undoing takes a moment, and must come to its end
        raise Interrupted(number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
            signal.signal(number, interrupt)


@contextlib.contextmanager
def held_signals():
    """Let a signal wait for the end of the block: what that makes is known then, and can be undone.

    Other threads than the first get no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = []
    handlers = ((int(number), signal.getsignal(number)) for number in SIGNALS)
    before = {number: handler for number, handler in handlers if callable(handler)}
    for number in before:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            before[came[0]](came[0], None)


def ignore_signals():
    """Let nothing stop what undoes."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def of_system(error):
    """Return the error of the installer for one of the system (OSError)."""
    text = "{}: {}".format(error.filename or "a file", error.strerror or error)
    if isinstance(error, PermissionError):
        return Refused(text + ": choose another directory, or another account")
    if error.errno in FULL:
        return WriteFailed(text + ": make room, then try again")
    if isinstance(error, FileNotFoundError):
        return Missing(text)
    return WriteFailed(text)
