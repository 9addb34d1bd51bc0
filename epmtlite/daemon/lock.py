"""One daemon for each account and database: its lock file, and what that tells of it.

The kernel gives the lock back when its holder ends, whatever of. The file is not in
$XDG_RUNTIME_DIR: that goes when the account logs out, and cron does not know it.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import stat
import time
from pathlib import Path

from epmtlite.collect import errors
from epmtlite.moving import check_own

SYSTEM_DIRECTORY = "/run/hpcusage"
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600
MOST_BYTES = 1 << 16
# Who only looks whether there is a daemon holds the lock for a moment, too.
TRIES, PAUSE_SECONDS = 20, 0.05
STARTED_FIELD = 19  # of /proc/PID/stat, counted from the one behind the name: see proc(5)


class Lock:
    """The lock of this process; what it tells others is in its file, as JSON."""

    def __init__(self, descriptor, facts):
        self.descriptor, self.facts = descriptor, facts

    def tell(self, **facts):
        """Add to what the file says. Raises OSError, as where the disk is full."""
        self.facts.update(facts)
        text = json.dumps(self.facts).encode()[:MOST_BYTES]
        os.pwrite(self.descriptor, text, 0)
        os.ftruncate(self.descriptor, len(text))

    def close(self):
        """Give the lock back."""
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)


def directory():
    """Return the path of the directory of lock files, which is the same in every session."""
    base = os.environ.get("XDG_STATE_HOME", "")
    base = base if os.path.isabs(base) else ""  # noqa: PTH117 - others do not count: see XDG
    if not base and os.geteuid() == 0:
        return SYSTEM_DIRECTORY
    return str(Path(base or "~/.local/state").expanduser() / "hpcusage")


def file_name(config):
    """Return the name of the lock file of a database."""
    key = [config.backend, *config.hosts, config.port, config.socket, config.database]
    if config.backend == "sqlite":
        key = [config.backend, os.path.realpath(config.database)]
    return f"epmt-daemon-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}.lock"


def take(config):
    """Return the Lock of this process for a database.

    Raises UnavailableError if another one has it, RefusedError, or WriteError.
    """
    descriptor = opened(config, os.O_RDWR | os.O_CREAT)
    for number in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if number == TRIES - 1:
                os.close(descriptor)
                raise another(holder(config)) from None
            time.sleep(PAUSE_SECONDS)
    lock = Lock(descriptor, {})
    try:
        os.ftruncate(descriptor, 0)  # of one that was killed
        lock.tell(pid=os.getpid(), started=started(os.getpid()), host=socket.gethostname())
    except OSError as error:
        text = f"cannot write the lock file in {directory()}: {error.strerror}"
        raise errors.WriteError(text) from error
    return lock


def another(facts):
    """Return the error of who comes second."""
    where = f": PID {facts['pid']} on {facts['host']}" if facts else ""
    return errors.UnavailableError(
        f"a daemon of this account and database runs already{where}: epmt daemon -S ends it"
    )


def opened(config, flags):
    """Return the descriptor of the lock file. Raises FileNotFoundError without O_CREAT if there is
    none, RefusedError if others can write there, or WriteError."""
    path = directory()
    try:
        if flags & os.O_CREAT:
            Path(path).mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            check_own(folder, path)
            flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(file_name(config), flags, FILE_MODE, dir_fd=folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise errors.WriteError(
            f"cannot make a lock file in {path}: {error.strerror}: XDG_STATE_HOME names another"
            " place"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise errors.RefusedError(f"{path}/{file_name(config)} is no regular file")
    return descriptor


def holder(config):
    """Return what the daemon of a database tells of itself, with pid and host; None if there is
    none. Raises UnavailableError if it says nothing, or what opened raises."""
    with reader(config) as descriptor:
        for _try in range(TRIES):
            if descriptor is None or is_free(descriptor):
                return None
            facts = read_facts(descriptor)
            if facts:
                return facts
            time.sleep(PAUSE_SECONDS)  # it has just begun, or ends
    raise errors.UnavailableError("the daemon of this database does not say which process it is")


def wait_for_end(config):
    """Return when no daemon of a database runs any more."""
    with reader(config) as descriptor:
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_SH)


@contextlib.contextmanager
def reader(config):
    """Give the block the descriptor of the lock file, None if there is none."""
    try:
        descriptor = opened(config, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_free(descriptor):
    """Tell whether nobody holds the lock of an open file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def read_facts(descriptor):
    """Return what the file says of the process that has the lock, None if that is not there yet, or
    of an older one."""
    try:
        facts = json.loads(os.pread(descriptor, MOST_BYTES, 0))
        is_here = facts["host"] == socket.gethostname()
        return None if is_here and facts["started"] != started(facts["pid"]) else facts
    except (ValueError, KeyError, TypeError):
        return None


def started(pid):
    """Return when a process began, in clock ticks since the machine did; None if it has gone."""
    try:
        text = Path(f"/proc/{int(pid)}/stat").read_text(errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[STARTED_FIELD])
