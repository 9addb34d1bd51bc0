"""epmt gui: the pages show what is in the database, on all three of them."""

import datetime
from urllib.parse import quote, urlencode

import pytest

from epmtlite import query
from epmtlite.gui import job_page, layout
from epmtlite.gui.asked import asked
from epmtlite.gui.databases import Site
from tests.epmtlite.gui.client import Page
from tests.epmtlite.made_experiment import SLOW, write_experiment
from tests.epmtlite.made_jobs import BEGIN, epmt, made_job, record, write_job

DAY = datetime.timedelta(days=1)
SECRET = "not-for-everyone"


def job(jobid, days, user="ann", hosts=("n1",), exitcode=0, hours=1, **changes):
    """Return a MadeJob that began some days later."""
    start = BEGIN + days * DAY
    moved = days * 86_400_000_000
    records = [
        record(pid=10 + place, hostname=host, start=moved, lasts=1000 + days, exitcode=exitcode,
               tags=f"op:part{place}")
        for place, host in enumerate(hosts)
    ]  # fmt: skip
    return made_job(
        records, jobid=jobid, job_pl_username=user, job_pl_submit_ts=start, job_pl_start_ts=start,
        job_el_stop_ts=start + datetime.timedelta(hours=hours), **changes,
    )  # fmt: skip


def tags(text):
    """Return metadata with tags."""
    return {"job_el_env": {"EPMT_JOB_TAGS": text, "API_KEY": SECRET}}


JOBS = (
    job("1", 0, hours=5, **tags("exp_name:ocean;part:1")),
    job("2", 1, "bob", ("n1", "n2"), hours=2, **tags("exp_name:ice")),
    job("3", 2, exitcode=3, hours=9, **tags("exp_name:ocean;part:2"), annotations={"grade": 5}),
    job("10", 3, "bob", ("n3",), hours=1, **tags("")),
)


@pytest.fixture
def stored(site, tmp_path):
    """A Site with JOBS."""
    site.create()
    epmt(site, "submit", *(write_job(one, tmp_path / one.metadata["job_pl_id"]) for one in JOBS))
    return site


@pytest.fixture
def gui(stored, start):
    """An epmt gui on JOBS."""
    return start(stored)


def ids(gui, **parameters):
    """Return the ids of the jobs of a page, which the table and JSON agree on."""
    words = urlencode(parameters, doseq=True)
    found = [one["jobid"] for one in gui.get(f"/api/jobs?{words}").json()["jobs"]]
    page = gui.get(f"/?{words}").page()
    assert [text for href, text in page.links if href.startswith("/job/")] == found
    assert [one["jobid"] for one in gui.get(f"/?{words}&format=csv").csv()] == found
    return found


def test_jobs_are_listed_the_latest_first(gui):
    assert ids(gui) == ["10", "3", "2", "1"]
    page = gui.get("/").page()
    assert "4 jobs" in page.text()
    row = next(row for row in page.rows if row[1:2] == ["3"])
    assert row[1:] == [
        "3", "ann", "n1", "2026-03-03 08:00:00", "9 h 00 min", "0.4 ms", "1", "2 MiB", "3"
    ]  # fmt: skip


def test_conditions_say_which_jobs(gui):
    assert ids(gui, filter="duration > 7200e6") == ["3", "1"]
    assert ids(gui, filter="exitcode != 0 or user = 'bob'") == ["10", "3", "2"]
    assert ids(gui, filter="tags.exp_name like 'o%' and not tags.part = '2'") == ["1"]
    assert ids(gui, filter="usertime > 300") == ["2"]
    assert ids(gui, filter="annotations.grade = 5") == ["3"]
    assert ids(gui, tag="exp_name:ocean") == ["3", "1"]
    assert ids(gui, tag=["exp_name:ocean", "part:1"]) == ["1"]
    assert ids(gui, tag="exp%name:ocean") == ids(gui, tag="exp_nam:ocean") == []
    assert ids(gui, user="bob") == ["10", "2"]
    assert ids(gui, host="n1") == ["3", "2", "1"]
    assert ids(gui, host="n2", user="bob") == ["2"]
    assert ids(gui, day="2026-03-02") == ["2"]
    assert ids(gui, after="2026-03-03") == ["10", "3"]
    assert ids(gui, before="2026-03-03") == ["2", "1"]
    assert ids(gui, cluster="") == ["10", "3", "2", "1"]
    assert ids(gui, cluster="x") == ids(gui, user="' or 1=1 --") == ids(gui, host="%") == []


