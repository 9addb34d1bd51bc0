"""A job that is there in part is stored, or removed, never both."""

import pytest

from epmtlite import partial
from tests.epmtlite.made_jobs import contents, epmt, made_job, random_records, write_job
from usagedb import errors


@pytest.fixture
def stored(site, tmp_path):
    """A Site with one job, and the number of that."""
    site.create()
    epmt(site, "submit", write_job(made_job(random_records(20, seed=5)), tmp_path / "100"))
    ((number,),) = site.rows("SELECT id FROM epmt_job")
    return site, number


@pytest.fixture
def database(site):
    """An open Database with the tables of EPMT."""
    opened = site.create().connect()
    yield opened
    opened.close()


def noted(database, job_id):
    """Note a job as there in part; tell which are."""
    with database.transaction():
        partial.note(database, job_id)


def test_who_removes_cant_take_a_job_that_became_whole_meanwhile(stored):
    site, number = stored
    before = contents(site)
    database = site.connect()
    partial.remove(database, number)  # it was in part when this one looked
    database.close()
    assert contents(site) == before


def test_who_stores_cant_claim_a_job_that_is_being_removed(database):
    noted(database, 7)
    with database.transaction():
        partial.claim(database, 7)
    assert partial.condemn(database, 7)
    with pytest.raises(errors.UnavailableError, match="try again"), database.transaction():
        partial.claim(database, 7)
    partial.remove(database, 7)  # who goes on removes the rest
    assert database.rows("SELECT job_id FROM epmt_partial") in ([], ())


def test_a_job_that_is_gone_cant_be_condemned(database):
    assert not partial.condemn(database, 7)


def test_a_claim_is_later_than_the_one_before(database):
    noted(database, 7)
    times = []
    for _step in range(3):
        with database.transaction():
            partial.claim(database, 7)
        times.append(database.rows("SELECT begun_at FROM epmt_partial")[0][0])
    assert times == sorted(set(times))


def test_what_another_node_stores_just_now_stays(database, monkeypatch):
    noted(database, 7)
    noted(database, 8)
    database.execute("UPDATE epmt_partial SET begun_at = begun_at - 1000 WHERE job_id = 8")
    monkeypatch.setattr(type(database.dialect), "has_wide_locks", lambda *_arguments: False)
    assert partial.remove_all(database) == 1
    assert [row[0] for row in database.rows("SELECT job_id FROM epmt_partial")] == [7]
    monkeypatch.undo()
    assert partial.remove_all(database) == 1
