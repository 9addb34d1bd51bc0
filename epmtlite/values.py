"""Metrics of threads: their values as one text, and the sums over the threads of a process.

The text has the values of the first thread in the order of the names, then those of the next,
joined by commas. The names stand elsewhere, once for all processes of a file.
"""

# What is no quantity of a thread, and so is not added up, as in EPMT.
NOT_SUMMED = frozenset(("tid", "start", "end", "num_threads", "starttime"))
CYCLES = "rdtsc_duration"
ERRONEOUS = -1  # of CYCLES where papiex could not measure
UNKNOWN = -1  # what our collector writes for a value that nobody knows


def text_of(threads):
    """Return the text of the values of all threads, a list of tuples of integers."""
    return ",".join([",".join(map(str, values)) for values in threads])


def threads_of(text, count):
    """Return the values of each thread, count of them for each, as a list of tuples."""
    if not count:
        return []
    values = iter(list(map(int, text.split(","))))
    return list(zip(*[values] * count))


def known_sum(column):
    """Return the sum of the values that are known, UNKNOWN if none of them is."""
    if UNKNOWN not in column:
        return sum(column)
    known = [value for value in column if value != UNKNOWN]
    return sum(known) if known else UNKNOWN


def add_known(totals, values):
    """Add {name: value} to totals, a dictionary of the same kind, without what is UNKNOWN."""
    for name, value in values:
        if value != UNKNOWN:
            totals[name] = totals.get(name, 0) + value


def sums_of(names, threads):
    """Return {name: sum over the threads} of a process.

    A sum of cycles that cannot be is ERRONEOUS, as in EPMT: see epmtlite/aggregate.py.
    """
    totals = threads[0] if len(threads) == 1 else map(known_sum, zip(*threads))
    sums = {name: total for name, total in zip(names, totals) if name not in NOT_SUMMED}
    if sums.get(CYCLES, 1) <= 0:
        sums[CYCLES] = ERRONEOUS
    return sums


def thread_dicts(names, threads):
    """Return {name: value} of each thread; erroneous cycles are ERRONEOUS in all of them."""
    found = [dict(zip(names, values)) for values in threads]
    if CYCLES in names and sum(one[CYCLES] for one in found) <= 0:
        for one in found:
            one[CYCLES] = ERRONEOUS
    return found
