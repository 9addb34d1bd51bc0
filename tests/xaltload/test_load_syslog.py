"""Records in logs of syslog are stored once; what is incomplete waits; nothing is lost."""

import base64
import gzip
import random
import time
import zlib
from pathlib import Path

import pytest

from tests.xaltload.loading import contents, expected, make_records
from tests.xaltload.samples import written

COMMAND = "xalt_syslog_to_db"
RECORDS = make_records(25, seed=4)
SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "xalt"
HEADER = b"2026-01-01T00:00:01-06:00 c401-101 "


def key_of(name, record):
    """Return (kind, key) of a record as XALT's syslog lines name it."""
    kind = name.partition(".")[0]
    if kind == "run":
        phase = "strt" if ".aaa." in name else "fini"
        return kind, f"run_{phase}_{record['userT']['run_uuid']}"
    if kind == "link":
        return kind, f"link_{record['resultT']['uuid']}"
    return kind, f"pkg_{record['xalt_run_uuid']}_{name.split('.')[-2]}"


def lines_of(records, version=4, size=512):
    """Return the syslog lines of some records."""
    lines = []
    for name, record in records:
        kind, key = key_of(name, record)
        text = written(record).rstrip(b"\n")
        if version == 1:
            lines.append(b"XALT_LOGGING_aurora %s:%s" % (kind.encode(), base64.b64encode(text)))
            continue
        if version == 2:
            text = base64.b64encode(zlib.compress(text))
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        for number, block in enumerate(blocks):
            fields = f"kind:{kind} idx:{number:02d} nb:{len(blocks):02d} syshost:aurora key:{key}"
            if version == 4:
                fields += f" crcStr:{record['crc']}x{zlib.crc32(written(record)):x}"
            start = f"XALT_LOGGING_aurora V:{version} {fields} value:"
            lines.append(start.encode() + block.rstrip(b" "))
    return [HEADER + line for line in lines]


def write_log(path, lines):
    """Write a log with some lines of other programs between."""
    path.write_bytes(b"".join(line + b"\n" + HEADER + b"sshd: hello\n" for line in lines))
    return path


@pytest.fixture
def log(tmp_path):
    """The path of a rotated log."""
    return tmp_path / "xalt.log-20260102"


def load(site, *options, status=0, cwd=None):
    """Run the loader and check its status."""
    leftover = site.directory / "leftover"
    done = site.run(COMMAND, "--leftover", leftover, *options, cwd=cwd)
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_log_of_each_version_is_stored_and_a_second_load_changes_nothing(site, log, version):
    site.create()
    lines = lines_of(RECORDS, version)
    doubled = lines + random.Random(1).sample(lines, 40)
    random.Random(2).shuffle(doubled)
    write_log(log, doubled)
    for _load in range(2):
        assert load(site, "--syslog", log).stderr == ""
        assert contents(site) == expected(RECORDS)
    assert not (site.directory / "leftover").exists()


def test_several_logs_compressed_or_not_and_standard_input(site, log, tmp_path):
    site.create()
    lines = lines_of(RECORDS)
    packed = tmp_path / "xalt.log-20260101.gz"
    packed.write_bytes(gzip.compress(b"\n".join(lines[:30]) + b"\n"))
    write_log(log, lines[30:])
    load(site, "--syslog", packed, log)
    assert contents(site) == expected(RECORDS)


def test_incomplete_records_wait_in_the_leftover_file_for_the_next_log(site, log, tmp_path):
    site.create()
    lines = lines_of(RECORDS)
    random.Random(5).shuffle(lines)
    third = len(lines) // 3
    for part in (lines[:third], lines[third : 2 * third], lines[2 * third :]):
        write_log(log, part)
        load(site, "--syslog", log)
    assert contents(site) == expected(RECORDS)
    assert not (tmp_path / "leftover").exists()


