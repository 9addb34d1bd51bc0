"""epmt export: all of the jobs or processes, in CSV or Parquet, in bounded memory."""

import csv
import datetime
import io
import json
import os
import stat
import subprocess
import sys

import pytest

from epmtlite import export
from tests.conftest import CHECKOUT
from tests.epmtlite.made_experiment import write_experiment
from tests.epmtlite.made_jobs import (
    BEGIN_MICROSECONDS,
    epmt,
    made_job,
    random_records,
    record,
    write_job,
)


@pytest.fixture
def filled(site, tmp_path):
    """A Site with the experiment, and a job with odd texts."""
    site.create()
    odd = record(args='a,"b" c \u00fc\u202e', tags="op:x", exename="=1+1", threads=[(1,) * 6] * 3)
    job = write_job(made_job([odd], jobid="odd"), tmp_path / "odd")
    epmt(site, "submit", "-q", *write_experiment(tmp_path / "jobs"), job)
    return site


def read(text):
    """Return the rows of CSV."""
    return list(csv.DictReader(io.StringIO(text)))


def test_jobs_are_written_with_their_sums(filled):
    rows = read(epmt(filled, "export").stdout)
    shown = json.loads(epmt(filled, "list", "jobs", "fmt=dict", "--format", "json").stdout)
    assert [row["jobid"] for row in rows] == [job["jobid"] for job in shown]
    for row, job in zip(rows, shown):
        for key in ("cpu_time", "usertime", "num_procs", "duration", "rssmax"):
            assert int(row[key]) == job[key]
        assert json.loads(row["tags"]) == job["tags"]
        assert datetime.datetime.fromisoformat(row["start"]).isoformat() == job["start"]
        assert "env_dict" not in row
    assert "HOME" in json.loads(
        read(epmt(filled, "export", "--environments").stdout)[0]["env_dict"]
    )


def test_processes_are_written_as_they_are_listed(filled):
    rows = read(epmt(filled, "export", "procs").stdout)
    shown = json.loads(epmt(filled, "list", "procs", "order=id", "--format", "json").stdout)
    assert len(rows) == 21
    by_id = {int(row["id"]): row for row in rows}
    for process in shown:
        row = by_id[process["id"]]
        assert (row["exename"], row["job"]) == (process["exename"], process["job"])
        assert int(row["usertime"]) == process["usertime"]
        assert row["args"] == process["args"].replace("\u202e", "\\u202e")


def test_conditions_choose_the_jobs(filled):
    assert [row["jobid"] for row in read(epmt(filled, "export", "ice-3").stdout)] == ["ice-3"]
    rows = read(epmt(filled, "export", "procs", "job_tags=exp_component:ocean").stdout)
    assert {row["job"] for row in rows} == {f"ocean-{number}" for number in range(5)}
    assert len(rows) == 10
    words = ("job_tags=exp_name:esm", "tags=op:compute", "fltr=usertime > 500e6", "limit=3")
    rows = read(epmt(filled, "export", "procs", *words).stdout)
    assert [row["job"] for row in rows] == ["ice-3"] and rows[0]["exename"] == "model"
    done = epmt(filled, "export", "prox", status=66)
    assert done.stderr == "Error: no job prox; kinds are jobs, procs, processes\n"
    rows = read(epmt(filled, "export", "jobs", "fltr=duration > 800e6").stdout)
    assert [row["jobid"] for row in rows] == ["odd", "ice-3"]
    assert read(epmt(filled, "export", "tags=exp_name:none").stdout) == []


