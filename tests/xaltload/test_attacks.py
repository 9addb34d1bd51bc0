"""What users can do to the tree of records that root reads and removes from, while it does."""

import os
import shutil

import pytest

from tests import attackers
from tests.xaltload.loading import make_records, write_records
from usagedb.config import write_config

RECORDS = make_records(runs=6)
SECRET = "marked-secret-of-another-account"
ROUNDS = 6
TERABYTE = 1 << 40
NAME = "run.aurora.2026_01_01_00_00_00_1234.otter.zzz.0188a2f0-0000-7000-8000-00000000000{}.json"


@pytest.fixture
def place(tmp_path):
    """A directory with `tree`, where users write, and `victim`, whose records are not theirs."""
    for name in ("tree", "victim"):
        write_records(tmp_path / name, RECORDS, places=1)
    return tmp_path


def files_below(directory):
    """Return {relative name: content} of what is in a directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def load(site, tree, *arguments):
    """Load a tree, and make sure that it ended as expected errors end."""
    done = site.run("xalt_file_to_db", *arguments, tree)
    assert done.returncode in (0, 3, 65, 66, 74, 75), done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("option", ["--delete", "--archive", "--quarantine"])
def test_a_directory_that_changes_places_with_a_link_loses_nothing_that_it_leads_to(
    sqlite_site, place, option
):
    sqlite_site.create("xalt")
    link, inner = place / "link", place / "tree" / "000"
    link.symlink_to(place / "victim" / "000")
    before = files_below(place / "victim")
    options = [option] if option == "--delete" else [option, place / "kept"]
    with attackers.at_work(attackers.exchange_on, inner, link):
        for _round in range(ROUNDS):
            load(sqlite_site, place / "tree", *options)
    assert files_below(place / "victim") == before


def test_a_file_that_changes_places_with_a_link_gives_nothing_away(sqlite_site, place):
    sqlite_site.create("xalt")
    (place / "secret").write_text(SECRET)
    (place / "link").symlink_to(place / "secret")
    name = place / "tree" / NAME.format(1)
    name.write_text("{no record")
    rejects, kept = place / "rejects", place / "kept"
    kept.mkdir()
    with attackers.at_work(attackers.exchange_on, name, place / "link"):
        for _round in range(ROUNDS):
            load(sqlite_site, place / "tree", "--reject", rejects, "--quarantine", kept)
            name.exists() or name.write_text("{no record")
    for path in (rejects, *kept.iterdir()):
        assert SECRET not in (path.read_text() if path.exists() else "")
    assert (place / "secret").read_text() == SECRET


def test_of_a_file_of_another_account_under_a_second_name_nothing_is_kept(sqlite_site, place):
    secret, name = place / "secret", place / "tree" / NAME.format(1)
    secret.write_text(SECRET)
    os.utime(secret, (1, 1))
    os.link(secret, name)
    rejects, kept = place / "rejects", place / "kept"
    sqlite_site.create("xalt")
    done = load(sqlite_site, place / "tree", "--reject", rejects, "--quarantine", kept, "-v")
    assert done.returncode == 3
    assert SECRET not in rejects.read_text() + done.stdout + done.stderr
    assert str(name) in rejects.read_text()
    assert name.exists() and not kept.exists()


def test_a_record_with_a_second_name_is_stored_and_removed(sqlite_site, place):
    """As after a backup that is made of links."""
    for path in list((place / "tree").rglob("*.json")):
        os.link(path, place / path.name)
    sqlite_site.create("xalt")
    assert load(sqlite_site, place / "tree", "--delete").returncode == 0
    assert list((place / "tree").rglob("*.json")) == []
    assert sqlite_site.rows("SELECT COUNT(*) FROM xalt_run")[0][0] > 0


def test_a_hole_of_a_terabyte_fills_neither_memory_nor_disk(sqlite_site, place):
    name = place / "tree" / NAME.format(1)
    with name.open("wb") as file:
        file.truncate(TERABYTE)
    kept = place / "kept"
    sqlite_site.create("xalt")
    done = load(sqlite_site, place / "tree", "--quarantine", kept)
    assert done.returncode == 3
    assert f"{name} stays: it is longer than any record" in done.stderr
    assert name.stat().st_size == TERABYTE and not kept.exists()


def test_a_file_that_grows_all_the_time_ends_no_load(sqlite_site, place):
    name = place / "tree" / NAME.format(1)
    name.write_text("{no record")
    sqlite_site.create("xalt")
    with attackers.at_work(attackers.append_on, name):
        for _round in range(ROUNDS):
            load(sqlite_site, place / "tree", "--quarantine", place / "kept", "--delete")
    assert sqlite_site.rows("SELECT COUNT(*) FROM xalt_run")[0][0] > 0


@pytest.mark.parametrize("name", [b"two\nlines", b"\xff\xfe", b"\x1b[31mred", b"-rf", b"b'\"$(x)"])
def test_a_directory_of_any_name_is_read_archived_and_removed(sqlite_site, tmp_path, name):
    tree = tmp_path / "tree"
    write_records(tree / os.fsdecode(name), RECORDS, places=1)
    sqlite_site.create("xalt")
    (tree / os.fsdecode(name) / "000" / NAME.format(1)).write_text("{no record")
    os.utime(tree / os.fsdecode(name) / "000" / NAME.format(1), (1, 1))
    rejects = tmp_path / "rejects"
    done = load(sqlite_site, tree, "--archive", tmp_path / "kept", "--reject", rejects, "-v")
    assert done.returncode == 3
    assert "\x1b" not in done.stderr and rejects.read_text().count("\n") == 1
    assert [path.name for path in tree.rglob("*.json")] == [NAME.format(1)]
    (archive,) = (tmp_path / "kept").iterdir()
    count = sqlite_site.rows("SELECT COUNT(*) FROM xalt_run")
    sqlite_site.config = sqlite_site.config.replaced(database=str(tmp_path / "again.db"))
    shutil.move(tmp_path / "usage.db", tmp_path / "first.db")
    shutil.rmtree(tmp_path / "usage.db-wal", ignore_errors=True)
    write_config(sqlite_site.conf_path, sqlite_site.config)
    sqlite_site.create("xalt")
    assert load(sqlite_site, archive).returncode == 0
    assert sqlite_site.rows("SELECT COUNT(*) FROM xalt_run") == count
