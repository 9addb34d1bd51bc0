"""What the processes of the torture job write down of themselves, for the test to compare."""

import os
import shutil

# Of the environment: the file, and the part of the job that a process belongs to.
FILE, PART = "TORTURE_LEDGER", "TORTURE_PART"
STORM = "storm"  # begins a line that names a session, of which not all processes are noted
MARK = "torture:"  # begins a word of the arguments by which a process is known, see Entry
ANY = "-"  # the value of a field that is not compared
SEEN, SEEN_OR_LOST = "seen", "seen-or-lost"  # states that no record has: its end was seen
# Defines `note GENERATION NAME STATUS SIGNAL`, for a shell or a subshell to note itself; reading
# is by single bytes in some shells, so it is not for thousands.
SHELL_NOTE = f"""note() {{
  torture_fields="$* seen 1 -"
  read -r torture_line </proc/self/stat
  set -- $torture_line
  echo "${PART} $1 $4 ${{22}} $torture_fields" >>"${FILE}"
}}
"""


class Missing(Exception):
    """This machine lacks what a part of the job needs."""


def begin(part):
    """Let what is noted from now on belong to a part."""
    os.environ[PART] = part


def write(*fields):
    """Add a line."""
    descriptor = os.open(os.environ[FILE], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.write(descriptor, (" ".join(map(str, fields)) + "\n").encode())
    os.close(descriptor)


def note(
    generation=0, name=None, status=0, signal=0, state=SEEN, threads=1, word=ANY, identity=None
):
    """Note this process, or that of another identity: how it is going to end (or has), as what."""
    pid, parent, start = identity or identity_of()
    write(
        os.environ[PART], pid, parent, start, generation, name or own_name(), status, signal,
        state, threads, word,
    )  # fmt: skip


def identity_of(process="self"):
    """Return (number, parent, start in clock ticks since the boot) of a process, as /proc says."""
    with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
        text = file.read()
    words = text.rpartition(")")[2].split()
    return int(text.split(" ", 1)[0]), int(words[1]), int(words[19])


def own_name():
    """Return the name of the program that this process runs."""
    return os.path.basename(os.readlink("/proc/self/exe"))


def is_installed(program):
    """Tell whether a program is there."""
    return bool(shutil.which(program))


def path_of(program):
    """Return the path of a program, without links. Raises Missing."""
    found = shutil.which(program)
    if not found:
        raise Missing(f"{program} is not installed")
    return os.path.realpath(found)


def name_of(program):
    """Return the name by which the kernel knows a program. Raises Missing."""
    return os.path.basename(path_of(program))
