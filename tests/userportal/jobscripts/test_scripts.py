"""What of the spool is taken for a script, and what text it becomes."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.jobscripts.scripts import UNSETTLED, read_script, scan, script_text
from userportal.slurm.jobset import HIGHEST_JOB_ID


def test_jobs_of_both_layouts_are_found(machine):
    for job_id in range(100, 111):
        machine.submit(job_id)
    machine.submit(7, is_old=True)
    expected = {job_id: f"hash.{job_id % 10}" for job_id in range(100, 111)}
    assert scan(machine.spool) == ({**expected, 7: ""}, True)


@pytest.mark.parametrize(
    "name",
    ["job.0", "job.01", "job.-1", "job.1x", "job.", "job.99999999999", "job.4294967296",
     "environment", "job.१", "job.1\n"],
)  # fmt: skip
def test_what_is_no_job_is_passed_over(machine, name):
    (machine.spool / "hash.1").mkdir()
    (machine.spool / "hash.1" / name).mkdir()
    assert scan(machine.spool).places == {}


def test_the_highest_job_id_is_one(machine):
    machine.submit(HIGHEST_JOB_ID)
    assert list(scan(machine.spool).places) == [HIGHEST_JOB_ID]


def test_a_spool_that_is_not_there_is_told(machine):
    with pytest.raises(FileNotFoundError):
        scan(machine.spool / "no")


def test_a_part_that_cannot_be_listed_is_told(machine):
    machine.submit(12)
    (machine.spool / "hash.3").write_text("no directory")
    assert scan(machine.spool) == ({12: "hash.2"}, False)


def read(machine, job_id, most_characters=1000):
    return read_script(machine.spool, f"hash.{job_id % 10}", job_id, most_characters)


def test_a_script_comes_without_its_nul(machine):
    machine.submit(1, "#!/bin/sh\necho é\n")
    assert read(machine, 1) == "#!/bin/sh\necho é\n"


def test_bytes_that_are_no_text_are_visible(machine):
    machine.submit(1, b"echo caf\xe9\n\0")
    assert read(machine, 1) == "echo caf\\xe9\n"


@pytest.mark.parametrize("length", [1, 2, 3, 999, 1000, 1001])
def test_a_long_script_is_cut_between_characters(machine, length):
    text = "é€𝄞x" * 400
    machine.submit(1, text)
    assert read(machine, 1, length) == text[:length]


def test_of_a_huge_file_only_the_beginning_is_read(machine):
    path = machine.submit(1, "#!/bin/sh\n")
    os.truncate(path, 1 << 40)  # a hole of a terabyte
    assert read(machine, 1) == "#!/bin/sh\n"


def test_links_and_other_files_are_no_scripts(machine, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret\0")
    link = machine.submit(1)
    link.unlink()
    link.symlink_to(secret)
    fifo = machine.submit(2)
    fifo.unlink()
    os.mkfifo(fifo)
    (machine.spool / "hash.3").mkdir()
    (tmp_path / "script").write_text("secret\0")
    (machine.spool / "hash.3" / "job.3").symlink_to(tmp_path)
    folder = machine.submit(4)
    folder.unlink()
    folder.mkdir()
    assert [read(machine, job_id) for job_id in (1, 2, 3, 4)] == [None] * 4


def test_vanished_and_empty_ones_are_none(machine):
    machine.submit(1, b"")
    machine.submit(2).unlink()
    assert [read(machine, job_id) for job_id in (1, 2, 3)] == [None] * 3


def test_a_young_file_without_an_end_is_not_read_yet(machine):
    path = machine.submit(1, b"#!/bin/sh\nhalf a l")
    assert read(machine, 1) is UNSETTLED
    old = time.time() - 60
    os.utime(path, (old, old))
    assert read(machine, 1) == "#!/bin/sh\nhalf a l"


def test_a_file_from_the_future_is_read(machine):
    path = machine.submit(1, b"#!/bin/sh\n")
    later = time.time() + 3600
    os.utime(path, (later, later))
    assert read(machine, 1) == "#!/bin/sh\n"


@given(raw=st.binary(max_size=400), length=st.integers(1, 50), cut=st.integers(0, 400))
def test_any_bytes_become_bounded_text_without_nul(raw, length, cut):
    text = script_text(raw[:cut], length, is_cut=cut < len(raw))
    assert len(text) <= length and "\0" not in text
    text.encode()  # raises for what no database takes


@given(text=st.text(max_size=100).filter(lambda text: "\0" not in text), cut=st.integers(0, 400))
def test_a_cut_text_is_the_beginning_of_the_whole(text, cut):
    raw = text.encode()
    assert text.startswith(script_text(raw[:cut], 1000, is_cut=True))
    assert script_text(raw, 1000) == text
