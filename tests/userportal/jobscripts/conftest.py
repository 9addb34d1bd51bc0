"""A spool directory, a portal, and the collector between them, as a process or in this one."""

import contextlib
import dataclasses
import os
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, heed_signals
from tests.userportal.jobscripts.serving import TOKEN, Server
from userportal.jobscripts.collector import Collector
from userportal.jobscripts.portal import Portal
from userportal.jobscripts.settings import read_settings
from userportal.jobscripts.state import State

# The command alone, without the portal's other ones.
PROGRAM = (
    f"import sys; sys.path.insert(0, {str(CHECKOUT)!r});"
    " from usagedb import cli; from userportal.jobscripts.command import jobscripts;"
    " cli.run(jobscripts)"
)


class Machine:
    """The machine of slurmctld: a spool, an INI file, and what runs there."""

    def __init__(self, directory, server):
        self.directory, self.server = directory, server
        self.spool, self.state = directory / "spool", directory / "state"
        self.spool.mkdir()
        self.ini = directory / "jobscripts.ini"
        self.write_ini()

    def write_ini(self, api="", **changed):
        """Write the INI file; api: more lines of [api]."""
        values = {"host": self.server.host, "token": TOKEN, "ca_file": self.server.ca_file,
                  "script_length": 1000, "interval_seconds": 0.05, "kept_megabytes": 500,
                  **changed}  # fmt: skip
        self.ini.write_text(
            f"[api]\nhost = {values['host']}\ntoken = {values['token']}\n"
            f"ca_file = {values['ca_file']}\nscript_length = {values['script_length']}\n{api}\n"
            f"[slurm]\nspool = {self.spool}\nslurmd_spool = {self.directory}/slurmd\n"
            f"[collector]\nstate = {self.state}\ninterval_seconds = {values['interval_seconds']}\n"
            f"kept_megabytes = {values['kept_megabytes']}\n"
        )
        self.ini.chmod(0o600)

    def job_directory(self, job_id, is_old=False):
        """Return where slurmctld has the files of a job."""
        parent = self.spool if is_old else self.spool / f"hash.{job_id % 10}"
        return parent / f"job.{job_id}"

    def submit(self, job_id, script="#!/bin/sh\nsrun ./model\n", is_old=False):
        """Write a job's script as slurmctld does, with a NUL at its end."""
        directory = self.job_directory(job_id, is_old)
        directory.mkdir(parents=True, exist_ok=True)
        raw = script if isinstance(script, bytes) else script.encode() + b"\0"
        (directory / "script").write_bytes(raw)
        return directory / "script"

    def end(self, job_id):
        """Remove a job's files as slurmctld does."""
        directory = self.job_directory(job_id)
        (directory / "script").unlink()
        directory.rmdir()

    @contextlib.contextmanager
    def collector(self):
        """Give the block a Collector in this process, whose rounds send all that they can."""
        settings = dataclasses.replace(read_settings(self.ini), interval_seconds=30.0)
        state, portal = State(settings.state, settings.kept_megabytes * 1_000_000), None
        try:
            portal = Portal(settings)
            yield Collector(settings, state, portal)
        finally:
            state.close()
            if portal:
                portal.close()

    def start(self, *options):
        """Start the collector as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--config", str(self.ini), *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=heed_signals,
        )  # fmt: skip

    def run(self, *options, **more):
        """Run the command to its end; return the CompletedProcess."""
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, "--config", str(self.ini), *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **more,
        )  # fmt: skip


@pytest.fixture
def server(tmp_path):
    """The portal's end."""
    started = Server(tmp_path).start()
    yield started
    started.hold.set()
    started.stop()


@pytest.fixture
def machine(tmp_path, server, monkeypatch):
    """The machine of slurmctld, with an empty spool."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return Machine(tmp_path, server)
