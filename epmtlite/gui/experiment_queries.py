"""Read the experiments, the jobs with the tag exp_name, and the jobs of one of them."""

import json

from epmtlite.analysis.scores import is_finite
from epmtlite.gui.job_queries import accepted_rows
from epmtlite.gui.wanted_jobs import Wanted
from epmtlite.tag_search import key_pattern

NAME, COMPONENT = "exp_name", "exp_component"
# What jobs can be compared by without their sums of metrics.
OWN = ("duration", "cpu_time", "num_procs", "num_threads", "peak_rss", "exitcode")
EXPERIMENTS_SQL = (
    "SELECT tags, COUNT(*), SUM(duration), SUM(cpu_time), MIN(start_local), MAX(start_local)"
    " FROM epmt_job WHERE tags LIKE ? ESCAPE '!' GROUP BY tags"
)


class Experiment:
    """The sums over the jobs of an experiment."""

    def __init__(self):
        self.jobs = self.duration = self.cpu_time = 0
        self.components: set = set()
        self.first = self.last = ""

    def add(self, tags, count, duration, cpu_time, first, last):
        """Add jobs that have the same tags."""
        self.jobs += count
        self.duration += int(duration)
        self.cpu_time += int(cpu_time)
        self.components.add(tags.get(COMPONENT))
        self.first = min(filter(None, (self.first, first)))
        self.last = max(self.last, last)

    def row(self, name):
        """Return its dictionary."""
        return {
            "exp_name": name, "jobs": self.jobs, "components": len(self.components - {None}),
            "duration": self.duration, "cpu_time": self.cpu_time, "first": self.first,
            "last": self.last,
        }  # fmt: skip


def experiments(database):
    """Return the dictionaries of all experiments, the one that began last first. Read-only."""
    found: dict = {}
    for text, *sums in database.stream(EXPERIMENTS_SQL, (key_pattern(NAME),)):
        tags = json.loads(text)
        if NAME in tags:
            found.setdefault(str(tags[NAME]), Experiment()).add(tags, *sums)
    rows = [one.row(name) for name, one in found.items()]
    return sorted(rows, key=lambda row: (row["last"], row["exp_name"]), reverse=True)


def records_of(database, name, metric):
    """Return (a dictionary of each job of an experiment with the metric, the names of the numbers
    that any of them has). Only what is needed of a job stays in memory. Read-only."""
    keys = ("cluster", "jobid", "tags", "proc_sums", *OWN)
    records: list = []
    metrics: set = set()
    wanted = Wanted(tags=({NAME: name},))
    for _number, row in accepted_rows(database, wanted, keys, is_ordered=False):
        job = dict(zip(keys, row))
        sums = json.loads(job.pop("proc_sums"))
        known = {**sums, **{key: job[key] for key in OWN}}
        numbers = {key: one for key, one in known.items() if is_finite(one)}
        metrics.update(numbers)
        full_name = f"{job['cluster']}/{job['jobid']}" if job["cluster"] else job["jobid"]
        tags = {key: str(value) for key, value in json.loads(job["tags"]).items()}
        records.append({"jobid": full_name, "tags": tags, metric: numbers.get(metric)})
    return records, sorted(metrics)
