"""Compressed inputs that end too early, links, FIFOs and names with newlines."""

import bz2
import gzip
import lzma
import os

import pytest

from tests.epmtlite.made_jobs import archived, epmt, made_job, write_job
from tests.epmtlite.made_jobs import contents as jobs_in
from tests.lmodtrack.logs import assert_holds, log_of, make_loads, stored_use
from tests.xaltload.loading import contents, expected, make_records, write_records
from tests.xaltload.test_load_syslog import lines_of

LOADS = make_loads(2000, seed=91)
RECORDS = make_records(30, seed=92)
PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
ZSTD = b"\x28\xb5\x2f\xfd" + bytes(100)
NEWLINE = "a\nWarning: forged\x1b[31m"


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_log_whose_compressed_data_end_too_early_stays_and_goes_on_when_it_is_whole(
    sqlite_site, tmp_path, suffix
):
    sqlite_site.create("lmod")
    log = tmp_path / f"moduleUsage.log-20260101{suffix}"
    packed = PACKERS[suffix](log_of(LOADS))
    log.write_bytes(packed[: len(packed) * 2 // 3])
    done = sqlite_site.run("store_module_data", "--delete", log)
    assert done.returncode == 66 and "end too early" in done.stderr and log.exists()
    assert sum(row[2] for row in stored_use(sqlite_site).values()) < len(LOADS)
    log.write_bytes(packed)
    assert sqlite_site.run("store_module_data", "--delete", log).returncode == 0
    assert_holds(sqlite_site, LOADS)
    assert not log.exists()


@pytest.mark.parametrize("suffix", PACKERS)
def test_an_xalt_log_whose_compressed_data_end_too_early_is_stored_when_it_is_whole(
    sqlite_site, tmp_path, suffix
):
    sqlite_site.create("xalt")
    log = tmp_path / f"xalt.log-20260101{suffix}"
    packed = PACKERS[suffix](b"\n".join(lines_of(RECORDS)) + b"\n")
    words = ("--leftover", tmp_path / "leftover", "--syslog", log)
    for content, status in ((packed[: len(packed) // 2], 66), (packed, 0)):
        log.write_bytes(content)
        done = sqlite_site.run("xalt_syslog_to_db", *words)
        assert done.returncode == status, done.stderr
    assert contents(sqlite_site) == expected(RECORDS)
    assert not (tmp_path / "leftover").exists()


def test_an_archive_of_records_that_ends_too_early_is_told_and_the_whole_one_stored(
    sqlite_site, tmp_path
):
    sqlite_site.create("xalt")
    write_records(tmp_path / "tree", RECORDS)
    words = ("--archive", tmp_path / "archive", tmp_path / "tree")
    assert sqlite_site.run("xalt_file_to_db", *words).returncode == 0
    (path,) = (tmp_path / "archive").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    done = sqlite_site.run("xalt_file_to_db", path)
    assert done.returncode == 66 and path.name in done.stderr and "Traceback" not in done.stderr
    path.write_bytes(whole)
    assert sqlite_site.run("xalt_file_to_db", path).returncode == 0
    assert contents(sqlite_site) == expected(RECORDS)


@pytest.mark.parametrize(
    "command, more",
    [("store_module_data", ("--delete",)), ("xalt_syslog_to_db", ("--leftover", "left"))],
)
def test_a_log_of_zstd_is_refused_with_what_to_do_and_stays(sqlite_site, tmp_path, command, more):
    sqlite_site.create()
    log = tmp_path / "usage.log.zst"
    log.write_bytes(ZSTD)
    done = sqlite_site.run(command, *more, log, cwd=tmp_path)
    assert done.returncode == 66 and "compressed by zstd: read it from a pipe" in done.stderr
    assert log.read_bytes() == ZSTD and not (tmp_path / "left").exists()


def test_links_and_fifos_in_a_record_tree_are_neither_followed_nor_removed(sqlite_site, tmp_path):
    sqlite_site.create("xalt")
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    outside.mkdir()
    write_records(tree, RECORDS[:10])
    (secret,) = write_records(outside, RECORDS[10:11])
    (tree / secret.name).symlink_to(secret)
    (tree / "loop").symlink_to(tree)
    (tree / "elsewhere").symlink_to(outside)
    fifo = tree / RECORDS[11][0]
    os.mkfifo(fifo)
    done = sqlite_site.run("xalt_file_to_db", "--delete", tree)
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(sqlite_site) == expected(RECORDS[:10])
    assert secret.exists() and fifo.is_fifo() and (tree / secret.name).is_symlink()


def assert_one_line_each(text):
    """Make sure that no name has made a line or a colour of its own."""
    assert "\x1b" not in text
    assert not any(line.startswith("Warning: forged") for line in text.splitlines()), text


def test_names_with_newlines_are_loaded_and_cannot_forge_a_line(sqlite_site, tmp_path):
    sqlite_site.create()
    log = tmp_path / f"{NEWLINE}.log"
    log.write_bytes(log_of(LOADS) + b"nonsense ModuleUsageTracking\n")
    done = sqlite_site.run("store_module_data", "-v", "--delete", log)
    assert done.returncode == 3 and log.exists()
    assert_one_line_each(done.stderr)
    write_records(tmp_path / "tree" / NEWLINE, RECORDS)
    words = ("-v", "--report_file", "--delete", tmp_path / "tree")
    done = sqlite_site.run("xalt_file_to_db", *words)
    assert done.returncode == 0
    assert_one_line_each(done.stdout + done.stderr)
    assert contents(sqlite_site) == expected(RECORDS)
    assert list(tmp_path.rglob("*.json")) == []
    job = write_job(made_job(jobid="100"), tmp_path / NEWLINE)
    bad = archived(job).rename(tmp_path / f"{NEWLINE}.tgz")
    bad.write_bytes(b"no archive")
    done = epmt(sqlite_site, "submit", "-v", "--remove", job, bad, status=3)
    assert_one_line_each(done.stdout + done.stderr)
    assert set(jobs_in(sqlite_site)[0]) == {("", "100")} and not job.exists()
