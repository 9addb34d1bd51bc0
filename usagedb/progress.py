"""A progress bar on stderr, for people only."""

import contextlib
import os
import sys
import time

import click

SHOWN_AFTER_SECONDS = 2.0
COUNTER_PAUSE_SECONDS = 0.2


def is_wanted(quiet=False):
    """Tell whether a person looks at stderr and wants to see it move."""
    try:
        is_terminal = sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False
    return is_terminal and not quiet and os.environ.get("TERM", "dumb") != "dumb"


class Progress:
    """Counts what is done; draws a bar once the work has lasted two seconds."""

    def __init__(self, total, label, quiet=False):
        self._total, self._label = total, label
        self._wanted = is_wanted(quiet) and total > 0
        self._started = time.monotonic()
        self._done = 0
        self._bar = None

    def add(self, amount):
        """Say that `amount` more of the total is done."""
        self._done += amount
        if not self._wanted:
            return
        if self._bar is None and time.monotonic() - self._started >= SHOWN_AFTER_SECONDS:
            self._bar = click.progressbar(
                length=self._total,
                label=self._label,
                file=sys.stderr,
                color=False if "NO_COLOR" in os.environ else None,
            )
            self._bar.__enter__()
            self._bar.update(self._done)
        elif self._bar is not None:
            self._bar.update(amount)

    def close(self):
        """End the bar's line."""
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.__exit__(None, None, None)
            self._bar = None


class Counter:
    """Counts what is done of a total that nobody knows; shows it like Progress does."""

    def __init__(self, label, quiet=False):
        self._label, self._wanted = label, is_wanted(quiet)
        self._started = self._shown_at = time.monotonic()
        self._done = 0

    def add(self, amount):
        """Say that `amount` more is done."""
        self._done += amount
        now = time.monotonic()
        if self._wanted and now - self._started >= SHOWN_AFTER_SECONDS and now > self._shown_at:
            speed = self._done / (now - self._started)
            self._write(f"\r{self._done:,} {self._label}, {speed:,.0f}/s ")
            self._shown_at = now + COUNTER_PAUSE_SECONDS

    def _write(self, text):
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()

    def close(self):
        """End the counter's line."""
        if self._shown_at > self._started:
            self._write("\n")
