"""Which programs are let go of: those that trace others themselves, and those that a site names."""

import fnmatch
import re

# A task has one tracer only.
TRACERS = (
    "gdb", "gdbserver", "strace", "ltrace", "lldb", "lldb-server", "rr", "*-gdb", "reptyr",
    "totalview*", "tvdsvr*", "ddt-debugger", "forge-backend", "proot", "wineserver*", "eu-stack",
    "py-spy",
)  # fmt: skip
NUMBERS = re.compile(r"(?:^|[ =]|-p)(\d+)(?= |$)")


def pattern_of(patterns=()):
    """Return the regular expression of the programs that are let go of, by their paths or by the
    last part of those: the TRACERS, and what other patterns match (fnmatch)."""
    parts = [fnmatch.translate(one) for one in (*TRACERS, *patterns)]
    return re.compile("|".join(f"(?:.*/)?{part}" for part in parts), re.DOTALL)


def processes_in(arguments):
    """Return the numbers in the arguments of a debugger that may be those of processes."""
    return {int(number) for number in NUMBERS.findall(arguments)}
