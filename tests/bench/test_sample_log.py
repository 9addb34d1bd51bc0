"""The sample in conf/ is what its generator writes, and holds what a demonstration needs."""

import collections
import re
from pathlib import Path

import pytest

from tests.bench import sample_log

CONF = Path(__file__).resolve().parents[2] / "conf"
LINE = re.compile(
    r"(?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}-06:00) "
    r"(?P<node>[\w-]+) ModuleUsageTracking:? user=(?P<user>\w+) module=(?P<module>\S+) "
    r"path=(?P<path>/\S+) host=(?P<host>[\w-]+\.(?P<cluster>\w+)\.example\.org) "
    r"time=(?P<time>\d+\.\d{6})(?: userload=(?P<userload>yes|no))?(?: jobid=(?P<jobid>\d+))?"
)


@pytest.fixture(name="lines", scope="module")
def sample_lines():
    return (CONF / sample_log.LOG_NAME).read_text(encoding="ascii").splitlines()


@pytest.fixture(name="loads", scope="module")
def sample_loads(lines):
    return [found.groupdict() for found in map(LINE.fullmatch, lines) if found]


@pytest.mark.parametrize("name", [sample_log.LOG_NAME, sample_log.MODULES_NAME])
def test_the_files_are_what_the_generator_writes(tmp_path, name):
    sample_log.write_samples(tmp_path)
    assert (tmp_path / name).read_bytes() == (CONF / name).read_bytes()


def test_exactly_three_lines_are_malformed(lines):
    assert [line for line in lines if not LINE.fullmatch(line)] == [
        "Jan 14 12:00:00 login1 ModuleUsageTracking: user=otter module=gcc/13.2.0 pat",
        "Jan 22 12:00:00 login1 ModuleUsageTracking: Some test message",
        "Jan 31 12:00:00 login1 ModuleUsageTracking: user=heron module=nano/7.2 "
        "path=/apps/modulefiles/nano/7.2.lua host=login2.aurora.example.org time=",
    ]


def test_three_clusters_sixty_users_and_forty_days_are_in_it(lines, loads):
    assert len(lines) == 2992
    assert {load["cluster"] for load in loads} == {"aurora", "borealis", "cirrus"}
    assert len({load["user"] for load in loads}) == 60
    # In UTC and in the site's own time the loads fall on the same days.
    days = {int(float(load["time"])) // 86400 for load in loads}
    assert days == {int(float(load["time"]) - 6 * 3600) // 86400 for load in loads}
    assert len(days) == 40


def test_both_header_styles_and_the_newer_fields_are_in_it(loads):
    by_cluster = collections.defaultdict(list)
    for load in loads:
        by_cluster[load["cluster"]].append(load)
    assert all(load["stamp"].startswith("2026-") for load in by_cluster["cirrus"])
    assert all(load["stamp"][3] == " " for load in by_cluster["aurora"] + by_cluster["borealis"])
    assert not any(load["userload"] or load["jobid"] for load in by_cluster["aurora"])
    assert {load["userload"] for load in by_cluster["borealis"]} == {"yes", "no"}
    assert all((load["jobid"] is None) == load["node"].startswith("login")
               for load in by_cluster["borealis"] + by_cluster["cirrus"])  # fmt: skip


def test_a_few_dozen_lines_come_twice(lines):
    assert 24 <= len(lines) - len(set(lines)) <= 60


def test_a_few_modules_make_most_of_the_loads(loads):
    counts = collections.Counter(load["path"] for load in loads)
    assert sum(count for _, count in counts.most_common(8)) > len(loads) / 2
    assert min(counts.values()) < 5


def test_six_of_the_listed_module_files_are_loaded_by_nobody(loads):
    listed = (CONF / sample_log.MODULES_NAME).read_text(encoding="ascii").splitlines()
    loaded = {load["path"] for load in loads}
    assert len(listed) == len(set(listed)) == 85
    assert loaded < set(listed)
    assert len(set(listed) - loaded) == 6


def test_one_package_is_used_more_and_more(loads):
    days = [float(load["time"]) // 86400 for load in loads if "pytorch" in load["path"]]
    middle = min(days) + 20
    early, late = [day for day in days if day < middle], [day for day in days if day >= middle]
    assert len(late) > 2 * len(early) > 0


def test_one_version_is_loaded_by_nobody_any_more(loads):
    times = [float(load["time"]) for load in loads if load["module"] == "python/3.8.10"]
    first = min(float(load["time"]) for load in loads)
    assert len(times) > 20
    assert max(times) < first + 19 * 86400
