"""What cannot be read is told, and keeps nothing else from the database."""

import os

import pytest

from tests.xaltload.loading import contents, expected, make_records, write_records
from tests.xaltload.samples import RUN, changed
from tests.xaltload.test_dispose import WITHOUT_PRIVILEGES
from tests.xaltload.test_load import load, named
from xaltload import tree as trees

RECORDS = make_records(6, seed=12)
STATE = "SELECT exit_code, waiting FROM usage_run ORDER BY run_id"


@pytest.fixture
def tree(tmp_path):
    """A tree with records."""
    write_records(tmp_path / "tree", RECORDS)
    return tmp_path / "tree"


def test_a_single_file_of_another_cluster_is_neither_stored_nor_removed(site, tmp_path):
    (path,) = write_records(tmp_path / "tree", [named("run", RUN)])
    site.create()
    load(site, path, "--syshost", "borealis", "--delete")
    assert path.exists() and contents(site) == expected([])
    load(site, path, "--syshost", "aur*", "--delete")
    assert not path.exists() and contents(site) == expected([("", RUN)])


def test_one_of_several_paths_that_is_missing_keeps_the_others_from_nothing(
    sqlite_site, tree, tmp_path
):
    name = named("run", changed(RUN, hash_id="0" * 40))[0]
    sqlite_site.create()
    for missing in (tmp_path / "none", tmp_path / name, tmp_path / "none.tar.gz"):
        done = sqlite_site.run("xalt_file_to_db", missing, tree)
        assert done.returncode == 66, done.stderr
        assert f"Error: {missing} does not exist, or this account cannot read it\n" in done.stderr
        assert contents(sqlite_site) == expected(RECORDS)


def test_a_tree_that_is_too_deep_is_told_and_is_no_failure(sqlite_site, tree):
    place = os.open(tree, os.O_RDONLY)
    for _level in range(trees.MOST_LEVELS + 5):
        os.mkdir("d", dir_fd=place)
        below = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    done = load(sqlite_site.create(), tree)
    assert f"more than {trees.MOST_LEVELS} levels deep" in done.stderr
    assert contents(sqlite_site) == expected(RECORDS) and sqlite_site.rows(STATE) == [(0, 0)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["directory", "record"])
def test_what_users_close_is_told_and_is_no_failure(sqlite_site, tree, what):
    closed = tree / "closed"
    closed.mkdir()
    if what == "record":
        closed = closed / named("run", RUN)[0]
        closed.write_text("{}")
    closed.chmod(0)
    os.chown(closed, 54321, 54321)
    done = sqlite_site.create().run("xalt_file_to_db", tree, python=WITHOUT_PRIVILEGES)
    assert (done.returncode, done.stderr) == (
        3, f"Warning: cannot read {closed}: Permission denied\n"
    )  # fmt: skip
    assert contents(sqlite_site) == expected(RECORDS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_many_files_that_users_close_are_not_many_lines(sqlite_site, tree):
    for number in range(100):
        path = tree / named("run", RUN, number)[0]
        path.write_text("{}")
        path.chmod(0)
        os.chown(path, 54321, 54321)
    done = sqlite_site.create().run("xalt_file_to_db", tree, python=WITHOUT_PRIVILEGES)
    assert done.returncode == 3 and len(done.stderr.splitlines()) < 30
    assert "-v tells all" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_root_that_cannot_be_read_is_a_failure(sqlite_site, tree):
    os.chown(tree, 54321, 54321)
    tree.chmod(0o700)
    done = sqlite_site.create().run("xalt_file_to_db", tree, python=WITHOUT_PRIVILEGES)
    assert done.returncode == 66 and "Traceback" not in done.stderr
    directory = tree.parent / "other"
    (path,) = write_records(directory, [named("run", RUN)], places=1)
    os.chown(path.parent, 54321, 54321)
    path.parent.chmod(0o600)
    done = sqlite_site.run("xalt_file_to_db", path, directory, python=WITHOUT_PRIVILEGES)
    assert done.returncode == 66 and "Traceback" not in done.stderr
