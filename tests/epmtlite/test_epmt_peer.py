"""EPMT 5.0.1 imports what our collector writes with the figures of our own importer, and we import
what EPMT writes.

Where the two differ the difference has a name: here, and in epmt_views for all jobs.
"""

import datetime
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

from epmtlite.collect import metaformat
from epmtlite.collect.metadata import stop
from epmtlite.collect.settings import Settings
from tests.conftest import drop_database, run_command
from tests.epmtlite.collect.jobs import START, files_v1, metadata
from tests.epmtlite.epmt_peer import Peer, PeerFailed, require_peer
from tests.epmtlite.epmt_views import (
    UNSUMMED,
    assert_same,
    imported_by_ours,
    imported_by_peer,
    job_differences,
    process_differences,
)
from tests.epmtlite.made_jobs import epmt, made_job, random_records, record, sample, write_job
from usagedb.config import DatabaseConfig
from usagedb.database import Database

ZONE = "America/New_York"  # of the machine that collects; EPMT notes local times
KERNEL = "kern-6656-20190614-190245"

ODD_WORDS = (
    "%s|", 'say "hi", a\\b\\,c', "tab\there", "line\nfeed\r\x0b\x0c", "\u00fc \u2028 \x85",
    "{1,2}", "\udcff", "",
)  # fmt: skip
# Threads are joined before the kernel has ended them, and one that ends with its process is lost.
THREADS = (
    "import os, threading\n"
    "for _ in range(4): threading.Thread(target=lambda: sum(range(300000))).start()\n"
    "while len(os.listdir('/proc/self/task')) > 1: os.sched_yield()"
)
COMMANDS = (
    ("op:prepare;op_instance:1", ["sh", "-c", "true; (exit 3); exit 7"]),
    ("op:prepare;op_instance:2", ["sh", "-c", "exec env A=1 sh -c '/bin/true; (exit 3); exit 7'"]),
    ("op:solve", [sys.executable, "-c", THREADS]),
    ("", ["printf", *ODD_WORDS]),
    ("op:end;a:b:c;bare", ["sh", "-c", 'sh -c "sh -c \\"sh -c /bin/true; true\\"; true"; true']),
    ("op:end", ["sh", "-c", 'sh -c "kill -9 \\$\\$"; sleep 30 >/dev/null 2>&1 & true']),
)
EPMT_LEAVES_WRONG_CYCLES_IN_THREADS = "thread rdtsc_duration"
EPMT_TAKES_BACKSLASHES_OUT_OF_VERSION_1 = "args"  # also those of escapes
SAMPLES = (
    ("685000.tgz", "685000", {EPMT_LEAVES_WRONG_CYCLES_IN_THREADS,
                              EPMT_TAKES_BACKSLASHES_OUT_OF_VERSION_1}),
    (f"{KERNEL}.tgz", KERNEL, {EPMT_TAKES_BACKSLASHES_OUT_OF_VERSION_1}),
    ("failed-exitcode.tgz", "failed-exitcode", ()),
    ("collated-tsv-2220.tgz", "2220", ()), ("3455", "3455", ()), ("12340", "12340", ()),
)  # fmt: skip
STEPS = (
    ("epmt", "epmt", "epmt"), ("ours", "epmt", "epmt"), ("epmt", "ours", "epmt"),
    ("epmt", "epmt", "ours"),
)  # fmt: skip


class Collected(NamedTuple):
    """A job of COMMANDS, as its directory and as the archive of stage."""

    directory: Path
    archive: Path


@pytest.fixture(name="installation", scope="module")
def epmt_installation():
    return require_peer()


@pytest.fixture(name="peer")
def peer_with_empty_database(installation, tmp_path):
    return Peer(installation, tmp_path / "peer")


@pytest.fixture(name="postgresql_peer")
def peer_on_postgresql(installation, postgresql, tmp_path):
    """There it takes the times of processes for those of the machine that imports."""
    name = f"peer_{os.getpid()}"
    config = DatabaseConfig(
        "postgresql", name, "test", ("127.0.0.1",), postgresql.port, user="postgres"
    )
    root = Database(config.replaced(select_database=False))
    root.run_ddl(f"CREATE DATABASE {name}")
    root.close()
    url = f"postgresql://postgres@127.0.0.1:{postgresql.port}/{name}"
    yield Peer(installation, tmp_path / "peer", url, {"TZ": ZONE})
    drop_database(config)


@pytest.fixture(name="ours")
def our_commands(tmp_path, monkeypatch):
    """A function that runs our epmt with settings of the test, and returns what it prints."""
    monkeypatch.setenv("EPMT_SETTINGS", write_settings(tmp_path, tmp_path / "jobs"))
    return lambda *words, **options: said(run_command("epmt", *words, **options))


