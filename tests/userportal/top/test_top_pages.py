"""The lists of staff: who uses most, and what of it is wasted."""

import re
import time

import pytest

from tests.userportal.jobstats.little import (
    DOMAIN,
    GIB,
    Samples,
    job_row,
    reader,
    served,
    write_site,
)
from tests.userportal.jobstats.test_job_page import text_of
from tests.userportal.slurm.made import ANN, running
from userportal.records.models import Note

SPARING, WASTING, YOUNG, SMALL = 201, 202, 203, 204
PAGES = ("top/compute/", "top/gpucompute/", "top/largemem/", "top/lustre/")


def rows(now):
    """Return running jobs, of which two have been on nodes with large memory for hours."""
    old = {"time_eligible": now - 7200, "time_start": now - 7200, "time_submit": now - 7300}
    return (
        job_row(SPARING, **running(), **old, partition="xLarge"),
        job_row(WASTING, **{**running(), **old, "state": 1 | 0x8000}, partition="cpu,verylarge",
                id_user=ANN, id_assoc=4),  # bob's, who has another number now
        job_row(YOUNG, **running(), time_eligible=now - 60, time_start=now - 60, partition="large"),
        job_row(SMALL, **running(), **old, partition="small"),
    )  # fmt: skip


def write(now):
    """Return a function that writes what users and jobs have and use now."""

    def written(samples):
        samples = Samples(samples.writer, now - 1800, now)
        for user, cores, used, gib, peak in (
            ("ann", 10, 9.5, 10, 1), ("bob", 8, 1, 400, 20), ("cat", 4, 3.2, 100, 40),
            ("", 2, 2, 1, 1), ("../<i>x", 1, 1, 1, 1),
        ):  # fmt: skip
            who = {"user": user, "account": "def-ann"}
            samples.constant("slurm_job:allocated_core:count_user_account", cores, **who)
            samples.constant("slurm_job:used_core:sum_user_account", used, **who)
            samples.constant("slurm_job:allocated_memory:sum_user_account", gib * GIB, **who)
            samples.constant("slurm_job:max_memory:sum_user_account", peak * GIB, **who)
        for user, gpus, used, not_idle in (
            ("ann", 2, 1.9, 2),
            ("bob", 4, 0, 0),
            ("cat", 4, 0.5, 2),
        ):
            who = {"user": user, "account": "def-ann"}
            samples.constant("slurm_job:allocated_gpu:count_user_account", gpus, **who)
            samples.constant("slurm_job:used_gpu:sum_user_account", used, **who)
            if not_idle:
                samples.constant("slurm_job:non_idle_gpu:sum_user_account", not_idle, **who)
        for job_id, peak in ((SPARING, 3), (WASTING, 0.25)):
            labels = {"slurmjobid": job_id, "instance": f"m1{DOMAIN}"}
            samples.growing("slurm_job_core_usage_total", 0.95e9, core=0, **labels)
            samples.constant("slurm_job_memory_limit", 4 * GIB, **labels)
            samples.constant("slurm_job_memory_max", peak * GIB, **labels)
        for user, rate in (("ann", 30), ("bob", 20), ("root", 900)):
            who = {"user": user, "fs": "scratch"}
            samples.constant("lustre:metadata:rate3m_user", rate, account="def-ann", **who)
            samples.constant("lustre:read_bytes:rate3m_user", rate * 2**20, **who)
            samples.constant("lustre:write_bytes:rate3m_user", 2 * rate * 2**20, **who)

    return written


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A portal with some who waste."""
    now = int(time.time())
    path = write_site(tmp_path_factory.mktemp("top") / "site", rows(now), write(now))
    with served(path) as portal:
        yield portal


def lines_of(page):
    """Return the texts of the lines of a page's table."""
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    return [
        re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", line)).strip()
        for line in body.split("</tr>")
        if line.strip()
    ]


@pytest.mark.parametrize("path", PAGES)
def test_the_lists_are_for_helpers_and_staff(site, path):
    found = {name: reader(name).get(path).status_code for name in ("ann", "hal", "sam")}
    assert found == {"ann": 403, "hal": 200, "sam": 200}


def test_cores_and_memory_are_flagged_by_what_is_used_of_them(site):
    found = lines_of(reader("sam").html("top/compute/"))
    assert [line.split()[0] for line in found] == ["ann", "bob", "cat", "?", "../&lt;i&gt;x"]
    # Little of 10 GiB is used, but 10 cores may have more than that.
    assert "wasted" not in found[0] and "unused" not in found[0]
    assert found[1].count("wasted") == 2
    assert found[2].count("much unused") == 2


def test_gpus_are_flagged_if_all_or_most_are_idle(site):
    found = lines_of(reader("sam").html("top/gpucompute/"))
    assert [line.split()[0] for line in found] == ["bob", "cat", "ann"]
    assert re.match(r"bob def-ann 4 0 wasted 0 ", found[0])
    assert re.match(r"cat def-ann 4 0.50 much unused 2 ", found[1])
    assert re.match(r"ann def-ann 2 1.90 2 ", found[2])


def test_large_memory_is_for_jobs_that_have_run_for_an_hour_the_worst_first(site):
    found = lines_of(reader("sam").html("top/largemem/"))
    assert [line.split()[:3] for line in found] == [
        ["bob", "def-ann", str(WASTING)], ["ann", "def-ann", str(SPARING)],
    ]  # fmt: skip
    assert "wasted" in found[0] and "wasted" not in found[1]


def test_notes_mark_users_and_jobs_for_staff_alone(site):
    notes = [Note.objects.create(title="n", notes="n", username="bob"),
             Note.objects.create(title="n", notes="n", job_id=SPARING)]  # fmt: skip
    try:
        for path, first in (("top/compute/", 1), ("top/gpucompute/", 0), ("top/largemem/", 0)):
            marked = [line for line in lines_of(reader("sam").html(path)) if " note " in line]
            assert marked[0] == lines_of(reader("sam").html(path))[first]
            assert not any(" note " in line for line in lines_of(reader("hal").html(path)))
        assert len(marked) == 2
    finally:
        for note in notes:
            note.delete()


def test_the_graphs_of_lustre_have_all_users_but_root(site):
    for name, ann, unit in (
        ("metadata", 30, " IOPS"),
        ("read", 30, "MiB/s"),
        ("write", 60, "MiB/s"),
    ):
        figure = reader("hal").figure(f"top/lustre/scratch/{name}.json")
        assert {trace["name"]: trace["y"][-1] for trace in figure["data"]} == {
            "ann": ann, "bob": ann * 2 / 3,
        }  # fmt: skip
        assert figure["layout"]["yaxis"]["ticksuffix"] == unit
        assert all("stackgroup" in trace for trace in figure["data"])


@pytest.mark.parametrize("path", ["scratch/secrets", "elsewhere/read"])
def test_other_file_systems_and_graphs_are_not_found(site, path):
    assert reader("sam").get(f"top/lustre/{path}.json").status_code == 404


def test_the_first_page_is_that_of_cores_and_the_menu_marks_it(site):
    answer = reader("hal").get("top/")
    assert (answer.status_code, answer["Location"]) == (302, "/secure/top/compute/")
    shown = reader("hal").html("top/lustre/")
    assert re.search(r'href="/secure/top/"[^>]*aria-current', shown)
    assert "scratch" in text_of(shown)
