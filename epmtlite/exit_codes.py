"""The exit code of a job: how the process that began first ended, in the last of its programs."""

AFTER_SIGNAL = 128  # what shells, and epmt run, add to the number of a signal
LAST_SIGNAL = 64


def status_of(exitcode, exitsignal):
    """Return how a process ended as one number: 128 and the signal where one ended it."""
    return AFTER_SIGNAL + exitsignal if 0 < exitsignal <= LAST_SIGNAL else exitcode


def last_status(programs):
    """Return the status of the last program of a process, None without any.

    programs are (start, generation, status) of what had its number on its host, from its begin on,
    in any order: a program that gives way to another one ends with 0 in its place, and its next
    generation goes on. A generation that does not grow is another process of that number.
    """
    last = None
    for one in sorted(programs):
        if last is not None and one[1] <= last[1]:
            break
        last = one
    return last and last[2]


def job_exit_code(first, told):
    """Return the exit code of a job: that of its first process, as EPMT has it; where that is 0 or
    there is none (None) that of the metadata, which know of an end that no record shows."""
    return first or told