def test_jobs_are_sorted_by_each_column(gui):
    assert ids(gui, order="start") == ["1", "2", "3", "10"]
    assert ids(gui, order="-duration") == ["3", "1", "2", "10"]
    assert ids(gui, order="user") == ["1", "3", "2", "10"]
    assert ids(gui, order="job") == ["1", "10", "2", "3"]
    assert ids(gui, order="-exitcode")[0] == "3"
    assert ids(gui, order="-num_procs")[0] == "2"
    assert ids(gui, order="duration", tag="exp_name:ocean") == ["1", "3"]
    page = gui.get("/?order=-duration&user=ann").page()
    headings = [one.get("aria-sort") for one in page.of("th")]
    assert headings.count("descending") == 1 and headings.count("ascending") == 0
    assert page.of_heading("duration") == "/?user=ann&order=duration"


def test_links_lead_to_jobs_that_share_something(gui):
    page = gui.get("/").page()
    for text, found in (("bob", ["10", "2"]), ("n3", ["10"]), ("exp_name: ice", ["2"]),
                        ("2026-03-01", ["1"]), ("Jobs that failed", ["3"])):  # fmt: skip
        words = page.href(text).partition("?")[2]
        assert [one["jobid"] for one in gui.get(f"/api/jobs?{words}").json()["jobs"]] == found
    gone = gui.get("/?user=bob&day=2026-03-02&order=job").page()
    assert gone.href("\u00d7") == "/?day=2026-03-02&order=job"


