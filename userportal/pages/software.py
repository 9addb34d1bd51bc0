"""What the cluster's cores and GPUs run: parts of the software in the last hours, as pies."""

import dataclasses
import functools
import re

from django.utils.translation import gettext

from usagedb import errors
from usagedb.files import conf_file
from userportal.ini_file import read_ini
from userportal.metrics.expression import count, metric, total

SHIPPED = "portal-software.conf"
SOFTWARE, STACKS = "software", "stacks"
SECONDS, STEP_SECONDS = 6 * 3600, 300
LEAST_POINTS = 1  # of a GPU job: five minutes
LONGEST_PATH = 1000
LEAST_DERIVATIVE_SECONDS = 120


@dataclasses.dataclass(frozen=True)
class Names:
    """What a program's path or name says: (name, is_path, compiled pattern or set of names)."""

    software: tuple = ()
    stacks: tuple = ()

    def software_of(self, exe):
        """Return the name of the software of an executable, None if none fits."""
        return first_fitting(self.software, exe)

    def stack_of(self, exe):
        """Return what collection of software an executable belongs to, else its first directory.

        None for a name without a directory.
        """
        found = first_fitting(self.stacks, exe)
        if found or not exe.startswith("/"):
            return found and gettext(found)
        return gettext("Stored in /%(directory)s") % {"directory": exe.split("/", 2)[1]}


def first_fitting(rows, exe):
    """Return the name of the first row that fits an executable, or None."""
    exe = exe[:LONGEST_PATH]
    name = exe.rpartition("/")[2]
    for title, is_path, what in rows:
        if what.match(exe) if is_path else name in what:
            return title
    return None


@functools.lru_cache(maxsize=4)
def read_names(path=None):
    """Return the Names of the site's file, then ours. Raises ConfigurationError or RefusedError."""
    software, stacks = [], []
    for one in ([path] if path else []) + [conf_file(SHIPPED)]:
        found = read_ini(one, keeps_case=True, delimiters=("=",))  # names have capitals
        software += rows_of(found, SOFTWARE, one)
        stacks += rows_of(found, STACKS, one)
    return Names(tuple(software), tuple(stacks))


def rows_of(sections, section, path):
    """Yield (name, is_path, what) of a section: a pattern begins with /, else names follow."""
    for name, text in sections.get(section, {}).items():
        if not text.startswith("/"):
            yield name, False, frozenset(text.split())
            continue
        try:
            yield name, True, re.compile(text)
        except re.error as error:
            raise errors.ConfigurationError(
                f"{path}: [{section}] {name} = {text}: {error}"
            ) from error


def cores_by_executable(source, now, seconds, with_gpu=False):
    """Return {executable: cores, the median of the last hours} and the cores of all, or None.

    with_gpu: of jobs alone that have GPUs; then the cores of all are not known.
    """
    seconds = max(LEAST_DERIVATIVE_SECONDS, seconds)
    used = metric("slurm_job_process_usage_total").deriv(seconds).where(">", 0)
    window = (now - SECONDS, now, STEP_SECONDS)
    if with_gpu:
        gpus = count(metric("slurm_job_utilization_gpu"), by=("slurmjobid",))
        having = used.where(">", gpus * 0, on=("slurmjobid",), group_left=())
        series, whole = source.range(total(having, by=("exe",)), *window), []
    else:
        everything = total(metric("slurm_job:used_core:sum"))
        queries = [(total(used, by=("exe",)), *window), (everything, *window)]
        series, whole = source.range_many(queries)
    cores = {one.labels.get("exe", "?"): one.median() for one in series}
    return cores, whole[0].median() if whole else None


def gpus_by_executable(source, now):
    """Return {executable: GPUs, by the part of the last hours in which its job had them}.

    Asks slurm-job-exporter; of the programs of a job the one with the most CPU time counts.
    """
    window = (now - SECONDS, now, STEP_SECONDS)
    gpus = count(metric("slurm_job_utilization_gpu"), by=("slurmjobid",))
    programs = total(metric("slurm_job_process_usage_total"), by=("slurmjobid", "exe"))
    having, running = source.range_many([(gpus, *window), (programs, *window)])
    main: dict = {}
    for one in running:
        job, most = one.labels.get("slurmjobid"), one.maximum() or 0
        if most >= main.get(job, (0, ""))[0]:
            main[job] = (most, one.labels.get("exe", "?"))
    found: dict = {}
    for one in having:
        if len(one.times) <= LEAST_POINTS:
            continue
        exe = main.get(one.labels.get("slurmjobid"), (0, "?"))[1]
        part = len(one.times) * STEP_SECONDS / SECONDS
        found[exe] = found.get(exe, 0) + one.median() * min(part, 1)
    return found


def grouped(amounts, name_of, whole=None):
    """Return [(name, amount)], the most first; what is missing to the whole is Unaccounted."""
    found: dict = {}
    for exe, amount in amounts.items():
        name = name_of(exe) or gettext("Unidentified")
        found[name] = found.get(name, 0) + amount
    known = sum(found.values())
    if whole is not None and whole > known:
        found[gettext("Unaccounted")] = whole - known
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))
