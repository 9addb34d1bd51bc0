"""Parts of the torture job: programs, thousands of them, and in each other's place."""

import ctypes
import os
import subprocess

from . import ledger
from .begin import LIBRARY, end_of, run, run_shell, shell, start

MEGABYTES = 10
GENERATIONS = 20  # of a shell, with another program between any two
SPAWNED = 40  # in each of several ways
# Lines of short programs $2 and $3, which are noted by the shell that starts them.
SHORT = f"""
line() {{ echo "${ledger.PART} $1 $$ - 0 $2 $3 0 seen 1 {ledger.MARK}$4" >&3; }}
exec 3>>"${ledger.FILE}"
true=$2 false=$3 kind=$4 number=0 failed=0
while [ $number -lt $(($1 * 6 / 10)) ]; do
  $true {ledger.MARK}$kind-one-$number & line $! ${{true##*/}} 0 $kind-one-$number
  wait $! || failed=$((failed + 1))
  number=$((number + 1))
done
number=0
while [ $number -lt $(($1 * 2 / 10)) ]; do
  $true {ledger.MARK}$kind-many-$number & line $! ${{true##*/}} 0 $kind-many-$number
  number=$((number + 1))
  [ $((number % 20)) != 0 ] || wait
done
wait
number=0
while [ $number -lt $(($1 / 10)) ]; do
  $false {ledger.MARK}$kind-waited-$number || failed=$((failed + 1))
  line - ${{false##*/}} 1 $kind-waited-$number
  read=$(exec $true {ledger.MARK}$kind-read-$number) || failed=$((failed + 1))
  line - ${{true##*/}} 0 $kind-read-$number
  number=$((number + 1))
done
echo $failed failed
"""
PIPELINE = """
{ note 0 $1 0 0; exec head -c $4 /dev/zero; } | { note 0 $2 0 0; exec tr '\\000' x; } |
{ note 0 $3 0 0; exec cksum; }
"""
IN_PLACE = """
if [ $1 -ge $2 ]; then note $1 $3 3 0; exit 3; fi
note $1 $3 0 0; note $(($1 + 1)) $4 0 0
exec env A=1 sh -c "$TORTURE_IN_PLACE" sh $(($1 + 2)) $2 $3 $4
"""


def short_programs(place):
    """Start thousands of programs that end at once, by the shells that are here."""
    programs = [ledger.path_of("true"), ledger.path_of("false")]
    kinds = ["sh"] if ledger.path_of("sh").endswith("bash") else ["sh", "bash"]
    for kind in kinds:
        share = place.short_programs // len(kinds)
        yield f"{kind}: {share} programs, " + run_shell(SHORT, share, *programs, kind, program=kind)


def programs_spawned(_place):
    """Start programs as Python, the C library and system(3) do, some by vfork."""
    name = ledger.name_of("sh")
    command = shell(f"note 0 {name} 7 0; exit 7")
    ways = (subprocess.call, posix_spawn, spawn, system)
    for way in ways:
        yield f"{way.__name__}: {sum(way(command) == 7 for _number in range(SPAWNED))}"


def posix_spawn(command):
    """Run a command by posix_spawn(3); return its status."""
    pid = ctypes.c_int()
    words = [os.fsencode(word) for word in command]
    variables = [os.fsencode(f"{name}={value}") for name, value in os.environ.items()]
    path = os.fsencode(ledger.path_of(command[0]))
    number = LIBRARY.posix_spawn(
        ctypes.byref(pid), path, None, None, strings_of(words), strings_of(variables)
    )
    if number:
        raise OSError(number, os.strerror(number))
    return os.waitpid(pid.value, 0)[1] >> 8


def strings_of(texts):
    """Return an array of strings as C has it."""
    return (ctypes.c_char_p * (len(texts) + 1))(*texts)


def spawn(command):
    """Run a command by fork and exec; return its status."""
    return os.spawnvp(os.P_WAIT, command[0], command)


def system(command):
    """Run the text of a shell by system(3); return its status."""
    return os.system(command[2]) >> 8


def programs_in_place_of_others(_place):
    """Let one process run many programs, one after the other."""
    os.environ["TORTURE_IN_PLACE"] = ledger.SHELL_NOTE + IN_PLACE
    words = ["0", str(2 * GENERATIONS), ledger.name_of("sh"), ledger.name_of("env")]
    yield end_of(os.spawnvp(os.P_NOWAIT, "sh", shell(IN_PLACE, *words)))
    del os.environ["TORTURE_IN_PLACE"]


def programs_that_are_scripts_or_missing(place):
    """Start a script, and what is not there."""
    path = os.path.join(place.directory, "script")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"#!{ledger.path_of('sh')}\nexit 12\n")
    os.chmod(path, 0o755)
    yield run([path], images=[{"name": ledger.name_of("sh")}])[0]
    text = "(note 0 $1 127 0; exec /no/such/program) 2>/dev/null; echo $?"
    yield run_shell(text, ledger.name_of("sh"))


def pipes(_place):
    """Send megabytes through pipes: of a shell, and there and back again."""
    size_bytes = MEGABYTES << 20
    yield run_shell(PIPELINE, *map(ledger.name_of, ("head", "tr", "cksum")), size_bytes)
    process = subprocess.Popen(
        shell("note 0 $1 0 0; note 1 $2 0 0; exec cat", *map(ledger.name_of, ("sh", "cat"))),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    received = process.communicate(b"0123456789" * (size_bytes // 10))[0]
    yield f"{len(received)} bytes, {process.returncode}"


def pipes_that_nobody_reads(_place):
    """End programs by SIGPIPE."""
    names = map(ledger.name_of, ("sh", "yes"))
    process, output = start(shell("note 0 $1 0 0; note 1 $2 0 13; exec yes", *names))
    line = output.readline()
    output.close()
    yield f"{line.strip()} {process.wait()}"
    text = "{ note 0 $1 0 13; exec yes; } | { note 0 $2 0 0; exec head -n 3; }"
    yield run_shell(text, *map(ledger.name_of, ("yes", "head"))).replace("\n", " ")


PARTS = (
    short_programs, programs_spawned, programs_in_place_of_others,
    programs_that_are_scripts_or_missing, pipes, pipes_that_nobody_reads,
)  # fmt: skip
