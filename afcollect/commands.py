"""Run the programs of other systems, and bound how long they take and how much they say."""

import contextlib
import logging
import os
import signal
import subprocess
import tempfile

from afcollect.failures import PartFailed

logger = logging.getLogger(__name__)

LONGEST_OUTPUT_BYTES = 512 << 20
LONGEST_REASON = 200


def output_of(arguments, timeout_seconds):
    """Return what a program writes to stdout, as text; read-only as far as we are concerned.

    Raises PartFailed if it is not there, fails, says too much or takes longer.
    """
    name = arguments[0]
    logger.debug("running %s", " ".join(arguments))
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=said,
                env=environment(), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise PartFailed(f"cannot run {name}: {error.strerror}") from None
        try:
            status = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise PartFailed(f"{name} did not end within {timeout_seconds:g} s") from None
        finally:
            end_session(process)
        if status:
            raise PartFailed(f"{name} ended with {status}: {first_line(said)}")
        if output.tell() > LONGEST_OUTPUT_BYTES:
            raise PartFailed(f"{name} said more than {LONGEST_OUTPUT_BYTES} bytes")
        output.seek(0)
        return output.read().decode("utf-8", "backslashreplace")


def end_session(process):
    """End a process, and what it has started, if they still run."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment():
    """Return the environment of a program: ours, without the secrets, in a language we know."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFMETRICS_")}
    return {**kept, "LC_ALL": "C"}


def first_line(file):
    """Return the first line of what a program complained about."""
    file.seek(0)
    text = file.read(4096).decode("utf-8", "backslashreplace").strip()
    return text.splitlines()[0][:LONGEST_REASON] if text else "it did not say why"
