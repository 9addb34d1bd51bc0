"""Walk over the options of sbatch, salloc or srun up to the script, as getopt does."""

from collections.abc import Iterator

# Long options without an argument, or with one that only = can give; of others the next word may
# be the argument. Not "wait": it depends on the command.
LONE_OPTIONS = frozenset((
    "allow-overlap", "bcast", "bell", "compress", "consolidate-segments", "contiguous",
    "disable-status", "exact", "exclusive", "external", "get-user-env", "help", "hold",
    "ignore-pbs", "immediate", "interactive", "kill-command", "kill-on-bad-exit", "label",
    "multi-prog", "nice", "no-allocate", "no-bell", "no-kill", "no-requeue", "no-shell",
    "overcommit", "overlap", "oversubscribe", "parsable", "preserve-env", "propagate", "pty",
    "quiet", "quit-on-interrupt", "reboot", "requeue", "resv-ports", "send-libs", "share",
    "spread-job", "stepmgr", "test-only", "unbuffered", "usage", "use-min-nodes", "verbose",
    "version", "whole", "x11",
))  # fmt: skip
# -W waits for the end for sbatch, and takes a time for the other two.
LONE_LETTERS = {
    "sbatch": frozenset("hHkIOQsvVW"),
    "salloc": frozenset("hHkIKOQsvV"),
    "srun": frozenset("hHkIKElOQsuvVXZ"),
}
OPTION = "dependency"
SHORTEST = "dep"  # getopt takes any beginning that is of one option only
LETTER = "d"


def dependency_values(words: "list[str]") -> "Iterator[str]":
    """Yield the value of each --dependency among the words of a command line."""
    program = words[0].rpartition("/")[2] if words else ""
    lone = LONE_LETTERS.get(program, LONE_LETTERS["sbatch"])
    place, has_script_option = 1, False
    while place < len(words):
        word = words[place]
        if word == "--":
            return
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            has_script_option |= name == "wrap"
            place += not equals and takes_next(name, program)
            if is_dependency(name) and (equals or place < len(words)):
                yield value if equals else words[place]
        elif word.startswith("-") and len(word) > 1:
            letter, value = first_with_argument(word[1:], lone)
            place += bool(letter) and not value
            if letter == LETTER and (value or place < len(words)):
                yield value or words[place]
        elif word != ":" and not has_script_option:
            return  # the script; what follows is its own
        place += 1


def is_dependency(name: str) -> bool:
    """Tell whether the name of a long option is --dependency or a beginning of it."""
    return name.startswith(SHORTEST) and OPTION.startswith(name)


def takes_next(name: str, program: str) -> bool:
    """Tell whether a long option takes the next word as its argument."""
    return name not in LONE_OPTIONS and not (name == "wait" and program == "sbatch")


def first_with_argument(letters: str, lone: "frozenset[str]") -> "tuple[str, str]":
    """Return the first of some letters that takes an argument, and what follows it in the word.

    Both are '' if none does.
    """
    for place, letter in enumerate(letters):
        if letter in "IK" and letter in lone:
            return "", ""  # the rest is its argument, which it need not have
        if letter not in lone:
            return letter, letters[place + 1 :]
    return "", ""
