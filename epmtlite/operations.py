"""Operations: the processes of a job that share a tag, and what they took together."""

import json

from epmtlite import values
from epmtlite.collect.tags import written
from epmtlite.processes import JobContext
from epmtlite.selection import matches, wanted_tags
from usagedb import errors

SUM, MINUS_OVERLAP, FINISH_MINUS_START = "sum", "sum-minus-overlap", "finish-minus-start"
METHODS = (SUM, MINUS_OVERLAP, FINISH_MINUS_START)
COLUMNS = (
    "tags_number", "start", "end", "cpu_time", "numtids", "metrics_number", "threads",
)  # fmt: skip


class Operation:
    """Sums over the processes of one job that have a tag."""

    def __init__(self):
        self.num_procs = self.numtids = self.cpu_time = 0
        self.intervals: list = []  # (start, end) of each process
        self._sums: dict = {}
        self._has_wrong_cycles = False

    def add(self, row, sums):
        """Add a process: a row of COLUMNS, and the sums over its threads."""
        _tags, start, end, cpu_time, numtids, _metrics, _threads = row
        self.num_procs += 1
        self.numtids += numtids
        self.cpu_time += cpu_time
        self.intervals.append((start, end))
        for name, total in sums.items():
            self._sums[name] = self._sums.get(name, 0) + total
        if sums.get(values.CYCLES, 1) < 0:
            self._has_wrong_cycles = True

    def sums(self):
        """Return {metric: sum}."""
        if self._has_wrong_cycles:
            return {**self._sums, values.CYCLES: values.ERRONEOUS}
        return self._sums

    def duration(self, method=SUM):
        """Return the microseconds that the operation took, by one of METHODS."""
        if method == FINISH_MINUS_START:
            return max(end for _start, end in self.intervals) - min(self.intervals)[0]
        intervals = merged(self.intervals) if method == MINUS_OVERLAP else self.intervals
        return sum(end - start for start, end in intervals)


def merged(intervals):
    """Return intervals in the order of time, those that overlap or touch as one."""
    found: list = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return [tuple(interval) for interval in found]


def op_metrics(database, jobs, tags=(), method=SUM, is_exact=False, by_tag=False):
    """Return a dictionary of each operation of some selection.Jobs: its sums and its duration.

    tags are texts: a tag as k1:v1;k2:v2, or a key alone, which stands for all its values; none
    stand for the key with the fewest values. With by_tag the jobs are added up. Read-only.
    Raises UsageError.
    """
    if method not in METHODS:
        raise errors.UsageError(f"op_duration_method={method}: one of {', '.join(METHODS)}")
    contexts = [JobContext(database, job) for job in jobs]
    all_tags = [tag for context in contexts for tag in context.tags.values() if tag]
    wanted = expanded(tags or fewest_values(all_tags), all_tags)
    found = []
    for context in contexts:
        for tag, operation in operations(database, context, wanted, is_exact):
            found.append(row_of(context.job, tag, operation, method))
    return added_up(found) if by_tag else found


def operations(database, context, wanted, is_exact=False):
    """Return (tag, Operation) of each wanted tag that processes of a job have. Read-only."""
    members = {
        number: [
            place for place, tag in enumerate(wanted) if number and matches(tags, tag, is_exact)
        ]
        for number, tags in context.tags.items()
    }
    found = [Operation() for _tag in wanted]
    names = ", ".join(map(database.dialect.quote, COLUMNS))
    sql = f"SELECT {names} FROM epmt_process WHERE job_id = ? AND tags_number > 0 ORDER BY id"  # noqa: S608
    for row in database.rows(sql, (context.job.number,)):
        places = members[row[0]]
        if not places:
            continue
        metrics = context.metrics[row[5]]
        threads = values.threads_of(row[6], len(metrics))
        sums = values.sums_of(metrics, threads) if threads else {}
        for place in places:
            found[place].add(row, sums)
    return [(tag, one) for tag, one in zip(wanted, found) if one.num_procs]


def row_of(job, tag, operation, method):
    """Return the dictionary of an operation of a job."""
    return {
        "job": job.jobid,
        "jobid": job.jobid,
        "cluster": job.cluster,
        "tags": tag,
        "num_procs": operation.num_procs,
        "numtids": operation.numtids,
        "cpu_time": operation.cpu_time,
        "duration": operation.duration(method),
        **operation.sums(),
    }


def added_up(rows):
    """Return a dictionary of each tag: the sums over all jobs."""
    found: dict = {}
    for row in rows:
        total = found.setdefault(written(row["tags"]), {"tags": row["tags"]})
        for key, value in row.items():
            if key not in ("job", "jobid", "cluster", "tags"):
                is_wrong = key == values.CYCLES and min(value, total.get(key, 0)) < 0
                total[key] = values.ERRONEOUS if is_wrong else total.get(key, 0) + value
    return list(found.values())


def expanded(texts, all_tags):
    """Return the tags that texts mean, a key alone as all its values, each once.

    Raises UsageError for a text that is no tag.
    """
    found: dict = {}
    for text in texts:
        if ":" in text:
            some = [wanted_tags(text)]
        else:
            key = text.strip()
            some = [{key: value} for value in sorted({tag[key] for tag in all_tags if key in tag})]
        found.update((json.dumps(one, sort_keys=True), one) for one in some)
    return list(found.values())


def fewest_values(all_tags):
    """Return the key that has the fewest values, as a tuple; () without tags."""
    known: dict = {}
    for tag in all_tags:
        for key, value in tag.items():
            known.setdefault(key, set()).add(value)
    return tuple(sorted(known, key=lambda key: (len(known[key]), key))[:1])


def folded(all_tags):
    """Return {key: its value, or the sorted list of its values} of many tags."""
    known: dict = {}
    for tag in all_tags:
        for key, value in tag.items():
            known.setdefault(key, set()).add(value)
    return {key: sorted(some) if len(some) > 1 else next(iter(some)) for key, some in known.items()}
