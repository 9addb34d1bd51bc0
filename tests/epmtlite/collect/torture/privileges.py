"""Parts of the torture job: programs with privileges, and processes that give theirs up."""

import os
import pwd

from . import ledger
from .begin import LIBRARY, child, end_of, execute, nothing, run, run_shell

# Programs that only root can make, which the test does: id, env, id, grep, true.
PRIVILEGED, PRIVILEGED_LAUNCHER = "privileged", "privileged-env"  # with set-user-ID
OF_GROUP, CAPABLE = "of-group", "capable"  # with set-group-ID, with capabilities
UNREADABLE = "unreadable"
CAP_SYS_PTRACE = 19
NO_SET_USER_ID = 2  # ST_NOSUID of statvfs(3)
SET_DUMPABLE = 4  # <linux/prctl.h>
# Start $1, of the name $2, and note it with the state $3.
STARTED = f"""
"$1" -u & wait $!; status=$?
echo "${ledger.PART} $! $$ - 0 $2 0 0 $3 1 -" >>"${ledger.FILE}"; exit $status
"""


def programs_with_privileges(place):
    """Start a program with set-user-ID, which tells as whom it runs."""
    path, image = made(place, PRIVILEGED)
    yield " ".join(run([path, "-u"], images=[image])).strip()
    for shell in ("sh", "bash"):
        if shell == "sh" or ledger.is_installed(shell):
            yield run_shell(STARTED, path, PRIVILEGED, image["state"], program=shell)
            images = [{"name": ledger.name_of(shell)}, image]
            yield " ".join(run([shell, "-c", 'exec "$0" -u', path], images=images)).strip()


def programs_with_other_privileges(place):
    """Start a program with set-group-ID, and one with capabilities, which tell what they have."""
    path, image = made(place, OF_GROUP)
    yield " ".join(run([path, "-g"], images=[image])).strip()
    path, image = made(place, CAPABLE)
    yield " ".join(run([path, "CapEff", "/proc/self/status"], images=[image])).strip()


def launchers_of_programs_with_privileges(place):
    """Begin such a program in place of others; and such a one that begins another."""
    path, image = made(place, PRIVILEGED)
    images = [{"name": ledger.name_of(one)} for one in ("env", "nice")]
    yield " ".join(run(["env", "A=1", "nice", path, "-u"], images=[*images, image])).strip()
    path, image = made(place, PRIVILEGED_LAUNCHER)
    is_seen = image["state"] == ledger.SEEN
    images = [image, {"name": ledger.name_of("id")}] if is_seen else [image]
    yield " ".join(run([path, "id", "-u"], images=images)).strip()


def made(place, name):
    """Return the path of a program with privileges, and what is noted of it. Raises Missing."""
    path = os.path.join(place.directory, name)
    if not os.path.exists(path):
        raise ledger.Missing("only root can make a program with privileges, and not everywhere")
    if os.statvfs(path).f_flag & NO_SET_USER_ID:
        raise ledger.Missing("privileges have no effect on the file system of the test")
    return path, {"name": name, "state": ledger.SEEN if may_trace_all() else "privileged"}


def may_trace_all():
    """Tell whether this account keeps the privileges of what it traces."""
    with open("/proc/self/status", encoding="ascii") as file:
        effective = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> CAP_SYS_PTRACE & 1)


def programs_that_cannot_be_read(place):
    """Start a program that may be run, but not read; and be a process that hides what it does."""
    path = os.path.join(place.directory, UNREADABLE)
    if not os.path.exists(path):
        raise ledger.Missing("only root can make a program that its user may not read")
    yield run([path], images=[{"name": UNREADABLE}])[0]


def processes_that_hide(_place):
    """Let a process hide from others of its account, and one of its threads."""
    yield end_of(child(hide, nothing, status=51))
    yield end_of(child(hide, execute, 52, status=52, name=ledger.name_of("sh")))


def hide(work, *arguments):
    """Be no longer open to debuggers, then work."""
    LIBRARY.prctl(SET_DUMPABLE, 0, 0, 0, 0)
    work(*arguments)


def processes_that_give_up_privileges(_place):
    """Become an ordinary user, with and without another program."""
    if os.geteuid():
        raise ledger.Missing("only root can become another user")
    yield end_of(child(give_up, nothing, status=53))
    yield end_of(child(give_up, execute, 54, status=54, name=ledger.name_of("sh")))


def give_up(work, *arguments):
    """Become an ordinary user, then work."""
    account = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    work(*arguments)


PARTS = (
    programs_with_privileges, programs_with_other_privileges,
    launchers_of_programs_with_privileges, programs_that_cannot_be_read, processes_that_hide,
    processes_that_give_up_privileges,
)  # fmt: skip
