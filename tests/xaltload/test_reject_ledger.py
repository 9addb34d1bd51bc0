"""Each rejected record is told of once, and each stands once in a file of --reject."""

import json
import os
import tarfile

from tests.xaltload.loading import clear_tree, contents, expected, make_records, write_records
from tests.xaltload.test_load import load, tree  # noqa: F401 - a fixture

NAME = "run.aurora.2026_01_01_00_00_00_{:04d}.otter.zzz.0188a2f0-0000-7000-8000-000000000001.json"
RECORDS = make_records(3, seed=8)


def write_empty(tree, numbers):  # noqa: F811
    """Write empty files of records that are not young; return their paths."""
    paths = [tree / NAME.format(number) for number in numbers]
    for path in paths:
        path.write_bytes(b"")
        os.utime(path, (1.7e9, 1.7e9))
    return paths


def files_in(rejected):
    """Return the sorted files that a file of --reject names."""
    return sorted(json.loads(line)["file"] for line in rejected.read_text().splitlines())


def test_files_with_the_same_text_are_told_each(site, tree, tmp_path):  # noqa: F811
    site.create()
    rejected = tmp_path / "rejected"
    first = write_empty(tree, range(50))
    done = load(site, tree, "--reject", rejected, status=65)
    assert "50 records were rejected: 50 empty" in done.stderr
    assert files_in(rejected) == sorted(map(str, first))
    assert load(site, tree, "--reject", rejected).stderr == ""
    more = write_empty(tree, range(50, 90))
    done = load(site, tree, "--reject", rejected, status=65)
    assert "40 records were rejected: 40 empty" in done.stderr
    assert files_in(rejected) == sorted(map(str, first + more))


def test_a_file_that_is_written_anew_is_told_anew(site, tree):  # noqa: F811
    (path,) = write_empty(tree, [1])
    site.create()
    load(site, tree, status=65)
    os.utime(path, (1.71e9, 1.71e9))
    load(site, tree, status=65)
    load(site, tree)


def test_members_of_an_archive_with_the_same_text_are_told_each(site, tmp_path):
    archive = tmp_path / "records.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for number in range(5):
            packed.addfile(tarfile.TarInfo(NAME.format(number)))
    site.create()
    assert "5 records were rejected: 5 empty" in load(site, archive, status=65).stderr
    assert load(site, archive).stderr == ""


def test_all_is_malformed_also_when_some_of_it_was_known(site, tree):  # noqa: F811
    write_empty(tree, range(3))
    site.create()
    load(site, tree, status=65)
    write_empty(tree, range(3, 5))
    load(site, tree, status=65)
    write_records(tree, RECORDS)
    write_empty(tree, [6])
    load(site, tree, status=3)


def test_what_was_rejected_before_is_in_the_file_when_one_is_named(site, tree, tmp_path):  # noqa: F811
    site.create()
    paths = sorted(map(str, write_empty(tree, range(7))))
    write_records(tree, RECORDS)
    load(site, tree, status=3)
    one, other = tmp_path / "one", tmp_path / "other"
    done = load(site, tree, "--reject", one, "-v")
    assert files_in(one) == paths and " 0 rejected" in done.stderr
    load(site, tree, "--reject", other)
    assert other.read_text() == ""
    assert contents(site) == expected(RECORDS)
    assert site.rows("SELECT COUNT(*), MIN(saved) FROM xalt_rejected") == [(7, 1)]


def test_lines_of_a_log_too(site, tmp_path):
    log, rejected = tmp_path / "xalt.log-20261121", tmp_path / "rejected"
    line = b"XALT_LOGGING_aurora V:4 kind:none nb:1 idx:0 key:k value:%d\n"
    log.write_bytes(b"".join(line % number for number in range(1200)))
    words = ("xalt_syslog_to_db", "--leftover", tmp_path / "leftover", "--syslog", log)
    assert site.create().run(*words).returncode == 65
    for _load in range(2):
        assert site.run(*words, "--reject", rejected).returncode == 0
        assert len(rejected.read_text().splitlines()) == 1200


def test_a_trial_notes_nothing(sqlite_site, tree, tmp_path):  # noqa: F811
    clear_tree(tree)
    write_empty(tree, [1])
    sqlite_site.create()
    load(sqlite_site, tree, status=65)
    load(sqlite_site, tree, "--dry-run", "--reject", tmp_path / "rejected")
    assert not (tmp_path / "rejected").exists()
    assert sqlite_site.rows("SELECT saved FROM xalt_rejected") == [(0,)]
