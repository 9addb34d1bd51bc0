"""Rejected lines are on the disk before anything that depends on it."""

import json
import os
import stat

import pytest

from usagedb import errors
from usagedb.rejects import MAX_KEPT_BYTES, RejectFile


def test_each_line_is_one_json_object_whatever_its_bytes(tmp_path):
    file = RejectFile(tmp_path / "rejected")
    lines = [b"plain", b"\xff\xfe \x00", 'snow \N{SNOWMAN} "quoted"\r'.encode()]
    for number, line in enumerate(lines, 1):
        file.add("/var/log/a\nb", number, line, "no time")
    file.save()
    found = [json.loads(line) for line in (tmp_path / "rejected").read_text().splitlines()]
    assert [(record["line"], record["reason"]) for record in found] == [
        (1, "no time"), (2, "no time"), (3, "no time"),
    ]  # fmt: skip
    assert found[0]["file"] == "/var/log/a\nb" and found[0]["text"] == "plain"
    assert found[1]["text"] == r"\xff\xfe \x00" and "\N{SNOWMAN}" in found[2]["text"]


def test_a_long_line_is_cut_and_the_file_is_private_and_appended_to(tmp_path):
    for _run in range(2):
        file = RejectFile(tmp_path / "rejected")
        file.add("log", 1, b"x" * (MAX_KEPT_BYTES + 100), "too long")
        file.close()
    records = (tmp_path / "rejected").read_text().splitlines()
    assert [len(json.loads(record)["text"]) for record in records] == [MAX_KEPT_BYTES] * 2
    assert stat.S_IMODE((tmp_path / "rejected").stat().st_mode) & 0o137 == 0


def test_half_a_line_of_a_killed_run_is_closed(tmp_path):
    (tmp_path / "rejected").write_bytes(b'{"file": "lo')
    file = RejectFile(tmp_path / "rejected")
    file.add("log", 1, b"text", "reason")
    file.close()
    half, whole = (tmp_path / "rejected").read_text().splitlines()
    assert half == '{"file": "lo' and json.loads(whole)["line"] == 1


def test_a_link_a_directory_and_a_full_disk_are_errors(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("link", ".", "none/rejected"):
        with pytest.raises(errors.WriteError, match="cannot write"):
            RejectFile(tmp_path / name)
    assert (tmp_path / "target").read_text() == "precious"


def test_a_full_disk_is_an_error_before_the_rows_are_stored():
    file = RejectFile("/dev/full")
    with pytest.raises(errors.WriteError, match="No space left"):
        file.add("log", 1, b"x" * 60000, "reason")
        file.save()


def test_nobody_is_waited_for_who_reads_a_fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(errors.WriteError, match="cannot write"):
        RejectFile(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(errors.WriteError, match="it is a FIFO"):
        RejectFile(tmp_path / "fifo")
    os.close(reader)
