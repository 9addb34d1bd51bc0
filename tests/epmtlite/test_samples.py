"""Real jobs that came with EPMT: what they hold is known, and stored as it is."""

import ast

import pytest

from tests.epmtlite.made_jobs import contents, epmt, sample

ZONE = {"EPMT_TZ": "Asia/Kolkata"}  # of the site whose old jobs do not say theirs
JOBS = {
    # name: (zone of the site, job id, processes, threads, cpu_time, duration, rssmax)
    "685000.tgz": (None, "685000", 3480, 3668, 113135329, 6460243317, 31621528),
    "804280.tgz": (None, "804280", 6039, 6368, 204964705, 3150704527, 70200608),
    "collated-tsv-2220.tgz": (None, "2220", 2, 2, 7453, 1226068, 9952),
    "3455": (None, "3455", 1, 1, 2921, 28111, 9056),
    "12340": (None, "12340", 18, 18, 42360, 1407996, 80736),
}
KERNEL = (
    "kern-6656-20190614-190245", "kern-6656-20190614-191138", "kern-6656-20190614-192044-outlier",
    "kern-6656-20190614-194024",
)  # fmt: skip


@pytest.fixture
def submitted(site, monkeypatch):
    """A function that submits samples and returns the Site."""

    def submit(*names, zone=None):
        if zone:
            monkeypatch.setenv("EPMT_TZ", zone)
        epmt(site.create(), "submit", *map(sample, names))
        return site

    return submit


def listed(site, *words):
    """Return what epmt list prints."""
    return ast.literal_eval(epmt(site, "list", *words).stdout)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_the_figures_that_epmt_finds(submitted, name):
    zone, jobid, processes, threads, cpu_time, duration, rssmax = JOBS[name]
    site = submitted(name, zone=zone)
    jobs, orphans = contents(site)
    values = jobs["", jobid]["values"]
    sums = values[13]
    assert orphans == [] and len(jobs["", jobid]["processes"]) == processes
    assert (values[7], *values[9:12]) == (duration, processes, threads, cpu_time)
    assert (sums["num_procs"], sums["num_threads"], sums["rssmax"]) == (processes, threads, rssmax)
    assert sums["usertime"] + sums["systemtime"] == cpu_time


def test_the_tree_and_the_errors_of_a_job_are_those_that_epmt_finds(submitted):
    site = submitted("685000.tgz")
    ((values, processes),) = [job.values() for job in contents(site)[0].values()]
    assert values[13]["rdtsc_duration"] == -1
    assert values[15]["papiex-error-process-ids"] == [22121, 23756, 24562, 26138]
    assert sum(row[17] for row in processes) == 24717624686  # durations
    (parent,) = [row for row in processes if row[8] == 6098]
    assert parent[23] == 3448  # descendants
    assert sum(row[4] == parent[0] for row in processes) == 735
    assert max(processes, key=lambda row: row[15])[21] == 3  # depth of the last that began


def test_operations_have_the_durations_that_epmt_finds(submitted):
    site = submitted("685000.tgz")
    for method, duration in (
        ("sum", 41388496), ("sum-minus-overlap", 21033390), ("finish-minus-start", 51278054),
    ):  # fmt: skip
        (row,) = listed(site, "op_metrics", "tags=op:timavg", f"op_duration_method={method}")
        assert (row["num_procs"], row["duration"]) == (57, duration)


def test_a_kernel_build_is_the_one_that_epmt_finds(submitted):
    site = submitted(*(f"{name}.tgz" for name in KERNEL), zone="Asia/Kolkata")
    jobs = {row[0]: row for row in site.rows("SELECT jobid, num_procs, duration FROM epmt_job")}
    assert sorted(jobs) == sorted(KERNEL)
    rows = listed(site, "op_metrics", KERNEL[0], "tags=op")
    (build,) = [row for row in rows if row["tags"] == {"op": "build"}]
    assert (build["cpu_time"], build["duration"], build["num_procs"]) == (
        380807266, 2158730624, 9549,
    )  # fmt: skip
    usual = [jobs[name][2] for name in KERNEL if not name.endswith("outlier")]
    outlier = jobs[KERNEL[2]]
    assert outlier[2] > 1.5 * max(usual) and outlier[1] == jobs[KERNEL[0]][1]


@pytest.mark.parametrize(
    ("name", "zone"), [("685000.tgz", None), (f"{KERNEL[0]}.tgz", "Asia/Kolkata")]
)
def test_a_job_and_its_conversion_to_version_2_have_the_same_sums(
    sqlite_site, tmp_path, monkeypatch, name, zone
):
    if zone:
        monkeypatch.setenv("EPMT_TZ", zone)
    from tests.conftest import run_command

    converted = tmp_path / name
    done = run_command("epmt", "convert", sample(name), converted)
    assert done.returncode == 0, done.stderr
    epmt(sqlite_site, "submit", sample(name))
    first = contents(sqlite_site)[0]
    epmt(sqlite_site, "delete", *(jobid for _cluster, jobid in first))
    epmt(sqlite_site, "submit", converted)
    second = contents(sqlite_site)[0]
    assert list(first) == list(second)
    for key, job in first.items():
        other = second[key]
        for place, value in enumerate(job["values"]):
            if isinstance(value, dict) and "metric_names" in value:
                assert sorted(value.pop("metric_names").split(",")) == sorted(
                    [*other["values"][place].pop("metric_names").split(","), "num_threads",
                     "starttime"]
                )  # fmt: skip
            assert value == other["values"][place]
        for row, other_row in zip(job["processes"], other["processes"]):
            assert (*row[:2], *row[3:25]) == (*other_row[:2], *other_row[3:25])


def test_a_damaged_sample_is_rejected(sqlite_site, monkeypatch):
    monkeypatch.setenv("EPMT_TZ", "Asia/Kolkata")
    done = epmt(sqlite_site, "submit", sample("corrupted-csv.tgz"), status=65)
    assert "perftools.org-papiex-6477-0.csv" in done.stderr
    assert contents(sqlite_site) == ({}, [])


def test_the_exit_code_of_a_job_is_that_of_its_first_process(sqlite_site, monkeypatch):
    monkeypatch.setenv("EPMT_TZ", "Asia/Kolkata")
    epmt(sqlite_site, "submit", sample("failed-exitcode.tgz"))
    ((code, text),) = sqlite_site.rows("SELECT exitcode, info_dict FROM epmt_job")
    (process_code,) = sqlite_site.rows("SELECT exitcode FROM epmt_process")[0]
    assert code == process_code != 0 and '"exit_code": 0' in text
