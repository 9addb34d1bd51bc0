"""What Prometheus's recording rules would have made of the made-up samples."""

import collections
from pathlib import PurePosixPath

from userportal.demo import jobseries
from userportal.demo.cluster import NAME
from userportal.units import MEBIBYTE

# Rules that are kept by user and account, and those of them that the whole cluster has too.
CLUSTER_RULES = {
    "slurm_job:allocated_core:count": "slurm_job:allocated_core:count_user_account",
    "slurm_job:used_core:sum": "slurm_job:used_core:sum_user_account",
    "slurm_job:allocated_memory:sum": "slurm_job:allocated_memory:sum_user_account",
    "slurm_job:rss_memory:sum": "slurm_job:rss_memory:sum_user_account",
    "slurm_job:allocated_gpu:count": "slurm_job:allocated_gpu:count_user_account",
    "slurm_job:used_gpu:sum": "slurm_job:used_gpu:sum_user_account",
    "slurm_job:power_gpu:sum": "slurm_job:power_gpu:sum_user_account",
}
# Of this one the sum over the cluster keeps the model of the GPUs.
BY_MODEL = ("slurm_job:power_gpu:sum",)
# What the file systems do besides jobs: (bytes read, bytes written, operations) a second.
BACKGROUND = {
    "home": (3 * MEBIBYTE, 2 * MEBIBYTE, 220.0),
    "project": (40 * MEBIBYTE, 12 * MEBIBYTE, 90.0),
    "scratch": (5 * MEBIBYTE, 5 * MEBIBYTE, 60.0),
}


class Sums:
    """Adds up jobs, sample by sample."""

    def __init__(self, grid):
        """Begin with no job."""
        self.grid = grid
        self.sums: dict = {}  # (rule, labels as pairs) -> list of values, None: no series there

    def add(self, rule, labels, first, values):
        """Add the values of a job, whose first one belongs to the sample `first`."""
        key = rule, tuple(labels.items())
        found = self.sums.get(key)
        if found is None:
            found = self.sums[key] = [None] * len(self.grid)
        for place, value in enumerate(values, first):
            before = found[place]
            found[place] = value if before is None else before + value

    def add_job(self, use):
        """Add all that one JobUse does."""
        if not use.count:
            return
        request, first = use.request, use.first
        labels = {"cluster": NAME, "user": request.user, "account": request.account}
        cores = sum(place.cores for place in use.places)
        for rule, start, values in (
            ("allocated_core:count", first, [use.job.core_count] * use.count),
            ("used_core:sum", first + 1, [work * cores for work in use.work]),
            ("allocated_memory:sum", first, [use.limit_bytes * len(use.places)] * use.count),
            ("rss_memory:sum", first, summed(place.rss for place in use.places)),
            ("max_memory:sum", first, summed(place.highest for place in use.places)),
        ):
            self.add(f"slurm_job:{rule}_user_account", labels, start, values)
        for path, share in jobseries.programs(use).items():
            labels_of_program = {
                "cluster": NAME, "account": request.account, "bin": PurePosixPath(path).name,
            }  # fmt: skip
            values = [work * cores * share for work in use.work]
            self.add("slurm_job:process_usage:sum_account", labels_of_program, first + 1, values)
        self._add_gpus(use, labels)
        self._add_lustre(use, labels)

    def _add_gpus(self, use, labels):
        gpus = [(place.place.node, gpu) for place in use.places for gpu in place.place.gpus]
        for number, (node, _gpu) in enumerate(gpus):
            model, percent = node.gpu_model, use.gpu_percent[number]
            with_model = {**labels, "gpu_type": model.label}
            milliwatts = [1000 * jobseries.gpu_watts(model, value) for value in percent]
            self.add(
                "slurm_job:allocated_gpu:count_user_account", labels, use.first, [1] * use.count
            )
            self.add(
                "slurm_job:used_gpu:sum_user_account", with_model, use.first,
                [value / 100 for value in percent],
            )  # fmt: skip
            self.add("slurm_job:power_gpu:sum_user_account", with_model, use.first, milliwatts)
            if any(percent):
                self.add(
                    "slurm_job:non_idle_gpu:sum_user_account", with_model, use.first,
                    [1] * use.count,
                )  # fmt: skip

    def _add_lustre(self, use, labels):
        on_fs = {**labels, "fs": jobseries.FILE_SYSTEM}
        rate, start = jobseries.write_bytes_per_second(use), use.first + 1
        read = rate * jobseries.READ_SHARE
        operations = use.behaviour.metadata_operations
        for rule, factor in (
            ("lustre:read_bytes:rate3m_user", read),
            ("lustre:write_bytes:rate3m_user", rate),
            ("lustre:metadata:rate3m_user", operations),
        ):
            self.add(rule, on_fs, start, [work * factor for work in use.work])

    def write(self, writer):
        """Write all rules, those of the whole cluster too."""
        self._add_cluster()
        for (rule, labels), values in self.sums.items():
            times = [at for at, value in zip(self.grid.times, values) if value is not None]
            writer.add(
                rule, dict(labels), times, [value for value in values if value is not None]
            )  # fmt: skip

    def _add_cluster(self):
        """Sum up users and accounts, and what the servers of the file systems see."""
        rules = {by_user: rule for rule, by_user in CLUSTER_RULES.items()}
        totals: dict = collections.defaultdict(lambda: [None] * len(self.grid))
        for (rule, labels), values in list(self.sums.items()):
            if rule not in rules:
                continue
            kept = {"cluster": NAME}
            if rules[rule] in BY_MODEL:
                kept["gpu_type"] = dict(labels)["gpu_type"]
            add_up(totals[rules[rule], tuple(kept.items())], values)
        self._add_servers(totals)
        self.sums.update(totals)

    def _add_servers(self, totals):
        count = len(self.grid)
        daily = [1 + 0.3 * ((at % 86400) / 86400) for at in self.grid.times]
        for fs, (read, write, operations) in BACKGROUND.items():
            labels = (("cluster", NAME), ("fs", fs))
            for name, rate in (("read", read), ("write", write)):
                values = [rate * factor for factor in daily]
                self._add_users(values, f"lustre:{name}_bytes:rate3m_user", fs)
                totals[f"lustre:{name}_bytes:rate3m", labels] = values
            values = [operations * factor for factor in daily]
            self._add_users(values, "lustre:metadata:rate3m_user", fs)
            for operation, share in jobseries.OPERATIONS.items():
                key = "lustre:metadata:rate3m", (*labels, ("operation", operation))
                totals[key] = [values[place] * share for place in range(count)]

    def _add_users(self, values, rule, fs):
        for (name, labels), added in self.sums.items():
            if name == rule and dict(labels)["fs"] == fs:
                add_up(values, added)


def add_up(total, values):
    """Add values to a total of the same length; None is no value."""
    for place, value in enumerate(values):
        if value is not None:
            before = total[place]
            total[place] = value if before is None else before + value


def summed(lists):
    """Return the sums of lists of equal length, place by place."""
    return [sum(values) for values in zip(*lists)]
