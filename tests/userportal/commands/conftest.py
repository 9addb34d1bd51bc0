"""The shell command on the made-up cluster."""

import os

import pytest

from tests.conftest import run_command


@pytest.fixture
def userportal(made_demo, tmp_path):
    """A function that runs `userportal` on the demo, in an empty directory; checks its status."""

    def run(*words, status=0, conf=None, **options):
        environment = {**os.environ, "HPCUSAGE_PORTAL_CONF": str(conf or made_demo.configuration)}
        done = run_command("userportal", *map(str, words), env=environment, cwd=tmp_path, **options)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done

    return run
