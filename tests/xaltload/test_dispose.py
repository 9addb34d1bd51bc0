"""What cannot be removed stays and is told; it keeps no other record from being stored."""

import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from tests.private_mounts import require_mounts, run_read_only
from tests.xaltload.loading import contents, expected, make_records, write_records

COMMAND = "xalt_file_to_db"
# More than the first part of a load has.
RECORDS = {"a_anna": make_records(520, seed=31), "b_ben": make_records(20, seed=32)}
ALL = [record for records in RECORDS.values() for record in records]
# Root as everybody else is: what its account may not do is refused.
WITHOUT_PRIVILEGES = (
    "setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--", sys.executable,
)  # fmt: skip


@pytest.fixture
def trees(tmp_path):
    """The records of two users; the directories of the first are another account's."""
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("only root can give files away")
    for user, records in RECORDS.items():
        write_records(tmp_path / "trees" / user, records)
    for place, _directories, _files in os.walk(tmp_path / "trees" / "a_anna"):
        os.chown(place, 54321, 54321)
    return tmp_path / "trees"


def load(site, trees, *options):
    """Run the loader without the privileges of root."""
    return site.run(COMMAND, *options, trees, python=WITHOUT_PRIVILEGES)


def left(place):
    """Return the names of the records below a directory."""
    return {path.name for path in place.rglob("*.json")}


@pytest.mark.parametrize("how", ["delete", "archive"])
def test_a_directory_that_cannot_be_written_keeps_nobodys_records_from_the_database(
    sqlite_site, trees, tmp_path, how
):
    options = ("--delete",) if how == "delete" else ("--archive", tmp_path / "archive")
    sqlite_site.create()
    for _load in range(2):
        done = load(sqlite_site, trees, *options)
        assert done.returncode == 77, done.stderr
        assert contents(sqlite_site) == expected(ALL)
        assert left(trees / "a_anna") == {name for name, _record in RECORDS["a_anna"]}
        assert left(trees / "b_ben") == set()
        assert f"Error: {len(RECORDS['a_anna'])} files are stored and could not" in done.stderr
        assert f"cannot remove records from {trees}/a_anna/" in done.stderr
        assert "Permission denied" in done.stderr and "Traceback" not in done.stderr
    if how == "archive":  # what stays is not copied anew each night
        assert archived(tmp_path / "archive") == sorted(name for name, _record in RECORDS["b_ben"])


def archived(directory):
    """Return the sorted names of the records in all archives of a directory."""
    names = []
    for path in directory.iterdir():
        with tarfile.open(path) as archive:
            names += [Path(name).name for name in archive.getnames()]
    return sorted(names)


def test_in_a_directory_as_tmp_is_the_files_of_others_stay(sqlite_site, trees, tmp_path):
    place = trees / "b_ben"
    shutil.rmtree(trees / "a_anna")
    for directory in (place, *(path for path in place.rglob("*") if path.is_dir())):
        directory.chmod(0o1777)
        os.chown(directory, 54321, 54321)
    theirs = sorted(place.rglob("*.json"))[:7]
    for path in theirs:
        os.chown(path, 54321, 54321)
    sqlite_site.create()
    done = load(sqlite_site, trees, "--delete")
    assert (done.returncode, left(place)) == (77, {path.name for path in theirs})
    assert "Error: 7 files are stored and could not be removed" in done.stderr


def test_rejected_files_that_cannot_be_moved_are_not_copied_again(sqlite_site, trees, tmp_path):
    path = next((trees / "a_anna").rglob("run.*.json"))
    path.write_bytes(b"no record")
    os.utime(path, (1.7e9, 1.7e9))
    sqlite_site.create()
    for _load in range(2):
        done = load(sqlite_site, trees, "--quarantine", tmp_path / "aside")
        assert done.returncode == 77 and str(path.parent) in done.stderr
    assert path.exists() and not (tmp_path / "aside").exists()


def test_a_part_of_the_tree_that_is_read_only_keeps_nothing_from_the_database(
    sqlite_site, tmp_path
):
    require_mounts()
    for user, records in RECORDS.items():
        write_records(tmp_path / "trees" / user, records)
    sqlite_site.create()
    place = tmp_path / "trees" / "a_anna"
    words = ("--confFn", sqlite_site.conf_path, "--delete", tmp_path / "trees")
    done = run_read_only(place, COMMAND, *words)
    assert (done.returncode, "Read-only file system" in done.stderr) == (74, True)
    assert contents(sqlite_site) == expected(ALL) and left(tmp_path / "trees" / "b_ben") == set()


def test_an_archive_that_cannot_be_written_keeps_nothing_from_the_database(sqlite_site, tmp_path):
    write_records(tmp_path / "tree", ALL)
    (tmp_path / "archive").write_text("a file")
    sqlite_site.create()
    done = sqlite_site.run(COMMAND, "--archive", tmp_path / "archive", tmp_path / "tree")
    assert done.returncode == 74 and f"Error: {len(ALL)} files" in done.stderr, done.stderr
    assert contents(sqlite_site) == expected(ALL)
    assert left(tmp_path / "tree") == {name for name, _record in ALL}
