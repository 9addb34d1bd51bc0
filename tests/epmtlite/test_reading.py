"""Reading the processes of a job: what is added up, and what nothing real can have."""

import pytest

from epmtlite import parts, reading
from epmtlite.collect import errors
from epmtlite.parts import Lines
from epmtlite.reading import SLACK, Processes
from tests.epmtlite.made_jobs import BEGIN_MICROSECONDS, HOUR, random_records, record


def read(*records, host="n1"):
    """Return the Processes of a job of some records."""
    processes = Processes(BEGIN_MICROSECONDS, BEGIN_MICROSECONDS + HOUR)
    processes.add_file("n1-papiex.tsv", host, records)
    return processes


@pytest.mark.parametrize("rows_per_part", [1, 7, 4096])
@pytest.mark.parametrize("most_bytes", [0, 1 << 20])
def test_parts_and_where_they_wait_change_nothing(monkeypatch, rows_per_part, most_bytes):
    records = random_records(50)
    whole = read(*records)
    monkeypatch.setattr(parts, "ROWS_PER_PART", rows_per_part)
    monkeypatch.setattr("epmtlite.spool.MOST_BYTES_IN_MEMORY", most_bytes)
    parted = read(*records)
    for _twice in range(2):
        assert sum(parted.spool.parts(), []) == sum(whole.spool.parts(), [])
    assert parted.aggregate.proc_sums() == whole.aggregate.proc_sums()
    assert parted.columns == whole.columns and len(parted) == 50
    parted.close()


def test_what_is_added_up():
    processes = read(
        record(pid=2, start=50, exitcode=2),
        record(
            pid=1, start=10, exitcode=7,
            threads=[(1, 2, 3000, 9, 9, 5), (10, 20, 3100, 9, 9, 5)],
        ),
    )  # fmt: skip
    aggregate = processes.aggregate
    assert aggregate.proc_sums() == {
        "num_procs": 2, "num_threads": 3, "usertime": 311, "systemtime": 122, "rssmax": 8148,
        "rdtsc_duration": 19,
    }  # fmt: skip
    assert (aggregate.cpu_time, aggregate.peak_rss, processes.first_status()) == (433, 3100, 7)


def test_what_nobody_knows_is_left_out():
    unknown = [(-1, -1, -1, -1, -1, 9)]
    aggregate = read(record(pid=2), record(pid=3, threads=unknown)).aggregate
    sums = aggregate.proc_sums()
    assert (sums["usertime"], sums["systemtime"], sums["rssmax"]) == (300, 100, 2048)
    assert (aggregate.cpu_time, aggregate.peak_rss) == (400, 2048)
    assert "usertime" not in read(record(threads=unknown)).aggregate.proc_sums()
    assert aggregate.annotations() == {}
    assert read().aggregate.proc_sums() == {"num_procs": 0, "num_threads": 0}


@pytest.mark.parametrize(("values", "cpu_time"), [((-1, 5000), 5000), ((7, -1), 7), ((-1, -1), 0)])
def test_a_cpu_time_of_which_a_part_is_not_known_is_the_rest(values, cpu_time):
    for threads in ([(*values, 1, 1, 1, 1)], [(*values, 1, 1, 1, 1), (-1, -1, 1, 1, 1, 1)]):
        assert read(record(threads=threads)).aggregate.cpu_time == cpu_time


def test_the_host_in_the_data_wins_over_that_of_the_file_name():
    processes = read(record(hostname="n7"), record(hostname=""), host="n1")
    assert processes.hosts == {"n7": 0, "n1": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": 1 << 31},
        {"exitcode": -(1 << 31) - 1},
        {"hostname": "h" * 256},
        {"threads": [((1 << 63) - 1, 1, 1, 1, 1, 1)]},
        {"start": -SLACK - 1},
        {"end": BEGIN_MICROSECONDS + HOUR + SLACK + 1},
        {"start": HOUR, "end": BEGIN_MICROSECONDS + HOUR - 1},
    ],
)
def test_what_nothing_real_has_is_malformed(changes):
    with pytest.raises(errors.MalformedError, match="n1-papiex.tsv: process "):
        read(record(), record(**changes))
    with pytest.raises(errors.MalformedError, match="n1-papiex.tsv, line 4: "):
        read_lines(record(), None, record(), record(**changes), record())


def read_lines(*records):
    """Return the Processes of records of which each has a line; None stands for a blank one."""
    processes = Processes(BEGIN_MICROSECONDS, BEGIN_MICROSECONDS + HOUR)
    lines = Lines(records)
    processes.add_file("n1-papiex.tsv", "n1", filter(None, lines), lines)
    return processes


def test_the_clocks_of_nodes_may_differ_a_little():
    first, last = record(start=-SLACK), record(end=BEGIN_MICROSECONDS + HOUR + SLACK)
    processes = read(first, last)
    assert list(processes.columns.starts) == [first.start, last.start]
    assert list(processes.columns.ends) == [first.end, last.end]


def test_a_cpu_time_is_told_where_the_sum_becomes_impossible(monkeypatch):
    monkeypatch.setattr(reading, "MOST_CPU_TIME", 1000)
    with pytest.raises(
        errors.MalformedError, match="line 3: process 10 has an impossible CPU time of 400"
    ):
        read_lines(*[record()] * 5)


def test_a_job_that_is_only_compared_keeps_no_rows():
    records = random_records(50)
    whole, counted = read(*records), Processes(0, 1 << 60, keeps_rows=False)
    counted.add_file("n1-papiex.tsv", "n1", records)
    assert counted.aggregate.proc_sums() == whole.aggregate.proc_sums()
    assert counted.hosts == whole.hosts and list(counted.spool.parts()) == []


def test_what_is_kept_in_memory_is_limited(monkeypatch):
    monkeypatch.setattr(reading, "MOST_TAGS", 3)
    monkeypatch.setattr(reading, "MOST_HOSTS", 2)
    monkeypatch.setattr(reading, "MOST_METRIC_LISTS", 2)
    monkeypatch.setattr(reading, "MOST_PROCESSES", 5)
    for records in (
        [record(tags=f"op:{number}") for number in range(4)],
        [record(hostname=f"n{number}") for number in range(3)],
        [record(names=(f"m{number}",), threads=[(1,)]) for number in range(3)],
        [record()] * 6,
    ):
        with pytest.raises(errors.MalformedError):
            read(*records)
    assert len(read(*[record(tags="op:1", hostname="n2")] * 5)) == 5


def test_numbers_beyond_64_bits_are_added_up_exactly():
    names = ("rchar",)
    processes = read(*[record(names=names, threads=[((1 << 63) - 1,)])] * 3)
    assert processes.aggregate.proc_sums()["rchar"] == 3 * ((1 << 63) - 1)
