"""Run the long forms of the tests, all or those that are named: python -m tests.soak [PART...]."""

import importlib
import signal
import sys
from collections.abc import Sequence

# Each is a module here with run(): it prints numbers and returns whether all was well.
PARTS = ("galera", "fuzz", "guided", "large", "faults")


def main(names: Sequence[str]) -> int:
    """Run the named parts, or all; return 0 if all was well, else 1, 2 for an unknown name."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"Error: no part {', '.join(unknown)}: there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    results = [importlib.import_module(f"tests.soak.{name}").run() for name in names or PARTS]
    return 0 if all(results) else 1


def end(number: int, _frame: object) -> None:
    """End when a signal asks for it, and stop all servers before."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(one, end)
    sys.exit(main(sys.argv[1:]))