def test_parquet_holds_the_same_with_types(filled, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    for kind in ("jobs", "procs"):
        path = tmp_path / f"{kind}.parquet"
        epmt(filled, "export", kind, "-o", path)
        table = parquet.read_table(path)
        rows = read(epmt(filled, "export", kind).stdout)
        assert table.num_rows == len(rows)
        assert str(table.schema.field("start").type) == "timestamp[us, tz=UTC]"
        assert str(table.schema.field("usertime").type) == "int64"
        found = table.to_pylist()
        assert [one["usertime"] for one in found] == [int(row["usertime"]) for row in rows]
        assert [one["tags"] for one in found] == [row["tags"] for row in rows]
        assert found[0]["start"].timestamp() * 1e6 == pytest.approx(BEGIN_MICROSECONDS, abs=1)


def test_a_file_appears_whole_or_not_at_all(filled, tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text("old")
    epmt(filled, "export", "none", "-o", path, status=66)
    assert path.read_text() == "old"
    old_umask = os.umask(0o027)
    try:
        epmt(filled, "export", "-o", path)
    finally:
        os.umask(old_umask)
    assert len(read(path.read_text())) == 11 and path.stat().st_mode & 0o777 == 0o640
    assert not list(tmp_path.glob(".jobs.csv*"))
    done = epmt(filled, "export", "-o", tmp_path / "none" / "jobs.csv", status=74)
    assert "cannot write" in done.stderr
    for words in (
        ["--format", "parquet"], ["-o", "x.json"], ["procs", "--environments"], ["fltr=duration >"],
    ):  # fmt: skip
        epmt(filled, "export", *words, status=2, cwd=tmp_path)
    assert not (tmp_path / "x.json").exists()


def test_what_is_no_ordinary_file_is_never_replaced(sqlite_site, tmp_path):
    sqlite_site.create()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path):
        done = epmt(sqlite_site, "export", "-o", path, status=74)
        assert done.stderr == f"Error: cannot write {path}: it is there, and no ordinary file\n"
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_closed_reader_ends_it_quietly(filled):
    words = [
        sys.executable,
        CHECKOUT / "bin" / "epmt",
        "export",
        "procs",
        "--confFn",
        filled.conf_path,
    ]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, timeout=600)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_many_processes_take_no_more_memory_than_few(sqlite_site, tmp_path):
    sqlite_site.create()
    for count in (2_000, 40_000):
        records = random_records(count, hosts=("n1",))
        directory = write_job(made_job(records, jobid=str(count)), tmp_path / str(count))
        epmt(sqlite_site, "submit", "-q", directory)
    peaks = [peak_of(sqlite_site, jobid, tmp_path / "out.csv") for jobid in ("2000", "40000")]
    assert peaks[1] - peaks[0] < 12_000, peaks  # kilobytes; the processes as rows take 60,000


def peak_of(site, jobid, path):
    """Return the largest resident set of an export, in kilobytes."""
    code = (
        "import resource, sys; from epmtlite import command\n"
        "try: command.main(sys.argv[1:])\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    words = [
        sys.executable,
        "-c",
        code,
        "export",
        "procs",
        jobid,
        "-o",
        path,
        "--confFn",
        site.conf_path,
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1])


def test_a_stream_takes_its_texts_in_large_pieces():
    stream = io.BytesIO()
    text = export.TextStream(stream, characters=4)
    text.write("ab")
    assert stream.getvalue() == b""
    text.write("cd\u00fc")
    assert stream.getvalue() == "abcd\u00fc".encode()


def test_a_sum_of_more_than_64_bits_is_missing_in_parquet_and_told(sqlite_site, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    names = ("usertime", "systemtime", "rssmax", "rchar")
    small = record(names=names, threads=[(1, 1, 1, 300)])
    large = record(names=names, threads=[(1, 1, 1, (1 << 63) - 1)] * 3)
    made = (made_job([small], jobid="1"), made_job([large], jobid="2"))
    jobs = [write_job(job, tmp_path / str(number)) for number, job in enumerate(made)]
    epmt(sqlite_site.create(), "submit", *jobs)
    for kind in ("jobs", "procs"):
        path = tmp_path / f"{kind}.parquet"
        done = epmt(sqlite_site, "export", kind, "-o", path)
        assert "do not fit in 64 bits and are missing in the file" in done.stderr
        assert parquet.read_table(path).column("rchar").to_pylist() == [300, None]
        rows = read(epmt(sqlite_site, "export", kind).stdout)
        assert [row["rchar"] for row in rows] == ["300", str(3 * ((1 << 63) - 1))]
