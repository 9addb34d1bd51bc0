"""What EPMT and our commands show about one job, brought into one form and compared.

What the two show differently has a name here, or in the call of assert_same.
"""

import collections
import datetime
import json
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from tests.conftest import Site
from tests.epmtlite.epmt_peer import Peer
from tests.epmtlite.made_jobs import epmt

CYCLES, UNKNOWN = "rdtsc_duration", -1
UNSUMMED = {"num_threads", "starttime"}
STORED_AT = {"created_at", "updated_at"}
EPMT_LEAVES_GENERATION_EMPTY = {"gen"}  # its threads have it, which are compared
EACH_HAS_ITS_NUMBERS = {"id"}
EPMT_CUTS_WHAT_IT_SHOULD_ROUND = {"duration"}  # of jobs
DIFFERENCES = EPMT_LEAVES_GENERATION_EMPTY | EACH_HAS_ITS_NUMBERS
OUR_JOB_KEYS = {"cluster", "zone", "peak_rss", "hosts"}
OUR_PROCESS_KEYS = {"cluster", "peak_rss", "descendants", "exitsignal"}


class View(NamedTuple):
    """What one of the two shows: a job, and its processes by host, number, start and end."""

    job: "dict[str, Any]"
    processes: "dict[tuple[Any, ...], dict[str, Any]]"


def imported_by_peer(peer: Peer, jobid: str, path: object) -> View:
    """Submit a directory or an archive to EPMT; return what it shows."""
    done = peer.run("submit", path)
    assert f"Imported successfully - job: {jobid} " in done.stdout, done.stderr
    assert done.returncode == 0
    return view(**peer.shown(jobid))


def imported_by_ours(site: Site, jobid: str, path: object) -> View:
    """Submit a directory or an archive to our tables; return what our commands show."""
    done = epmt(site, "submit", path)
    assert f"Imported successfully - job: {jobid} " in done.stdout

    def listed(*query: object) -> Any:
        return json.loads(epmt(site, "list", "--format", "json", *query).stdout)

    (job,) = listed("jobs", jobid, "fmt=dict")
    processes = listed("procs", jobid) if job["num_procs"] else []
    ids = [one["id"] for one in processes]
    return view(job, processes, listed("thread_metrics", *ids) if ids else [])


def view(
    job: "dict[str, Any]", processes: "list[dict[str, Any]]", threads: "list[dict[str, Any]]"
) -> View:
    """Return the View of what was shown; parents and threads stand at their processes."""
    keys = {one["id"]: (one["host"], one["pid"], *times(one).values()) for one in processes}
    of_process = collections.defaultdict(list)
    for one in threads:
        of_process[one["process_pk"]].append(one)
    found = {}
    for one in processes:
        found[keys[one["id"]]] = {
            **lasting(one), **times(one),
            "parent": keys.get(one["parent"]), "threads": of_process[one["id"]],
            "duration": round(one["duration"]),  # EPMT has 2033.9999999999998
        }  # fmt: skip
    assert len(found) == len(processes)
    submitted = {"submit": local(job["submit"]), "info_dict": information(job["info_dict"])}
    return View({**lasting(job), **times(job), **submitted}, found)


def lasting(shown: "dict[str, Any]") -> "dict[str, Any]":
    """Return what does not tell when it was stored."""
    return {name: value for name, value in shown.items() if name not in STORED_AT}


def times(shown: "dict[str, Any]") -> "dict[str, datetime.datetime]":
    """Return start and end."""
    return {name: local(shown[name]) for name in ("start", "end")}


def local(text: str) -> datetime.datetime:
    """Return a moment in the job's time zone, without it, as EPMT has them."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=None)


def information(shown: "dict[str, Any]") -> "dict[str, Any]":
    """Return what both note about a job: not how they spell its time zone, and not the metrics
    that are no sums, which EPMT leaves out of the names for version 1."""
    kept = {name: shown[name] for name in ("status", "post_processed", "procs_in_process_table")}
    return {**kept, "metrics": set(shown.get("metric_names", "").split(",")) - UNSUMMED}


def assert_same(
    ours: View, peers: View, job_faults: Collection[str] = (), process_faults: Collection[str] = ()
) -> None:
    """Compare all that EPMT shows with what we show: only what is named differs, and all of it."""
    peers = without_unknown(peers)
    assert job_differences(ours.job, peers.job, job_faults) == []
    assert set(ours.processes) == set(peers.processes)
    found = process_differences(ours, peers)
    assert [one for one in found if one[1] not in process_faults] == []
    assert {one[1] for one in found} == set(process_faults)


def without_unknown(peers: View) -> View:
    """Return EPMT's View without -1 in sums: it adds up what our collector could not know."""
    names = peers.job["info_dict"]["metrics"] - {CYCLES}
    in_job: Counter[str] = Counter()
    found = {}
    for key, one in peers.processes.items():
        unknown = Counter(
            name for thread in one["threads"] for name in names if thread.get(name) == UNKNOWN
        )
        in_job += unknown
        sums = {
            name: one[name] + count if count < one["numtids"] else UNKNOWN
            for name, count in unknown.items()
        }
        found[key] = {**one, **sums}
    return View({**peers.job, **{name: peers.job[name] + in_job[name] for name in in_job}}, found)


def job_differences(
    our: "dict[str, Any]", peer: "dict[str, Any]", faults: Collection[str]
) -> "list[tuple[Any, ...]]":
    """Return (name, our value, EPMT's) of what differs and is not named, or named and the same."""
    assert set(our) - set(peer) == OUR_JOB_KEYS
    assert our["duration"] - peer["duration"] in (0, 1)
    names = set(peer).union(faults) - EPMT_CUTS_WHAT_IT_SHOULD_ROUND
    return [
        (name, our.get(name), peer.get(name))
        for name in names
        if (our.get(name) != peer.get(name)) != (name in faults)
    ]


def process_differences(ours: View, peers: View) -> "list[tuple[Any, ...]]":
    """Return (process, name, our value, EPMT's) of whatever differs."""
    found = []
    for key, peer in peers.processes.items():
        our = ours.processes[key]
        assert set(our) - set(peer) == OUR_PROCESS_KEYS and not peer["info_dict"]
        names = set(peer) - DIFFERENCES - {"threads", "info_dict"}
        pairs = [(name, our.get(name), peer[name]) for name in names]
        pairs += thread_pairs(our, peer)
        found += [(key, *one) for one in pairs if one[1] != one[2]]
    return found


def thread_pairs(
    our: "dict[str, Any]", peer: "dict[str, Any]"
) -> "Iterator[tuple[str, object, object]]":
    """Yield (name, our value, EPMT's) of each thread.

    With the first one EPMT has generation and signal; on PostgreSQL and in version 1 no signal.
    """
    first = {"generation": peer["gen"], "exitsignal": our["exitsignal"], **peer["threads"][0]}
    yield "threads", len(our["threads"]), len(peer["threads"])
    yield "gen", our["gen"], first["generation"]
    yield "exitsignal", our["exitsignal"], first["exitsignal"]
    for thread, of_peer in zip(our["threads"], peer["threads"]):
        for name in set(thread) - {"process_pk"}:
            yield f"thread {name}", thread[name], of_peer.get(name)
