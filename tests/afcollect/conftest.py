"""What the tests of the collector share."""

import os

import pytest

from tests.afcollect.serving import Server
from tests.conftest import run_command

TOKEN = "the-token-of-the-site"


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    """Keep the secrets and proxies of whoever runs the tests out of them."""
    for name in ("AFMETRICS_TOKEN", "AFMETRICS_SALT", "KUBECONFIG", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server(tmp_path):
    """A TLS server that takes all documents."""
    directory = tmp_path / "server"
    directory.mkdir()
    one = Server(directory).start()
    yield one
    one.stop()


class Machine:
    """A login node: a directory for its state, programs of its own, and the command."""

    def __init__(self, directory, server):
        self.directory, self.server = directory, server
        self.state, self.programs = directory / "state", directory / "programs"
        self.work = directory / "work"
        self.more: tuple = ()  # arguments of all runs
        for one in (self.programs, self.work):
            one.mkdir()

    def program(self, name, text):
        """Put a program first on PATH; text is shell."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, *arguments, **options):
        """Run the command as its own process; return the CompletedProcess."""
        environment = {
            **os.environ, "PATH": f"{self.programs}:/usr/bin:/bin", **options.pop("env", {}),
        }  # fmt: skip
        return run_command(
            "afmetrics_collector",
            *self.more,
            *arguments,
            env=environment,
            cwd=self.work,
            **options,
        )

    def arguments(self):
        """Return the options that lead to the server."""
        return (
            "--url", self.server.url, "--ca-file", self.server.ca_file,
            "--state-dir", self.state, "-c", "MY-AF",
        )  # fmt: skip

    def send(self, *arguments, **options):
        """Run the command with the server as its endpoint; return the CompletedProcess."""
        environment = {"AFMETRICS_TOKEN": TOKEN, **options.pop("env", {})}
        return self.run(*self.arguments(), *arguments, env=environment, **options)


@pytest.fixture
def machine(tmp_path, server):
    """A Machine whose documents go to `server`."""
    return Machine(tmp_path, server)