@pytest.fixture(name="both")
def both_importers(sqlite_site, installation, tmp_path, monkeypatch):
    """A function that submits a path to an empty database of each, and returns two Views."""
    count = iter(range(9))

    def submit(path, jobid):
        zone = "US/Eastern" if jobid == "685000" else "Asia/Kolkata"
        monkeypatch.setenv("EPMT_TZ", zone)
        peer = Peer(installation, tmp_path / f"peer{next(count)}", environment={"EPMT_TZ": zone})
        found = imported_by_ours(sqlite_site, jobid, path), imported_by_peer(peer, jobid, path)
        epmt(sqlite_site, "delete", jobid)
        return found

    return submit


@pytest.fixture(name="collected", scope="module")
def job_that_our_collector_wrote(tmp_path_factory):
    place = tmp_path_factory.mktemp("collected")
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "LANG": "C.UTF-8", "TZ": ZONE, "EPMT_SETTINGS": write_settings(place, place / "jobs"),
        "SLURM_JOB_ID": "4711", "SLURM_JOB_NAME": "run", "LS_COLORS": "none",
        "EPMT_JOB_TAGS": "exp_name:ocean;exp_component:ice",
    }  # fmt: skip
    said(run_command("epmt", "start", "--pickle", env=environment))
    for tags, words in COMMANDS:
        tagged = {**environment, "PAPIEX_TAGS": tags}
        run_command("epmt", "run", "--", *words, env=tagged, text=False)
    said(run_command("epmt", "stop", "--pickle", env={**environment, "ADDED": "1"}))
    (directory,) = place.glob("jobs/*/4711")
    kept = shutil.copytree(directory, place / "kept" / "4711")
    archive = said(run_command("epmt", "stage", "--pickle", env=environment)).strip()
    assert archive and not directory.exists()
    return Collected(kept, Path(archive))


def write_settings(place, output):
    """Write our settings; return their path as a text."""
    lines = ["[EPMT]", f"epmt_output_prefix = {output}/", f"stage_command_dest = {place}"]
    (place / "epmt.ini").write_text("\n".join(lines) + "\n")
    return str(place / "epmt.ini")


def said(done):
    """Return the output of a command that must succeed."""
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def named(shown, name):
    """Return the processes of a program in the order of their start."""
    found = [one for one in shown.processes.values() if one["exename"] == name]
    return sorted(found, key=lambda one: one["start"])


def test_epmt_imports_what_our_collector_writes(site, peer, collected):
    ours = imported_by_ours(site.create(), "4711", collected.directory)
    peers = imported_by_peer(peer, "4711", collected.directory)
    assert_same(ours, peers)
    for shown in ours, peers:
        job = shown.job
        assert (job["exitcode"], job["jobname"]) == (7, "run")
        assert job["tags"] == {"exp_name": "ocean", "exp_component": "ice"}
        assert job["env_changes_dict"] == {"ADDED": "1"} and "LS_COLORS" not in job["env_dict"]
        assert {"op": "end", "bare": "1"} in job["all_proc_tags"]
        assert job["num_procs"] == len(shown.processes) > 10
        assert job["num_threads"] == job["num_procs"] + 4
        assert any(one["threads"][0]["generation"] == 2 for one in peers.processes.values())
        (odd,) = named(shown, "printf")
        assert odd["args"].startswith(r'%s| say "hi", a\b\,c tab\there line\nfeed')
        (killed,) = [one for one in shown.processes.values() if one["args"] == "-c kill -9 $$"]
        assert killed["depth"] == 1
        assert max(one["depth"] for one in shown.processes.values()) >= 3
        states = [one["tags"].get("epmt_state") for one in shown.processes.values()]
        assert [one for one in states if one] == ["running"]


def test_the_directory_and_the_archive_are_the_same_job(sqlite_site, installation, tmp_path,
                                                        collected):  # fmt: skip
    found = []
    for number, path in enumerate(collected):
        peer = Peer(installation, tmp_path / f"peer{number}")
        ours = imported_by_ours(sqlite_site, "4711", path)
        found.append((ours, imported_by_peer(peer, "4711", path)))
        assert_same(*found[-1])
        epmt(sqlite_site, "delete", "4711")
    for of_directory, of_archive in zip(*found):
        assert of_directory.job == of_archive.job
        assert set(of_directory.processes) == set(of_archive.processes)
    assert said(run_command("epmt", "dump", collected.archive)) == said(
        peer.run("dump", collected.archive))  # fmt: skip


