"""Inputs of any size take no more memory than small ones; `make soak` has them in full."""

import json

from tests import large_inputs
from tests.large_inputs import MEGABYTE, RECORD_NAME, measured, sparse

# Of the process that holds most. A command that reads nothing has 30 to 40.
MOST_MEGABYTES = 150


def test_a_log_of_any_size_takes_no_more_memory(sqlite_site):
    sqlite_site.create("lmod")
    done, loads = large_inputs.load_a_log_from_a_pipe(sqlite_site, 200 * MEGABYTE)
    assert done.status == 0, done.messages
    assert sqlite_site.rows("SELECT SUM(loads) FROM lmod_use") == [(loads,)]
    assert done.megabytes < MOST_MEGABYTES


def test_malformed_module_lines_are_all_in_the_file_of_rejected_ones(sqlite_site):
    sqlite_site.create("lmod")
    count = 200_000
    done, rejected = large_inputs.load_malformed_lines(sqlite_site, "store_module_data", count)
    assert done.status == 65 and f"{count} lines were rejected" in done.messages
    assert done.messages.count("\n") == 1
    with rejected.open() as file:
        assert sum(json.loads(line)["line"] for line in file) == count * (count + 1) // 2
    assert done.megabytes < MOST_MEGABYTES


def test_malformed_xalt_lines_are_all_in_the_file_of_rejected_ones(sqlite_site):
    sqlite_site.create("xalt")
    count = 100_000
    done, rejected = large_inputs.load_malformed_lines(sqlite_site, "xalt_syslog_to_db", count)
    assert done.status == 65 and f"{count} records were rejected" in done.messages
    with rejected.open() as file:
        assert len({json.loads(line)["line"] for line in file}) == count
    assert done.megabytes < MOST_MEGABYTES


def test_a_tree_of_tiny_files_takes_no_more_memory(sqlite_site):
    sqlite_site.create("xalt")
    done, tree = large_inputs.load_tiny_records(sqlite_site, 20_000)
    assert (done.status, done.messages) == (0, "")
    assert sqlite_site.rows("SELECT COUNT(*) FROM xalt_pkg_waiting") == [(20_000,)]
    assert list(tree.rglob("*.json")) == [] and done.megabytes < MOST_MEGABYTES


def test_a_spool_of_tiny_archives_takes_no_more_memory(sqlite_site):
    done, failed = large_inputs.submit_tiny_archives(sqlite_site.create(), 2_000)
    assert done.status == 65, done.messages[-1000:]
    assert len(list(failed.iterdir())) == 2_000 and done.megabytes < MOST_MEGABYTES


def test_a_log_of_nothing_but_nuls_is_one_rejected_line(sqlite_site, tmp_path):
    sqlite_site.create("lmod")
    log = sparse(tmp_path / "moduleUsage.log-20260101", 500 * MEGABYTE)
    done = measured(sqlite_site, "store_module_data", "--delete", log)
    assert done.status == 65 and "1 lines were rejected: 1 line too long" in done.messages
    assert "is kept: it holds rejected lines" in done.messages and log.exists()
    assert done.megabytes < MOST_MEGABYTES


def test_huge_files_in_a_record_tree_and_in_a_spool_are_refused_at_once(sqlite_site, tmp_path):
    sqlite_site.create()
    (tmp_path / "tree").mkdir()
    huge = 5000 * MEGABYTE
    uuid = "0188a2f0-0000-7000-8000-000000000001"
    record = sparse(tmp_path / "tree" / RECORD_NAME.format(uuid=uuid), huge)
    done = measured(sqlite_site, "xalt_file_to_db", "--delete", tmp_path / "tree")
    assert done.status == 65 and record.exists() and done.megabytes < MOST_MEGABYTES
    archive = sparse(tmp_path / "1.tgz", huge)
    words = ("submit", "-q", "--confFn", sqlite_site.conf_path, "--remove", archive)
    done = measured(sqlite_site, "epmt", *words)
    assert done.status == 65 and archive.exists() and done.megabytes < MOST_MEGABYTES
