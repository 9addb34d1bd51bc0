"""The options with which a job was submitted: of the command line and of the script's #SBATCH.

The names are those of `sbatch --help`, `salloc --help` and `srun --help`, Slurm 20.11 and newer.
"""

import functools
import re
import shlex

from userportal.slurm.submission import LONE_OPTIONS

MAXIMUM_CHARACTERS = 20_000
DIRECTIVE = "#SBATCH"
# Long options with a value, which may stand in the next word.
WITH_VALUE = frozenset(
    re.findall(
        r"\S+",
        """
        account acctg-freq array batch bb bbf bcast-exclude begin chdir cluster
        cluster-constraint clusters comment constraint container container-id core-spec
        cores-per-socket cpu-bind cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot
        dependency distribution epilog error exclude export export-file extra
        extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket
        gpus-per-task gres gres-flags het-group hint input job-name jobid
        kill-on-invalid-dep licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu
        mem-per-gpu mincpus mpi network nodefile nodelist nodes ntasks ntasks-per-core
        ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output partition power
        prefer priority profile prolog qos relative reservation resources sbcast segment
        signal slurmd-debug sockets-per-node switches task-epilog task-prolog thread-spec
        threads threads-per-core time time-min tmp tres-bind tres-per-task uid
        wait-all-nodes wckey wrap
        """,
    )
)
WITHOUT_VALUE = LONE_OPTIONS | {"wait"}
LONG = WITH_VALUE | WITHOUT_VALUE
SHORT = {
    "a": "array", "A": "account", "b": "begin", "B": "extra-node-info", "c": "cpus-per-task",
    "C": "constraint", "d": "dependency", "D": "chdir", "e": "error", "E": "preserve-env",
    "F": "nodefile", "G": "gpus", "h": "help", "H": "hold", "i": "input", "I": "immediate",
    "J": "job-name", "k": "no-kill", "K": "kill-command", "l": "label", "L": "licenses",
    "m": "distribution", "M": "clusters", "n": "ntasks", "N": "nodes", "o": "output",
    "O": "overcommit", "p": "partition", "q": "qos", "Q": "quiet", "r": "relative",
    "s": "oversubscribe", "S": "core-spec", "t": "time", "T": "threads", "u": "unbuffered",
    "v": "verbose", "V": "version", "w": "nodelist", "W": "wait", "x": "exclude",
    "X": "disable-status", "Z": "no-allocate",
}  # fmt: skip
# Of these the value, if there is one, is what remains of the same word: -Iterm, -I30.
OPTIONAL_SHORT = frozenset("IkK")
# Options that have a value in one command and none in the others.
# salloc's --wait is the beginning of --wait-all-nodes.
VALUE_BY_COMMAND = {("srun", "wait"), ("salloc", "wait")}
SHORT_BY_COMMAND = {("srun", "K"): "kill-on-bad-exit"}


def options_of_line(submit_line):
    """Return {long name: tuple of its values} of a submit line; "" is the value of a bare option.

    What follows the script's or program's name is no option. Abbreviations mean what they mean
    for Slurm; unknown options are kept under their own name.
    """
    return read_line(submit_line[:MAXIMUM_CHARACTERS])


def options_of_script(script):
    """Return the same of the #SBATCH lines that precede the script's first command."""
    return read_directives(script[:MAXIMUM_CHARACTERS])


@functools.lru_cache(256)
def read_line(submit_line):
    """Return the options of a submit line of bounded length; not to be changed by the caller."""
    words = split(submit_line)
    command = words[0].rpartition("/")[2] if words else ""
    return read_words(words[1:], command)


@functools.lru_cache(64)
def read_directives(script):
    """Return the options of a script of bounded length; not to be changed by the caller."""
    found: dict = {}
    for line in script.split("\n"):
        if line.startswith(DIRECTIVE) and line[len(DIRECTIVE) :][:1].isspace():
            words = split(line[len(DIRECTIVE) :].partition(" #")[0])
            for name, values in read_words(words, "sbatch").items():
                found[name] = (*found.get(name, ()), *values)
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return found


def split(text):
    """Return the words of a command line, as a shell would; with unpaired quotes, by blanks."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def read_words(words, command):
    """Return the options that precede the first word that is none."""
    found: dict = {}
    remaining = iter(words)
    for word in remaining:
        if word == ":":  # the next component of a heterogeneous job
            continue
        if word == "--" or word == "-" or not word.startswith("-"):
            break
        for name, value in options_of_word(word, remaining, command):
            found[name] = (*found.get(name, ()), value)
    return found


def options_of_word(word, remaining, command):
    """Return (name, value) of one long option, or of the short options in one word."""
    if not word.startswith("--"):
        return short_options(word[1:], remaining, command)
    name, equals, value = word[2:].partition("=")
    name = full_name(name)
    if not equals and has_value(name, command):
        value = next(remaining, "")
    return [(name, value)]


def short_options(letters, remaining, command):
    """Return (name, value) of the options of one word: -Hn4 is -H -n 4."""
    found: list = []
    for place, letter in enumerate(letters):
        name, rest = long_name(letter, command), letters[place + 1 :]
        if has_value(name, command):
            return [*found, (name, rest or next(remaining, ""))]
        if letter in OPTIONAL_SHORT:
            return [*found, (name, rest)]
        found.append((name, ""))
    return found


def long_name(letter, command):
    """Return the long name of a short option; an unknown one as it is."""
    return SHORT_BY_COMMAND.get((command, letter)) or SHORT.get(letter, letter)


def has_value(name, command):
    """Tell whether an option's value may stand in the next word."""
    return name in WITH_VALUE or (command, name) in VALUE_BY_COMMAND


@functools.lru_cache(1024)
def full_name(name):
    """Return the long name that an unambiguous beginning stands for; an unknown one as it is."""
    if name in LONG:
        return name
    meant = [long for long in LONG if long.startswith(name)]
    return meant[0] if len(meant) == 1 else name


def option_name(text):
    """Return the long name of an option as a rule writes it: --exclude, -x.

    Raises ValueError if it is not written like an option.
    """
    if re.fullmatch(r"--[A-Za-z][A-Za-z0-9-]*", text, re.A):
        return full_name(text[2:])
    if len(text) == 2 and text[0] == "-" and text[1] in SHORT:
        return SHORT[text[1]]
    raise ValueError(f"{text} is no option of sbatch")


def has_option(facts, name, value=None):
    """Tell whether the job was submitted with an option (and value, or one of a comma list).

    None if that is unknown: neither submit line nor script are, or only the script is.
    """
    line = None if facts.submit_line is None else options_of_line(facts.submit_line)
    directives = options_of_script(facts.script) if facts.script is not None else {}
    values = (*(line or {}).get(name, ()), *directives.get(name, ()))
    if value is None:
        is_there = bool(values)
    else:
        is_there = any(value == one or value in re.split("[,?]", one) for one in values)
    return True if is_there else None if line is None else False
