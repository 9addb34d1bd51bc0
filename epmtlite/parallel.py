"""Submit several jobs at once, each in a process of its own.

Reading a job takes most of the time, and goes on side by side with any database. Processes of
one job are written by one process; SQLite lets one write at a time.
"""

import contextlib
import os
import selectors
import signal

from epmtlite import connection, submit
from usagedb.ahead import END, ERROR, receive, run_child

INDEX_BYTES = 4


def submit_in_parallel(paths, config, settings, options, workers):
    """Return an iterator over the Outcome of each path, as they come.

    The processes begin now: open no database before. Each takes the next path when it has done
    one. Raises what the database library raises in one of them, UnavailableError if one dies.
    """
    queue = Queue(len(paths))
    parent = os.getpid()
    children = []
    for _worker in range(workers):
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            items = outcomes_of(queue, paths, config, settings, options)
            run_child(items, writing, parent)
        os.close(writing)
        children.append((pid, os.fdopen(reading, "rb")))
    return gathered(children)


class Queue:
    """Hands out the numbers 0 … count-1 to several processes, each once."""

    def __init__(self, count):
        self._count = count
        self._file = os.memfd_create("epmt")
        os.write(self._file, bytes(INDEX_BYTES))

    def take(self):
        """Return the next number, None when there are no more."""
        os.lockf(self._file, os.F_LOCK, 0)
        try:
            number = int.from_bytes(os.pread(self._file, INDEX_BYTES, 0), "little")
            os.pwrite(self._file, (number + 1).to_bytes(INDEX_BYTES, "little"), 0)
        finally:
            os.lockf(self._file, os.F_ULOCK, 0)
        return number if number < self._count else None


def outcomes_of(queue, paths, config, settings, options):
    """Yield the Outcomes of the paths that this process takes."""
    database = connection.open_database(config)
    submitter = submit.Submitter(database, settings, options)
    for number in iter(queue.take, None):
        yield submitter.submit(paths[number])
    database.close()


def gathered(children):
    """Yield what some (process id, pipe) send; the processes end with it."""
    try:
        with selectors.DefaultSelector() as waiting:
            for _pid, pipe in children:
                waiting.register(pipe, selectors.EVENT_READ)
            while waiting.get_map():
                for ready, _events in waiting.select():
                    kind, item = receive(ready.fileobj)
                    if kind == ERROR:
                        raise item
                    if kind == END:
                        waiting.unregister(ready.fileobj)
                    else:
                        yield item
    finally:
        for pid, pipe in children:
            pipe.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
