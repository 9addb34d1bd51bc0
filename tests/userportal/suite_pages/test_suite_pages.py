"""What the other tools know, on the pages of the made-up cluster."""

import datetime
import json
import re

import pytest

from tests.userportal.jobstats.little import reader, served, write_site
from tests.userportal.jobstats.test_job_page import text_of
from usagedb.config import DatabaseConfig, write_config
from userportal.suite.programs import MostUsedPrograms, ProgramOfJob, ProgramsOfJob, UsedProgram
from userportal.suite_pages.parts import Part

# Of the first program every run is recorded, of the second only some are.
PROGRAMS = {
    "job": ProgramsOfJob(
        programs=tuple(
            ProgramOfJob(
                path="/a", application="a", module=None, kind="binary", runs=runs, unfinished=0,
                first_start=1.0, run_seconds=3.0, core_hours=1.0, tasks=1, nodes=1,
                threads=1, gpus=0, container="/images/a.sif", is_sampled=is_sampled, libraries=(),
                more_libraries=0,
            )
            for runs, is_sampled in ((5, False), (7, True))
        ),
        more=0, packages=(), more_packages=0,
    ),
    "user": MostUsedPrograms(
        since=datetime.date(2025, 1, 1),
        programs=tuple(
            UsedProgram(
                path="/a", application="a", module=None, kind="binary", runs=runs, jobs=1,
                run_seconds=3.0, core_hours=1.0, tasks=1, last_day=datetime.date(2025, 2, 1),
                is_sampled=is_sampled,
            )
            for runs, is_sampled in ((5, False), (7, True))
        ),
        more=0,
    ),
}  # fmt: skip


@pytest.fixture
def recorded(portal):
    """(user name, a job whose processes are recorded) of the made-up cluster."""
    from django.conf import settings

    from userportal.suite import processes

    with settings.SOURCES.database("epmt") as database:
        for job in portal.jobs(lambda job: job.end, role=None):
            owner = portal.owner(job)
            if processes.processes_of_job(
                database, portal.configuration.portal.cluster, job.job_id, owner, job.start, job.end
            ):
                return owner, job
    raise AssertionError("the made-up cluster has no recorded processes")


def part_of(page, name):
    """Return the text of one part of a page."""
    return text_of("<main" + page.split(f'id="part-{name}"')[1].split("</section>")[0] + "</main>")


def test_the_page_of_a_job_has_its_modules_programs_and_processes(portal, recorded):
    owner, job = recorded
    page = portal.client("staff").get(f"/secure/jobstats/{owner}/{job.job_id}/").content.decode()
    assert "First load" in part_of(page, "lmod")
    assert "Core hours" in part_of(page, "xalt")
    assert "Largest process" in part_of(page, "epmt")
    assert f'data-graph="/secure/suite/{owner}/{job.job_id}/timeline.json"' in page


def test_the_page_of_a_user_has_what_one_uses_most(portal):
    name = portal.name_of("user")
    page = portal.client("user").get(f"/secure/jobstats/{name}/").content.decode()
    assert "Last day" in part_of(page, "lmod")
    assert "Executable" in part_of(page, "xalt")


@pytest.mark.parametrize("kind", sorted(PROGRAMS))
def test_of_which_programs_only_some_runs_are_recorded_is_told(portal, kind):
    from django.template.loader import render_to_string
    from django.utils import translation

    def shown(language):
        with translation.override(language):
            text = render_to_string(f"suite_pages/{kind}_parts.html", {"parts": [part]})
            return " ".join(text_of(f"<main>{text}</main>").split())

    part = Part("xalt", PROGRAMS[kind])
    assert "7 (only some are recorded)" in shown("en") and shown("en").count("only some") == 1
    assert "7 (certaines seulement sont enregistrées)" in shown("fr")


def test_the_container_of_a_program_is_told(portal):
    from django.template.loader import render_to_string

    part = Part("xalt", PROGRAMS["job"])
    text = render_to_string("suite_pages/job_parts.html", {"parts": [part]})
    assert text.count("Container: <code>/images/a.sif</code>") == 2


def test_the_timeline_has_processes_that_are_drawn_as_bars(portal, recorded):
    owner, job = recorded
    answer = portal.client("staff").get(f"/secure/suite/{owner}/{job.job_id}/timeline.json")
    figure = json.loads(answer.content)
    assert figure["data"] and set(figure) >= {"data", "layout"}


def test_the_pictures_are_a_file_to_keep_and_not_a_page_of_the_portal(portal, recorded):
    owner, job = recorded
    answer = portal.client("staff").get(f"/secure/suite/{owner}/{job.job_id}/processes.html")
    assert answer["Content-Type"] == "application/octet-stream"
    assert re.fullmatch(r'attachment; filename="[\w.-]+\.html"', answer["Content-Disposition"])
    assert b"".join(answer.streaming_content).lstrip().lower().startswith(b"<!doctype html")


@pytest.mark.parametrize("ending", ["timeline.json", "processes.html"])
def test_the_processes_of_a_job_are_not_found_under_another_name(portal, recorded, ending):
    owner, job = recorded
    other = next(login.username for login in portal.logins.values() if login.username != owner)
    staff = portal.client("staff")
    assert staff.get(f"/secure/suite/{other}/{job.job_id}/{ending}").status_code == 404
    assert staff.get(f"/secure/suite/{owner}/1/{ending}").status_code == 404


def test_helpers_see_which_modules_are_used_and_which_are_not(portal):
    assert portal.client("user").get("/secure/suite/modules/").status_code == 403
    for months in ("3", "24", "x", "-1"):
        answer = portal.client("helper").get(f"/secure/suite/modules/?months={months}")
        assert answer.status_code == 200
    page = answer.content.decode()
    assert "Of " in text_of(page) and "module files these were not loaded since" in text_of(page)
    assert "never" in text_of(page)


@pytest.fixture
def site(tmp_path):
    """A function: a context in which a portal with an empty database of modules is served."""
    config = DatabaseConfig("sqlite", str(tmp_path / "tool.db"), "test")
    write_config(tmp_path / "tool_db.conf", config)
    (tmp_path / "tool.db").touch()
    lmod = {"conf_file": str(tmp_path / "tool_db.conf")}
    return lambda **sections: served(write_site(tmp_path / "site", lmod=lmod, **sections))


def test_a_list_of_modules_that_is_gone_is_told_and_costs_no_page(site, tmp_path):
    with site(files={"module_list": str(tmp_path / "gone.txt")}):
        page = reader("hal").html("suite/modules/")
        # The list is read, and its lack noted, though the database cannot be asked either.
        assert "Its database is not set up as it should be." in text_of(page)
        assert str(tmp_path) not in page


def test_staff_alone_are_told_where_a_database_is(site, tmp_path):
    with site():
        assert str(tmp_path) in reader("sam").html("suite/modules/")
        assert "It cannot be asked now." in text_of(reader("hal").html("suite/modules/"))


def test_without_databases_the_page_says_so(tmp_path):
    with served(write_site(tmp_path / "site")):
        page = text_of(reader("hal").html("suite/modules/"))
        assert "No database of module loads is set up here" in page
        assert "It is not set up here." in page


def test_the_processes_of_a_job_are_not_found_without_their_database(tmp_path):
    from tests.userportal.jobstats import few_jobs

    with served(write_site(tmp_path / "site", few_jobs.ROWS)):
        ann = reader("ann")
        path = f"suite/ann/{few_jobs.ONE}/"
        assert ann.get(path + "processes.html").status_code == 404
        why = ann.figure(path + "timeline.json")["layout"]["meta"]["why"]
        assert why == "This is not measured here."
