"""Packages of a run that a filter left out wait for another program, but not for ever."""

import pytest

from tests.xaltload.loading import clear_tree, contents, write_records
from tests.xaltload.samples import PACKAGE, RUN, changed
from tests.xaltload.test_load import load, named
from xaltload import packages

LEFT_OUT = changed(RUN, userT__exec_path="/usr/bin/python3", hash_id="1" * 40)
KEPT = changed(RUN, userT__exec_path="/apps/python/3.12/bin/python3", hash_id="2" * 40)
OWNER = "SELECT r.exec_path FROM xalt_pkg p JOIN xalt_run r ON r.run_id = p.run_id"
WAITING, MARKS = "SELECT COUNT(*) FROM xalt_pkg_waiting", "SELECT COUNT(*) FROM xalt_pkg_filtered"


@pytest.fixture
def filtered(site, tmp_path):
    """A function that loads some records, with --delete and a filter, and returns what is told."""
    site.create()
    (tmp_path / "filters").write_text('{"pre_ingest": [[0, "/usr/.*"]]}')
    tree = tmp_path / "tree"

    def load_records(*records):
        clear_tree(tree)
        write_records(tree, records)
        options = ("--delete", "-v", "--filter-config", tmp_path / "filters")
        return load(site, tree, *options).stderr

    return load_records


def drop(site, days):
    """Drop what was left so many days ago."""
    import time

    database = site.connect()
    packages.drop_left(database, lambda: time.time() + days * 86400)
    database.close()


@pytest.mark.parametrize("days", [0, 2])
def test_a_kept_program_that_comes_in_a_later_load_gets_them(site, filtered, days):
    told = filtered(named("run", LEFT_OUT), named("pkg", PACKAGE))
    assert " 0 packages waiting" in told and " 2 filtered" in told
    drop(site, days)
    filtered(named("run", KEPT, 1))
    assert site.rows(OWNER) == [("/apps/python/3.12/bin/python3",)]
    assert contents(site)["waiting"] == []


def test_they_go_when_no_other_program_has_come(site, filtered):
    filtered(named("run", LEFT_OUT), named("pkg", PACKAGE))
    drop(site, 2)
    assert (site.rows(WAITING), site.rows(MARKS)) == ([(1,)], [(1,)])
    drop(site, 3)
    assert (site.rows(WAITING), site.rows(MARKS)) == ([(0,)], [(0,)])


def test_a_second_load_counts_them_once(site, filtered):
    filtered(named("run", LEFT_OUT), named("pkg", PACKAGE))
    told = filtered(named("run", LEFT_OUT), named("pkg", PACKAGE))
    assert " 0 packages waiting, 1 duplicates, 1 filtered" in told
    assert (site.rows(WAITING), site.rows(MARKS)) == ([(1,)], [(1,)])


def test_packages_that_came_later_have_their_own_time(site, filtered):
    filtered(named("run", LEFT_OUT), named("pkg", PACKAGE))
    database = site.connect()
    database.execute("UPDATE xalt_pkg_filtered SET filtered_at = filtered_at - 432000")
    database.close()
    filtered()
    assert (site.rows(WAITING), site.rows(MARKS)) == ([(1,)], [(1,)])
    drop(site, 3)
    assert (site.rows(WAITING), site.rows(MARKS)) == ([(0,)], [(0,)])
