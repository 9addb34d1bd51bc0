"""Run a command of a README that goes on until Ctrl-C, and press it: LINES COMMAND.

Its output is passed on; after that many lines it gets SIGINT. Ends with its status.
"""

import os
import signal
import subprocess
import sys


def main(lines: int, command: str) -> int:
    """Run the command; return its exit status as a shell says it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    for _number in range(lines):
        sys.stdout.buffer.write(process.stdout.readline())
    os.kill(process.pid, signal.SIGINT)
    sys.stdout.buffer.write(process.stdout.read())
    status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