def test_a_job_of_two_hosts_differs_only_where_epmt_takes_a_parent_of_another_host(
    sqlite_site, peer, ours, tmp_path
):
    records = [one._replace(args="-x") for one in random_records(200)]
    directory = write_job(made_job(records), tmp_path / "100")
    archive = ours("stage", "--pickle", directory).strip()
    our = imported_by_ours(sqlite_site, "100", archive)
    peers = imported_by_peer(peer, "100", archive)
    assert_same(our, peers, process_faults={"parent", "depth", "inclusive_cpu_time"})
    differing = 0
    for key, one in peers.processes.items():
        if one["parent"] != our.processes[key]["parent"]:
            differing += 1
            assert one["parent"][0] != one["host"] and our.processes[key]["parent"] is None
    assert differing > 0


def test_an_argument_that_begins_with_a_quotation_mark_is_misread_by_epmt(
    sqlite_site, peer, ours, tmp_path
):
    """It reads TSV as CSV with quotes: the mark goes, or takes all rows up to the next one."""
    words = ('"a b" c', "plain", '"open', "swallowed")
    records = [record(pid=10 + number, args=one) for number, one in enumerate(words)]
    directory = write_job(made_job(records), tmp_path / "100")
    archive = ours("stage", "--pickle", directory).strip()
    our = imported_by_ours(sqlite_site, "100", archive)
    peers = imported_by_peer(peer, "100", archive)
    assert [one["args"] for one in our.processes.values()] == list(words)
    read = {one["pid"]: one["args"] for one in peers.processes.values()}
    assert set(read) == {10, 11, 12} and (read[10], read[11]) == ("a b c", "plain")
    assert read[12].startswith("open\n{") and read[12].endswith("swallowed\n")


def test_epmt_imports_into_postgresql_what_our_collector_writes(
    postgresql_peer, sqlite_site, tmp_path, collected
):
    """Its faults there: it sums two metrics that are no sums, and leaves out the user and the exit
    code of the first process."""
    plain = shutil.copytree(collected.directory, tmp_path / "4711")
    (data,) = plain.glob("*-papiex.tsv")
    data.write_bytes(data.read_text().encode("ascii", "ignore").replace(b"%s", b""))
    peers = imported_by_peer(postgresql_peer, "4711", plain)
    ours = imported_by_ours(sqlite_site, "4711", plain)
    assert_same(ours, peers, {"num_threads", "starttime", "exitcode"}, {*UNSUMMED, "user"})


def test_texts_are_spoilt_by_epmt_on_postgresql(postgresql_peer, ours, tmp_path):
    """It doubles percent signs, and has no job with a text that Latin-1 has not."""
    for jobid, text in (("1", "100% \u00fc"), ("2", "\u0142")):
        directory = write_job(made_job([record(args=text)], jobid), tmp_path / jobid)
        said(postgresql_peer.run("submit", ours("stage", "--pickle", directory).strip()))
    (process,) = postgresql_peer.shown("1")["processes"]
    assert process["args"].startswith("100%% \ufffd")
    with pytest.raises(PeerFailed, match="latin-1"):
        postgresql_peer.shown("2")


@pytest.mark.parametrize("steps", STEPS, ids="-".join)
@pytest.mark.parametrize("is_collected", [False, True], ids=["empty", "collected"])
def test_a_job_may_be_started_stopped_and_staged_by_either(
    sqlite_site, peer, ours, tmp_path, monkeypatch, steps, is_collected
):
    for variable, value in (("SLURM_JOB_ID", "77"), ("EPMT_JOB_TAGS", "a:b"), ("TZ", ZONE)):
        monkeypatch.setenv(variable, value)
        peer.environment[variable] = value
    write_settings(tmp_path, peer.place / "jobs")
    start, stop, stage = steps

    def step(who, word):
        return said(peer.run(word)) if who == "epmt" else ours(word, "--pickle")

    step(start, "start")
    assert ours("dump", "-k", "job_pl_id").strip() == "77"
    said(peer.run("annotate", "first=1"))
    ours("annotate", "second=text")
    if is_collected:
        ours("run", "--", "sh", "-c", "/bin/true; (exit 3); true")
    step(stop, "stop")
    archive = peer.place / step(stage, "stage").strip()
    assert ours("dump", archive) == said(peer.run("dump", archive))
    peers = imported_by_peer(peer, "77", archive)
    our = imported_by_ours(sqlite_site, "77", archive)
    assert_same(our, peers)
    assert our.job["annotations"] == {"first": 1, "second": "text", "EPMT_JOB_TAGS": "a:b"}
    assert (our.job["num_procs"] > 1) == is_collected


def job_of_version_1(place, arguments="-c a"):
    """Write a job of two processes; return its directory."""
    directory = place / "77"
    directory.mkdir()
    for name, content in files_v1(job_pl_start_ts=START.replace(microsecond=0)).items():
        path = directory / name.replace("collated-papiex-77-0", "papiex-10-0")
        path.write_bytes(content.replace(b",-c a,", b"," + arguments.encode() + b","))
    return directory


