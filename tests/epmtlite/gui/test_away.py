"""epmt gui: the database goes away and comes back, and what is asked meanwhile is a sentence."""

import pytest

from tests.epmtlite.made_jobs import epmt, made_job, write_job


def test_an_sqlite_file_may_go_and_come_back(sqlite_site, tmp_path, start):
    epmt(sqlite_site, "submit", write_job(made_job(), tmp_path / "job"))
    gui = start(sqlite_site)
    gui.get("/job//100")
    path = tmp_path / "usage.db"
    path.rename(tmp_path / "away.db")
    for page in ("/", "/job//100", "/picture//100", "/experiments", "/?format=csv"):
        assert "usage.db is not there" in gui.get(page, 503).page().text()
    assert "usage.db is not there" in gui.get("/api/jobs", 503).json()["error"]
    assert gui.get("/static/gui.css")
    path.write_bytes(b"no database at all" * 1000)
    assert "restore it from a copy" in gui.get("/", 503).page().text()
    (tmp_path / "away.db").replace(path)
    assert "1 job" in gui.get("/").page().text()
    assert sorted(one.name for one in tmp_path.glob("usage.db*")) == ["usage.db"]


def test_a_server_may_go_and_come_back(own_server, tmp_path, start):
    server, site = own_server
    epmt(site, "submit", write_job(made_job(), tmp_path / "job"))
    gui = start(site)
    gui.get("/")
    server.stop()
    for page in ("/", "/job//100", "/picture//100", "/?format=csv"):
        assert "database" in gui.get(page, 503).page().text()
    server.start()
    for page in ("/", "/job//100", "/picture//100", "/?format=csv"):
        gui.get(page)
    server.stop()
    server.start()
    assert "1 job" in gui.get("/").page().text()  # though the idle connection is dead


def test_jobs_that_are_stored_meanwhile_are_shown(site, tmp_path, start):
    site.create()
    gui = start(site)
    assert gui.get("/api/jobs").json()["count"] == 0
    epmt(site, "submit", write_job(made_job(), tmp_path / "job"))
    assert gui.get("/api/jobs").json()["count"] == 1
    epmt(site, "delete", "100")
    assert gui.get("/api/jobs").json()["count"] == 0
    gui.get("/job//100", 404)


def test_nothing_is_written(sqlite_site, tmp_path, start):
    epmt(sqlite_site, "submit", write_job(made_job(), tmp_path / "job"))
    before = (tmp_path / "usage.db").read_bytes()
    gui = start(sqlite_site)
    for page in ("/", "/job//100", "/picture//100", "/experiments", "/models", "/outliers"):
        gui.get(page)
    gui.end()
    assert (tmp_path / "usage.db").read_bytes() == before


def test_an_account_that_may_only_read_is_served(sqlite_site, tmp_path, start, nobody):
    epmt(sqlite_site, "submit", write_job(made_job(), tmp_path / "job"))
    (tmp_path / "usage.db").chmod(0o644)
    sqlite_site.conf_path.chmod(0o644)
    options = {key: value for key, value in nobody.items() if key != "python"}
    gui = start(sqlite_site, python=nobody["python"], **options)
    assert gui.get("/api/jobs").json()["count"] == 1


def test_a_job_that_is_deleted_while_its_picture_is_asked_for_is_missing(site, tmp_path, start):
    site.create()
    epmt(site, "submit", write_job(made_job(), tmp_path / "job"))
    gui = start(site)
    gui.get("/picture//100")
    epmt(site, "delete", "100")
    assert "no job 100 is in the database" in gui.get("/picture//100", 404).page().text()


@pytest.mark.parametrize("path", ["/", "/?filter=duration+%3E+1"])
def test_a_reader_that_goes_away_leaves_the_connection_usable(site, tmp_path, start, path):
    site.create()
    epmt(site, "submit", write_job(made_job(), tmp_path / "job"))
    gui = start(site)
    for _number in range(10):  # more than there are connections
        gui.get(f"{path}{'&' if '?' in path else '?'}format=csv", method="HEAD")
    assert gui.get("/api/jobs").json()["count"] == 1
