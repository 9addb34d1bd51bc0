"""Signals that ask a run to end: an exception that rolls back what is open, and cannot get lost."""

import functools
import signal
import sys
import threading

from usagedb.errors import RunInterrupted

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
AGAIN_SECONDS = 0.01


def heed():
    """Let signals raise RunInterrupted from now on; those that are ignored, as nohup leaves them,
    stay so."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    sys.unraisablehook = functools.partial(send_again, sys.unraisablehook)


def ignore():
    """Ignore signals from now on: the work is done, or given up."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def interrupt(signal_number, _frame):
    """Turn a signal into an exception."""
    raise RunInterrupted(signal_number)


def send_again(tell, lost):
    """Send a signal once more whose exception got lost; tell(lost) of all else that gets lost.

    Python drops what is raised in a finalizer, or when a weak reference ends, and goes on.
    """
    if not issubclass(lost.exc_type, RunInterrupted):
        tell(lost)
        return
    number = getattr(lost.exc_value, "signal_number", signal.SIGTERM)
    main = threading.main_thread().ident
    # Not now: it would be raised in here, and get lost as well.
    threading.Timer(AGAIN_SECONDS, signal.pthread_kill, (main, number)).start()
