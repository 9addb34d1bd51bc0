"""Measure the collector of AF metrics: what a run costs, and how fast many documents are sent."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import measure
from tests.bench.results import Results
from tests.bench.setting import REPOSITORY, Setting, tool

DEBUG_CPU_LIMIT, POST_CPU_LIMIT, MEGABYTES_LIMIT = 0.15, 0.25, 40
TARGET_RATIO = 10
PEER_DOCUMENTS = 300
SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
CONDOR_Q = """#!/bin/sh
exec awk 'BEGIN {{ for (i = 0; i < {count}; i++) printf "user%d %d.0 177 2 \\n", i % 300, i }}'
"""


def document(number: int) -> dict[str, Any]:
    """Return the document of a job as it is sent, without the token."""
    return {
        "kind": "condorjob", "cluster": "UC-AF", "users": f"user{number % 300}",
        "Id": f"{number}.0", "Runtime": 177, "state": "running",
    }  # fmt: skip


def run(setting: Setting, results: Results, jobs: int, repeats: int) -> None:
    """Measure all; show and judge."""
    with serving(setting.directory) as (url, ca_file):
        _one_run(setting, results, url, ca_file, repeats)
        _many_jobs(setting, results, url, ca_file, jobs)


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[tuple[str, Path]]:
    """Give the URL of a TLS server in a process of its own, and a file of authorities.

    The file holds its authority and all those of the system, as on a site: each new connection of
    today's collector reads them.
    """
    place = directory / "af-server"
    place.mkdir()
    command = [sys.executable, "-m", "tests.afcollect.serving", str(place)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdin
        port = int(process.stdout.readline())
        ca_file = place / "authorities.pem"
        system = SYSTEM_AUTHORITIES.read_text() if SYSTEM_AUTHORITIES.exists() else ""
        ca_file.write_text((place / "ca.pem").read_text() + system)
        yield f"https://127.0.0.1:{port}/", ca_file
        process.stdin.close()


def collector(setting: Setting, url: str, ca_file: Path, *arguments: str) -> list[str]:
    """Return the command with the server as its endpoint."""
    state = setting.directory / "af-state"
    return tool(
        "afmetrics_collector", "--state-dir", str(state), "--url", url, "--ca-file", str(ca_file),
        "-t", "x", *arguments,
    )  # fmt: skip


def _one_run(setting: Setting, results: Results, url: str, ca_file: Path, repeats: int) -> None:
    rows = []
    for name, arguments, cpu_limit in (
        ("-d -s --host", ("-d", "-s", "--host"), DEBUG_CPU_LIMIT),
        ("-s --host, posted over TLS", ("-s", "--host"), POST_CPU_LIMIT),
    ):
        environment = {**setting.environment, "PWD": str(setting.directory)}
        here = ["env", "-C", str(setting.directory)]
        command = [*here, *collector(setting, url, ca_file, *arguments)]
        summary = measure.repeat(command, max(repeats, 3), environment)
        megabytes = measure.peak_megabytes_of(command, environment)
        rows.append((name, f"{summary.cpu_seconds:.3f}", f"{megabytes:.0f}"))
        results.at_most(f"CPU s of a run, {name}", summary.cpu_seconds, cpu_limit)
        results.at_most(f"peak MB of a run, {name}", megabytes, MEGABYTES_LIMIT)
    results.show("A run of the collector", ("options", "median CPU s", "peak MB"), rows)


def _many_jobs(setting: Setting, results: Results, url: str, ca_file: Path, jobs: int) -> None:
    programs = setting.directory / "af-programs"
    programs.mkdir()
    for name, text in (
        ("condor_q", CONDOR_Q.format(count=jobs)), ("condor_history", "#!/bin/sh\ntrue\n"),
    ):  # fmt: skip
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = {**setting.environment, "PATH": f"{programs}:{os.environ['PATH']}"}
    batch = ("-b", "--batch-system", "condor")
    peer = [sys.executable, "-m", "tests.bench.af_peer", url, str(ca_file)]
    peer_environment = {**environment, "PYTHONPATH": str(REPOSITORY)}
    none = measure.run_once([*peer, "0"], peer_environment).wall_seconds
    some = measure.run_once([*peer, str(PEER_DOCUMENTS)], peer_environment).wall_seconds
    rates = {"a new connection for each": PEER_DOCUMENTS / (some - none)}
    for name, more in (
        ("ours", ()),
        ("ours, --batch-posts ndjson", ("--batch-posts", "ndjson")),
    ):
        command = collector(setting, url, ca_file, *batch, *more)
        rates[name] = jobs / measure.run_once(command, environment).wall_seconds
    rows = [(name, f"{rate:,.0f}") for name, rate in rates.items()]
    results.show(f"Sending {jobs:,} jobs over TLS", ("sender", "documents/s"), rows)
    ratio = rates["ours"] / rates["a new connection for each"]
    results.at_least("times faster than a connection for each document", ratio, TARGET_RATIO)
