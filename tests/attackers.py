"""Users who change what a command reads, at any moment of its work: processes that race with it."""

import contextlib
import ctypes
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AT_FDCWD, RENAME_EXCHANGE = -100, 2


def exchange(one: Path, other: Path) -> None:
    """Let two names change places in one step, see renameat2(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = (AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
    if libc.renameat2(*names):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one))


def exchange_on(one: Path, other: Path, started: Any) -> None:
    """Exchange two names again and again until the process is ended."""
    while True:
        with contextlib.suppress(OSError):  # one of them was just removed
            exchange(one, other)
        started.set()


def append_on(path: Path, started: Any) -> None:
    """Write to the end of a file again and again until the process is ended."""
    with path.open("ab", buffering=0) as file:
        while True:
            file.write(b" " * 4096)
            if file.tell() > 64 << 20:
                file.truncate(1 << 20)
            started.set()


@contextlib.contextmanager
def at_work(function: Any, *arguments: Any) -> Iterator[None]:
    """Have an attacker at work during the block."""
    context = multiprocessing.get_context("fork")
    started = context.Event()
    process = context.Process(target=function, args=(*arguments, started), daemon=True)
    process.start()
    try:
        started.wait()
        yield
    finally:
        process.kill()
        process.join()