def test_pages_have_so_many_jobs(gui):
    first = gui.get("/api/jobs?limit=3&order=start").json()
    assert [first[key] for key in ("count", "page", "pages")] == [4, 1, 2]
    assert [one["jobid"] for one in first["jobs"]] == ["1", "2", "3"]
    for extra in ("", "&filter=duration+%3E+1", "&tag=exp_name:ocean"):
        last = gui.get(f"/api/jobs?limit=1&page=2&order=start{extra}").json()
        assert len(last["jobs"]) == 1 and last["page"] == 2
        assert gui.get(f"/api/jobs?limit=1&page=99{extra}").json()["jobs"] == []
    page = gui.get("/?limit=1&page=2&order=start").page()
    assert "page 2 of 4" in page.text()
    assert page.href("next") == "/?limit=1&order=start&page=3"
    assert page.href("\u2190 previous") == "/?limit=1&order=start&page=1"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("filter=duration+%3E", "a number or a 'text' should stand at character 11"),
        ("filter=colour+%3D+1", "colour is nothing of jobs; there are user, jobid"),
        ("tag=%3A", ": is no tag: write key:value;key:value"),
        ("order=secret", "order=secret: one of start, end, job"),
        ("day=yesterday", "day=yesterday: write YYYY-MM-DD"),
        ("after=soon", "soon: write MM/DD/YYYY"),
    ],
)
def test_what_is_wrong_with_a_condition_is_said_beside_it(gui, words, sentence):
    page = gui.get(f"/?{words}", 400).page()
    assert sentence in page.text()
    assert gui.get(f"/api/jobs?{words}", 400).json()["error"].count(sentence) == 1
    assert sentence in gui.get(f"/?{words}&format=csv", 400).page().text()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/?page=0", 400), ("/?page=x", 400), ("/?limit=1001", 400), ("/?page=99999999999", 400),
        ("/?user=%00", 400), ("/?user=%ed%a0%80", 200), ("/?filter=%00", 400),
        ("/nothing", 404), ("/job", 404), ("/job//", 404), ("/job//99", 404), ("/job/x/1", 404),
        ("/job/1", 404), ("/picture//99", 404), ("/static/../handler.py", 404), ("/static/", 404),
        ("/static/..%2fhandler.py", 404), ("/api", 404), ("/api/nothing", 404), ("/compare", 400),
        ("/compare?job=1", 400), ("/compare?job=1&job=1", 400), ("/compare?job=1&job=99", 404),
        ("/compare/picture?job=1", 400), ("/job//1?format=csv&table=x", 400),
        ("/experiment?name=none", 400), ("/experiment", 400), ("/outliers?tag=a:b", 400),
        ("/outliers?tag=exp_name:ocean", 400), ("/experiment?name=ocean&metric=colour", 400),
        ("/outliers?tag=exp_name:ocean&model=none", 400), ("/outliers?format=csv", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_sentence(gui, path, status):
    text = gui.get(path, status).text()
    assert "Traceback" not in text and "SELECT" not in text
    assert gui.end()[1] == ""


def test_a_job_is_shown(gui):
    page = gui.get("/job//2").page()
    text = page.text()
    for part in ("Job 2", "bob", "n1 , n2", "2026-03-02 08:00:00 UTC", "2 h 00 min", "cp",
                 "op:part0", "op:part1", "exp_name: ice"):  # fmt: skip
        assert part in text
    assert page.of("iframe")[0]["src"] == "/picture//2?frame=1"
    assert page.href("outliers of the experiment") == "/outliers?tag=exp_name%3Aice"
    assert "grade" in gui.get("/job//3").page().text()
    data = gui.get("/api/job//2").json()
    assert data["job"]["jobid"] == "2" and data["job"]["hosts"] == ["n1", "n2"]
    assert data["programs"][0]["program"] == "cp" and data["programs"][0]["processes"] == 2
    assert [one["tag"] for one in data["operations"]] == ["op:part0", "op:part1"]
    assert SECRET not in gui.get("/api/job//2").text() + gui.get("/job//2").text()
    rows = gui.get("/job//2?format=csv&table=operations")
    assert 'filename="epmt-2-operations.csv"' in rows.headers["Content-Disposition"]
    assert [row["processes"] for row in rows.csv()] == ["1", "1"]


def test_of_a_huge_job_what_takes_long_is_made_when_it_is_asked_for(stored, monkeypatch):
    monkeypatch.setattr(job_page, "MOST_AT_ONCE", 1)
    database = stored.connect()
    try:
        for path, is_there in (("/job//2", False), ("/job//2?all=1", True), ("/job//1", True)):
            view = job_page.view(Site(database, None), asked(path), "", path[len("/job//") :][0])
            page = Page()
            page.feed(layout.page(view, "here"))
            assert ("op:part0" in page.text()) is is_there
            assert bool(page.of("iframe")) is is_there
    finally:
        database.close()


def test_pictures_have_a_way_back_unless_they_are_in_a_frame(gui):
    page = gui.get("/picture//2").page()
    assert page.href("\u2190 Job 2") == "/job//2"
    assert gui.get("/picture//2?frame=1").page().links == []
    compared = gui.get("/compare/picture?job=2&job=%2F3").page()
    assert compared.href("\u2190 back") == "/compare?job=%2F2&job=%2F3"
    framed = gui.get("/compare?job=2&job=/3").page()
    assert framed.of("iframe")[0]["src"] == "/compare/picture?job=%2F2&job=%2F3&frame=1"
    assert "From 4 jobs on outliers among them are marked" in framed.text()


def test_clusters_are_told_apart_where_there_are_several(gui, site, tmp_path):
    assert "cluster" not in gui.get("/").page().rows[0]
    other = write_job(job("2", 9, "eve"), tmp_path / "other")
    epmt(site, "submit", "--cluster", "au:ro &ra", other)
    page = gui.get("/?order=start").page()
    assert page.href("au:ro &ra") == "/?cluster=au%3Aro%20%26ra"
    assert ids(gui, cluster="au:ro &ra") == ["2"] and ids(gui, cluster="", user="eve") == []
    assert "eve" in gui.get("/job/au%3Aro%20%26ra/2").page().text()
    assert "bob" in gui.get("/job//2").page().text()
    compared = gui.get("/compare?" + urlencode({"job": ["au:ro &ra/2", "/2"]}, doseq=True)).page()
    assert compared.href("au:ro &ra/2") == "/job/au%3Aro%20%26ra/2"


def test_an_experiment_is_shown_by_a_number_that_one_of_its_jobs_lacks(
    sqlite_site, tmp_path, start
):  # fmt: skip
    """As of a failed collection: it is left out, and the page says so."""
    sqlite_site.create()
    other = record(names=("usertime", "systemtime"), threads=[(300, 100)])
    tags = {"EPMT_JOB_TAGS": "exp_name:esm;exp_component:ice"}
    failed = made_job([other], jobid="failed", job_el_env=tags)
    jobs = [*write_experiment(tmp_path / "jobs"), write_job(failed, tmp_path / "failed")]
    epmt(sqlite_site, "submit", *jobs)
    gui = start(sqlite_site)
    page = gui.get("/experiment?name=esm&metric=rssmax").page()
    assert "left out, for they have no rssmax: failed" in page.text()
    assert "rssmax" in gui.get("/experiment?name=esm").page().text()  # among the choices
    data = gui.get("/api/experiment?name=esm&metric=rssmax").json()
    assert data["left_out"] == ["failed"] and len(data["variations"]) == 10
    assert len(gui.get("/api/experiment?name=esm").json()["variations"]) == 11
    message = gui.get("/experiment?name=esm&metric=colour", 400).page().text()
    assert "colour: no number that these jobs have; there are" in message and "rssmax" in message


def test_experiments_outliers_and_models_are_shown(site, tmp_path, start):
    site.create()
    epmt(site, "submit", *write_experiment(tmp_path / "jobs"))
    with query.connected(site.conf_path):
        query.create_refmodel(["ocean-0", "ocean-1", "ocean-2"], "usual <b>", "exp_name:esm")
    gui = start(site)
    page = gui.get("/experiments").page()
    assert page.href("esm") == "/experiment?name=esm"
    assert gui.get("/api/experiments").json()["experiments"][0]["jobs"] == 10
    assert gui.get("/experiments?format=csv").csv()[0]["components"] == "2"

    page = gui.get("/experiment?name=esm&metric=cpu_time&limit=1").page()
    assert "Components that take the most cpu_time" in page.text()
    data = gui.get("/api/experiment?name=esm").json()
    assert [one["component"] for one in data["components"]] == ["ocean", "ice"]
    slow = next(one for one in data["variations"] if one["jobid"] == SLOW)
    assert slow["outlier"].startswith("**")
    segments = gui.get("/experiment?name=esm&format=csv&table=segments").csv()
    assert [row["jobs"] for row in segments] == ["2"] * 5

    assert data["left_out"] == [] and "left out" not in page.text()

    wanted = "tag=exp_name:esm;exp_component:ice"
    page = gui.get(f"/outliers?{wanted}").page()
    assert "5 jobs; 1 of them is an outlier" in page.text()
    assert page.rows[1][1] == SLOW and page.href(SLOW) == f"/job//{SLOW}"
    found = gui.get(f"/api/outliers?{wanted}").json()["outliers"]
    assert [one["name"] for one in found if one["outlier"]] == [f"/{SLOW}"]
    assert gui.get(f"/outliers?{wanted}&format=csv").csv()[0]["outlier"] == "True"
    assert "colour" in gui.get(f"/outliers?{wanted}&features=colour", 400).page().text()

    page = gui.get("/models").page()
    assert page.rows[1][0] == "usual <b>" and page.of("b") == []
    judged = gui.get(page.href("outliers")).page()
    assert "10 jobs; " in judged.text()
    assert gui.get("/api/models").json()["models"][0]["jobs"] == ["ocean-0", "ocean-1", "ocean-2"]


def test_an_empty_database_says_how_to_fill_it(site, start):
    site.create()
    gui = start(site)
    assert "store some with epmt submit" in gui.get("/").page().text()
    for path in ("/experiments", "/models", "/outliers"):
        assert gui.get(path).page().text()
    assert gui.get("/api/jobs").json() == {"count": 0, "page": 1, "pages": 1, "jobs": []}
    assert gui.get("/?format=csv").csv() == []


EVIL = "<img src=x onerror=alert(1)>\"'&amp;"
BIDI = "\u202egpj.exe"


@pytest.fixture
def hostile(site, tmp_path, start):
    """An epmt gui with a job whose every name is hostile."""
    jobid = f"{EVIL.replace('/', '')}{BIDI}%2e%2F;?#&"
    evil = f"<script>alert(1)</script>{EVIL}{BIDI}" + "x" * 5000
    records = [
        record(exename=evil[:200], args=evil, tags=f"op<b>:{EVIL}"),
        record(pid=11, ppid=10, start=2000, exename="=cmd|' /C calc'!A0"),
    ]
    found = made_job(
        records, jobid=jobid, job_pl_username=EVIL + BIDI,
        job_pl_env={"SLURM_JOB_NAME": evil}, annotations={EVIL: evil, "more": {EVIL: [evil]}},
        job_el_env={"EPMT_JOB_TAGS": f"exp_name:{EVIL};{EVIL.replace(';', '')}:{BIDI}"},
    )  # fmt: skip
    site.create()
    epmt(site, "submit", write_job(found, tmp_path / "job"))
    gui = start(site)
    gui.path = f"/job//{quote(jobid, safe='')}"
    gui.jobid = jobid
    return gui


def check_harmless(page):
    """Check that nothing of a name became a part of a page."""
    assert page.of("img") == page.of("b") == []
    assert not any("onerror" in one for _name, one in page.elements)
    assert all(one.get("src", "").startswith("/static/") for one in page.of("script"))
    assert BIDI[0] not in page.text()


def test_names_cannot_become_html(hostile):
    listed = hostile.get("/").page()
    check_harmless(listed)
    assert listed.of("input")[-1]["value"] == f"/{hostile.jobid}"
    link = next(href for href, _text in listed.links if href.startswith("/job/"))
    assert link == hostile.path
    shown = hostile.get(link).page()
    check_harmless(shown)
    assert "\\u202e" in shown.text() and "<script>alert(1)</script>" in shown.text()
    assert len(hostile.get(link).body) < 60_000
    for path in ("/experiments", "/outliers?tag=<img>:<b>", "/?filter=<img+src=x>", "/?user=<b>"):
        check_harmless(hostile.get(path, 400 if "<img" in path else 200).page())
    for href, _text in [*listed.links, *shown.links]:
        too_few = 400 if href.startswith("/outliers?") else 200
        assert href == "#main" or (href.startswith("/") and hostile.get(href, too_few))


def test_names_cannot_become_a_part_of_pictures_or_files(hostile):
    picture = hostile.get(hostile.path.replace("/job/", "/picture/"))
    assert picture.text().count("<script") == 2 and "<img" not in picture.text()
    rows = hostile.get(f"{hostile.path}?format=csv").csv()
    assert "'=cmd|' /C calc'!A0" in [row["program"] for row in rows]
    header = hostile.get(f"{hostile.path}?format=csv").headers["Content-Disposition"]
    assert set(header) <= set(
        'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-="; '
    )
    assert hostile.get(f"/api{hostile.path}").json()["job"]["jobid"] == hostile.jobid
