"""Operations: the processes of a job that share a tag, and what they took together."""

import json
from array import array

from epmtlite import values
from epmtlite.collect.tags import written
from epmtlite.jobs import Clock
from epmtlite.processes import JobContext
from epmtlite.selection import matches, wanted_tags
from usagedb import errors

SUM, MINUS_OVERLAP, FINISH_MINUS_START = "sum", "sum-minus-overlap", "finish-minus-start"
METHODS = (SUM, MINUS_OVERLAP, FINISH_MINUS_START)
COLUMNS = (
    "tags_number", "id", "start", "end", "cpu_time", "numtids", "metrics_number", "threads",
)  # fmt: skip


class Operation:
    """Sums over the processes, of one job or several, that have a tag."""

    def __init__(self):
        self.jobs: list = []  # selection.Jobs, where they are several
        self.num_procs = self.numtids = self.cpu_time = 0
        self.ids, self.starts, self.ends = array("q"), array("q"), array("q")  # of each process
        self._sums: dict = {}
        self._has_wrong_cycles = False

    def add(self, row, sums):
        """Add a process: a row of COLUMNS, and the sums over its threads."""
        _tags, process_id, start, end, cpu_time, numtids, _metrics, _threads = row
        self.ids.append(process_id)
        self.num_procs += 1
        self.numtids += numtids
        self.cpu_time += cpu_time
        self.starts.append(start)
        self.ends.append(end)
        values.add_known(self._sums, sums.items())
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
            return max(self.ends) - min(self.starts)
        if method == MINUS_OVERLAP:
            return covered(self.starts, self.ends)
        return sum(self.ends) - sum(self.starts)

    def described(self, clock, method=SUM, full=False):
        """Return the dictionary of an operation over several jobs; see epmtlite.query.get_ops.

        clock is the jobs.Clock that shows its moments. Raises UsageError for an unknown method.
        """
        moment = clock.moment
        duration = self.duration(checked_method(method))
        own = {
            "num_procs": self.num_procs,
            "numtids": self.numtids,
            "cpu_time": self.cpu_time,
            "duration": duration,
        }
        found = {
            "op_duration_method": method,
            "start": moment(min(self.starts)),
            "finish": moment(max(self.ends)),
            "duration": duration,
            "proc_sums": {**own, **self.sums(), **own},
        }
        if full:
            merged = intervals(self.starts, self.ends)
            found["intervals"] = tuple((moment(begin), moment(end)) for begin, end in merged)
            found["num_runs"] = len(merged)
            found["contiguous"] = len(merged) == 1
            found["processes"] = list(self.ids)
        return found


def covered(starts, ends):
    """Return how long at least one of some intervals lasted."""
    return sum(end - begin for begin, end in intervals(starts, ends))


def intervals(starts, ends):
    """Return the times in which at least one of some intervals lasted, in order: (begin, end)."""
    found: list = []
    for place in sorted(range(len(starts)), key=starts.__getitem__):
        begin, end = starts[place], ends[place]
        if found and begin <= found[-1][1]:
            found[-1][1] = max(end, found[-1][1])
        else:
            found.append([begin, end])
    return [(begin, end) for begin, end in found]


def checked_method(method):
    """Return one of METHODS. Raises UsageError."""
    if method not in METHODS:
        raise errors.UsageError(f"op_duration_method={method}: one of {', '.join(METHODS)}")
    return method


def contexts_of(database, jobs):
    """Return the JobContexts of some selection.Jobs. Read-only."""
    return [JobContext(database, job) for job in jobs]


def clock_of(contexts):
    """Return the Clock of the zone that all jobs have, that of UTC where they differ."""
    zones = {str(context.clock.tzinfo): context.clock for context in contexts}
    return next(iter(zones.values())) if len(zones) == 1 else Clock("UTC")


def wanted_tags_of(contexts, tags=()):
    """Return the tags, dictionaries, that are meant of some jobs: see op_metrics.

    Raises UsageError.
    """
    all_tags = [tag for context in contexts for tag in context.tags.values() if tag]
    return expanded(tags or fewest_values(all_tags), all_tags)


def op_metrics(database, jobs, tags=(), method=SUM, is_exact=False, by_tag=False):
    """Return a dictionary of each operation of some selection.Jobs: its sums and its duration.

    tags are texts, a tag as k1:v1;k2:v2, or a key alone, which stands for all its values; or
    dictionaries. None stand for the key with the fewest values. With by_tag the jobs are added up.
    Read-only. Raises UsageError.
    """
    checked_method(method)
    contexts = contexts_of(database, jobs)
    wanted = wanted_tags_of(contexts, tags)
    found = []
    for context in contexts:
        for tag, operation in operations(database, context, wanted, is_exact):
            found.append(row_of(context.job, tag, operation, method))
    return added_up(found) if by_tag else found


def operations(database, context, wanted, is_exact=False):
    """Return (tag, Operation) of each wanted tag that processes of a job have. Read-only."""
    found = [Operation() for _tag in wanted]
    add_processes(database, context, [[tag] for tag in wanted], found, is_exact)
    return [(tag, one) for tag, one in zip(wanted, found) if one.num_procs]


def over_jobs(database, contexts, tags, is_exact=False):
    """Return the Operation of the processes of several jobs that have one of the tags.

    Read-only.
    """
    found = Operation()
    for context in contexts:
        before = found.num_procs
        add_processes(database, context, [tags], [found], is_exact)
        if found.num_procs > before:
            found.jobs.append(context.job)
    return found


def add_processes(database, context, groups, found, is_exact):
    """Add each process of a job to the Operation of each group of tags of which it has one."""
    members = {
        number: [
            one
            for one, group in zip(found, groups)
            if number and any(matches(tags, tag, is_exact) for tag in group)
        ]
        for number, tags in context.tags.items()
    }
    names = database.dialect.quote_all(COLUMNS)
    sql = f"SELECT {names} FROM epmt_process WHERE job_id = ? AND tags_number > 0 ORDER BY id"  # noqa: S608
    for row in database.stream(sql, (context.job.number,)):
        operations_of_it = members[row[0]]
        if not operations_of_it:
            continue
        metrics = context.metrics[row[6]]
        threads = values.threads_of(row[7], len(metrics))
        sums = values.sums_of(metrics, threads) if threads else {}
        for one in operations_of_it:
            one.add(row, sums)


def row_of(job, tag, operation, method):
    """Return the dictionary of an operation of a job."""
    own = {
        "job": job.jobid,
        "jobid": job.jobid,
        "cluster": job.cluster,
        "tags": tag,
        "num_procs": operation.num_procs,
        "numtids": operation.numtids,
        "cpu_time": operation.cpu_time,
        "duration": operation.duration(method),
    }
    return {**own, **operation.sums(), **own}


def added_up(rows):
    """Return a dictionary of each tag: the sums over all jobs."""
    found: dict = {}
    wrong = []
    for row in rows:
        total = found.setdefault(written(row["tags"]), {"tags": row["tags"]})
        values.add_known(
            total, (one for one in row.items() if one[0] not in ("job", "jobid", "cluster", "tags"))
        )
        if row.get(values.CYCLES, 1) < 0:
            wrong.append(total)
    for total in wrong:
        total[values.CYCLES] = values.ERRONEOUS
    return list(found.values())


def expanded(texts, all_tags):
    """Return the tags that texts mean, or dictionaries; a key alone as all its values, each once.

    Raises UsageError for a text that is no tag.
    """
    found: dict = {}
    for text in texts:
        if isinstance(text, dict):
            some = [text]
        elif ":" in text or ";" in text:
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