def test_rows_of_version_1_that_we_staged_are_imported_by_epmt(both, ours, tmp_path):
    our, peers = both(ours("stage", "--pickle", job_of_version_1(tmp_path)).strip(), "77")
    assert_same(our, peers)
    assert (peers.job["num_procs"], peers.job["num_threads"], peers.job["usertime"]) == (2, 3, 15)


def test_tags_that_were_annotated_later_are_the_tags_of_the_job_to_both(both, ours, tmp_path):
    archive = ours("stage", "--pickle", job_of_version_1(tmp_path)).strip()
    ours("annotate", archive, "EPMT_JOB_TAGS=exp:two;5")
    our, peers = both(archive, "77")
    assert_same(our, peers)
    assert our.job["tags"] == {"exp": "two", "5": "1"}


def test_rows_that_were_joined_at_two_times_are_one_job_to_both(both, ours, tmp_path):
    directory = job_of_version_1(tmp_path)
    (rows,) = directory.glob("*.csv")
    text = rows.read_text().replace(",10,", ",20,").replace(",11,", ",21,")
    (directory / "n1-collated-papiex-77-0.csv").write_text(text)
    our, peers = both(ours("stage", "--pickle", directory).strip(), "77")
    assert_same(our, peers)
    assert our.job["num_procs"] == 4


def test_a_job_whose_clock_was_set_back_is_imported_by_both(both, ours, tmp_path):
    """EPMT takes no process that ends after its job."""
    early = START + datetime.timedelta(seconds=1)
    directory = job_of_version_1(tmp_path)
    begun = metadata(job_pl_start_ts=early, job_pl_submit_ts=early)
    begun = {key: value for key, value in begun.items() if not key.startswith("job_el")}
    (directory / "job_metadata").unlink()
    (directory / "job_metadata.tmp").write_bytes(metaformat.dumps(begun, as_pickle=True))
    with mock.patch("epmtlite.collect.metadata.now", lambda: START):
        assert stop(str(directory), Settings())
    our, peers = both(ours("stage", "--pickle", directory).strip(), "77")
    assert_same(our, peers)
    assert our.job["num_procs"] == 2


@pytest.mark.parametrize(("name", "jobid", "faults"), SAMPLES, ids=[one[1] for one in SAMPLES])
def test_a_real_job_is_the_same_to_both(both, name, jobid, faults):
    ours, peers = both(sample(name), jobid)
    assert_same(ours, peers, process_faults=faults)
    assert len(peers.processes) == peers.job["num_procs"] > 0
    for key, one in peers.processes.items():
        assert one["args"].replace("\\", "") == ours.processes[key]["args"].replace("\\", "")


def test_a_damaged_job_is_rejected_by_both(sqlite_site, peer, monkeypatch):
    monkeypatch.setenv("EPMT_TZ", "Asia/Kolkata")
    path = sample("corrupted-csv.tgz")
    assert peer.run("submit", path, env={"EPMT_TZ": "Asia/Kolkata"}).returncode == 1
    epmt(sqlite_site, "submit", path, status=65)


def test_what_we_convert_has_the_sums_of_version_1_in_epmt(both, peer, ours, tmp_path):
    converted = tmp_path / "685000.tgz"
    ours("convert", sample("685000.tgz"), converted)
    before = imported_by_peer(peer, "685000", sample("685000.tgz"))
    our, after = both(converted, "685000")
    assert_same(our, after, process_faults={EPMT_LEAVES_WRONG_CYCLES_IN_THREADS})
    assert before.job == after.job
    assert set(before.processes) == set(after.processes)


def test_what_epmt_converts_has_the_sums_of_version_1_in_both(both, peer, tmp_path):
    converted = tmp_path / "685000.tgz"
    said(peer.run("convert", sample("685000.tgz"), converted))
    ours, peers = both(converted, "685000")
    assert job_differences(ours.job, peers.job, ()) == []
    names = {one[1] for one in process_differences(ours, peers)}
    assert names <= {EPMT_LEAVES_WRONG_CYCLES_IN_THREADS}


def test_arguments_that_epmt_converted_are_what_they_were(both, peer, ours, tmp_path):
    archive = ours("stage", "--pickle", job_of_version_1(tmp_path, 'say "a b"')).strip()
    converted = tmp_path / "converted" / "77.tgz"
    converted.parent.mkdir()
    said(peer.run("convert", archive, converted))  # it needs the second name
    our, peers = both(converted, "77")
    assert [one["args"] for one in named(peers, "sh")] == ['say "a b"']
    assert_same(our, peers)