def test_a_leftover_is_kept_for_three_days_and_then_told(site, log, tmp_path):
    site.create()
    lines = lines_of(RECORDS[:1])
    write_log(log, lines[:-1])
    leftover = tmp_path / "leftover"
    began = int(time.time())
    for _run in range(3):
        load(site, "--syslog", log)
        assert len(leftover.read_bytes().splitlines()) == len(lines) - 1
    now = int(time.time())
    text = leftover.read_bytes()
    assert began <= int(text.split(b"epoch:")[1].split()[0]) <= now
    old = b"\n".join(
        line.replace(line[line.index(b"epoch:") :].split()[0], b"epoch:%d" % (now - 4 * 86400))
        for line in text.splitlines()
    )
    leftover.write_bytes(old + b"\n")
    write_log(log, [])
    done = load(site, "--syslog", log, "--reject", tmp_path / "rejected", status=65)
    assert "1 incomplete for three days" in done.stderr
    assert lines[0][-40:].decode() in (tmp_path / "rejected").read_text().replace('\\"', '"')
    assert not leftover.exists()
    assert load(site, "--syslog", log).stderr == ""


def test_damaged_lines_are_rejected_and_the_others_stored(site, log):
    site.create()
    bad = [
        HEADER + b"XALT_LOGGING_aurora V:4 kind:run nb:x idx:0 key:k value:",
        HEADER + b"XALT_LOGGING_aurora V:4 kind:none nb:1 idx:0 key:k value:{}",
        HEADER + b"XALT_LOGGING_aurora V:3 kind:run nb:1 idx:0 syshost:aurora key:k value:{no",
        HEADER + b"XALT_LOGGING_ERROR_aurora: could not be sent",
        HEADER + b"XALT_LOGGING_aurora V:4 " + b"x" * 2_000_000,
        b"\xff\xfe\x00 XALT_LOGGING_",
    ]  # fmt: skip
    lines = lines_of(RECORDS)
    write_log(log, [*bad[:3], *lines, *bad[3:]])
    done = load(site, "--syslog", log, status=3)
    assert "4 records were rejected" in done.stderr, done.stderr
    assert contents(site) == expected(RECORDS)
    assert load(site, "--syslog", log).stderr == ""


def test_only_the_clusters_that_match_are_read(site, log):
    site.create()
    other = [line.replace(b"aurora", b"polaris") for line in lines_of(RECORDS[:5])]
    write_log(log, lines_of(RECORDS[5:]) + other)
    load(site, "--syslog", log, "--syshost", "aur.*")
    assert contents(site) == expected(RECORDS[5:])
    assert site.run(COMMAND, "--syslog", log, "--syshost", "(").returncode == 2


def test_a_trial_leaves_the_leftover_as_it_is(site, log, tmp_path):
    site.create()
    lines = lines_of(RECORDS)
    write_log(log, lines[1:])
    load(site, "--syslog", log)
    before = (tmp_path / "leftover").read_bytes()
    write_log(log, lines[:1])
    load(site, "--syslog", log, "--dry-run")
    assert (tmp_path / "leftover").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".left")] == []


def test_a_missing_log_and_a_forgotten_one(site, tmp_path):
    site.create()
    load(site, "--syslog", tmp_path / "none", status=66)
    assert site.run(COMMAND).returncode == 2
    load(site, "--syslog", tmp_path / "xalt.log-*", status=0)


def of_cluster(lines, name=b"borealis"):
    """Return the lines as another cluster's."""
    return [line.replace(b"aurora", name) for line in lines]


def test_what_is_left_over_of_another_cluster_waits_for_that_ones_run(site, log, tmp_path):
    site.create()
    ours, theirs = lines_of(RECORDS[:1]), of_cluster(lines_of(RECORDS[1:2]))
    assert len(ours) > 1 and len(theirs) > 2
    write_log(log, [*ours[:-1], *theirs[:-1]])
    load(site, "--syslog", log)
    leftover = tmp_path / "leftover"
    before = set(leftover.read_bytes().splitlines())
    write_log(log, ours[-1:])
    for _run in range(2):  # nothing of theirs is doubled
        load(site, "--syslog", log, "--syshost", "aurora")
        kept = [line for line in leftover.read_bytes().splitlines() if b"borealis" in line]
        assert len(kept) == len(theirs) - 1 and set(kept) < before
    assert len(leftover.read_bytes().splitlines()) == len(kept) + 1  # ours, of the second run
    leftover.write_bytes(b"\n".join(kept) + b"\n")
    write_log(log, theirs[-1:])
    load(site, "--syslog", log, "--syshost", "borealis")
    stored = {row[0] for row in site.rows("SELECT syshost FROM xalt_run")}
    stored |= {row[0] for row in site.rows("SELECT build_syshost FROM xalt_link")}
    assert {"aurora", "borealis"} >= stored and not leftover.exists()
    kinds = [table for table in ("xalt_run", "xalt_link", "xalt_pkg_waiting")
             for _row in site.rows(f"SELECT * FROM {table}")]  # fmt: skip
    assert len(kinds) == 2


