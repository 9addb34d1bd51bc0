"""The summary of a user: places with small graphs, accounts, the ten latest jobs."""

import re

import pytest

from tests.userportal.pages.tiny_portal import NO_METRICS, write_conf_of_nowhere
from tests.userportal.quotas.site import PLACES, storage_portal
from tests.userportal.quotas.test_quotas import graphs, plain, rows
from tests.userportal.slurm.made import BOB, job_row

PAGE = "/secure/usersummary/ann/"
JOBS = [job_row(number, job_name=f"<i>job{number}</i>") for number in range(1, 13)]
JOBS.append(job_row(50, id_user=BOB, job_name="of-bob", id_assoc=4))


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal with places and jobs."""
    with storage_portal(tmp_path_factory.mktemp("summary"), PLACES, None, jobs=JOBS) as found:
        yield found


def test_the_ten_latest_jobs_are_listed_and_link_to_their_pages(portal):
    page = portal.text(PAGE, "ann")
    links = re.findall(r'href="(/secure/jobstats/ann/\d+/)"', page)
    assert links == [f"/secure/jobstats/ann/{number}/" for number in range(12, 2, -1)]
    assert "of-bob" not in page
    assert "<i>job" not in page and "&lt;i&gt;job12&lt;/i&gt;" in page


def test_each_place_has_two_small_graphs_of_90_days(portal):
    page = portal.text(PAGE, "ann")
    assert graphs(page) == [
        f"/secure/quotas/ann/{place}/{unit}.json"
        for place in ("home/ann", "scratch/ann", "project/def-ann") for unit in ("bytes", "files")
    ]  # fmt: skip
    assert set(re.findall(r'data-height="(\d+)"', page)) == {"120"}
    names = re.findall(r'<section class="card graph" id="([^"]+)"', page)
    assert len(names) == len(set(names)) == 6


def test_places_full_name_and_accounts_are_shown(portal):
    page = portal.text(PAGE, "ann")
    assert "ann home Size 60 % 30 GiB / 50 GiB Files 10 % 100 / 1,000" in rows(page)
    assert "ann Ann Doe" in plain(page)
    assert "def-ann_cpu 8 cores" in plain(page)


def test_the_personal_group_is_told_here_too(portal):
    assert "belong to the personal group bob" in plain(
        portal.text("/secure/usersummary/bob/", "bob")
    )


def test_the_summary_is_for_its_user_and_for_helpers(portal):
    assert portal.get(PAGE, "bob").status_code == 403
    assert portal.get(PAGE)["Location"].startswith("/accounts/login/")
    assert {portal.get(PAGE, one).status_code for one in ("ann", "hal", "sue")} == {200}
    assert portal.get("/secure/usersummary/", "ann")["Location"] == PAGE
    assert portal.get("/secure/usersummary/nobody/", "sue").status_code == 404


def test_without_slurm_and_metrics_that_is_told(tmp_path):
    with storage_portal(tmp_path, PLACES, None, metrics=NO_METRICS, jobs=None) as portal:
        page = plain(portal.text(PAGE, "ann"))
        assert "No database of Slurm is set up here." in page
        assert "No metrics are set up here" in page
        assert "The last 90 days" not in page


def test_a_slurm_database_that_is_away_does_not_hide_the_places(tmp_path):
    with storage_portal(tmp_path, PLACES, None) as portal:
        write_conf_of_nowhere(portal.directory / "slurm_db.conf")
        page = plain(portal.text(PAGE, "ann"))
        assert "The database of Slurm does not answer now." in page
        assert "30 GiB / 50 GiB" in page