def test_a_leftover_file_without_its_last_newline_loses_nothing(sqlite_site, log, tmp_path):
    sqlite_site.create()
    lines, leftover = lines_of(RECORDS), tmp_path / "leftover"
    write_log(log, lines[1:])
    load(sqlite_site, "--syslog", log)
    leftover.write_bytes(leftover.read_bytes().rstrip(b"\n"))
    write_log(log, lines[:1])
    load(sqlite_site, "--syslog", log)
    assert contents(sqlite_site) == expected(RECORDS) and not leftover.exists()


def test_a_leftover_file_that_cannot_be_read_stays(sqlite_site, log, tmp_path):
    sqlite_site.create()
    damaged = gzip.compress(b"\n".join(lines_of(RECORDS)))[:-20]
    (tmp_path / "leftover").write_bytes(damaged)
    write_log(log, lines_of(RECORDS))
    load(sqlite_site, "--syslog", log, status=66)
    assert (tmp_path / "leftover").read_bytes() == damaged


def test_nobody_makes_his_records_wait_for_ever(sqlite_site, log, tmp_path):
    """An epoch in a line of a log is its writer's."""
    sqlite_site.create()
    lines = [line.replace(b" value:", b" epoch:99999999999 value:") for line in lines_of(RECORDS)]
    write_log(log, lines[:1])
    load(sqlite_site, "--syslog", log)
    epoch = int((tmp_path / "leftover").read_bytes().split(b"epoch:")[1].split()[0])
    assert abs(epoch - time.time()) < 86400


def test_a_last_line_that_has_no_end_is_told_and_waits(site, tmp_path):
    site.create()
    live, lines = tmp_path / "extract.log", lines_of(RECORDS[:1], version=3, size=100_000)
    live.write_bytes(lines[0][:-20])
    done = load(site, "--syslog", live, status=3)
    assert done.stderr == (
        f"Warning: {live}: its last line has no end yet, and is left:"
        " read it again when it is whole\n"
    )
    assert site.rows("SELECT r.stored, r.waiting, r.exit_code FROM usage_run r") == [(0, 1, 3)]
    live.write_bytes(lines[0] + b"\n")
    load(site, "--syslog", live)
    assert contents(site) == expected(RECORDS[:1])


@pytest.mark.parametrize("how", ["damaged", "missing", "directory", "zstd"])
def test_a_log_that_cannot_be_read_keeps_no_other_from_the_database(site, log, tmp_path, how):
    site.create()
    bad = tmp_path / "xalt.log-20260101.gz"
    if how == "damaged":
        bad.write_bytes(gzip.compress(b"\n".join(lines_of(RECORDS)))[:-20])
    elif how == "directory":
        bad.mkdir()
    elif how == "zstd":
        bad.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    write_log(log, lines_of(RECORDS))
    for _night in range(2):
        done = load(site, "--syslog", bad, log, status=66)
        assert "Error: " in done.stderr and str(bad) in done.stderr
        assert contents(site) == expected(RECORDS)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real records of XALT are here")
def test_real_logs_are_stored_with_the_right_counts(site):
    site.create()
    load(site, "--syslog", SAMPLES / "triple_dup_uuid_syslog.log")
    assert site.rows("SELECT COUNT(*), COUNT(DISTINCT run_uuid) FROM xalt_run") == [(3, 1)]
    load(site, "--syslog", SAMPLES / "V2_syslog.log")
    counts = [
        site.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
        for table in ("xalt_run", "xalt_link", "xalt_pkg", "xalt_pkg_waiting")
    ]
    assert counts == [8, 2, 10, 0]
