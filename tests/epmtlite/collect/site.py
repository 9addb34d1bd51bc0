"""A scratch place in which the command is used, as a process of its own; the standard library."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.epmtlite.collect.following import CHECKOUT, Followed

SHELL_VARIABLES = ("SLURM_JOB_ID", "SLURM_JOBID", "PBS_JOB_ID", "PBS_JOBID", "SHELL", "LD_PRELOAD")


class Site(unittest.TestCase):
    """Tests of the command with settings and directories of their own."""

    def setUp(self):
        self.place = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, str(self.place), True)
        self.output = self.place / "jobs"
        self.configure()

    def configure(self, **settings):
        """Write the settings."""
        settings.setdefault("epmt_output_prefix", self.output)
        settings.setdefault("stage_command_dest", self.place)
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        (self.place / "epmt.ini").write_text("[EPMT]\n" + lines)

    def environment(self, **variables):
        """Return the environment of a command."""
        kept = {name: value for name, value in os.environ.items() if name not in SHELL_VARIABLES}
        return dict(
            kept, PYTHONPATH=str(CHECKOUT), EPMT_SETTINGS=str(self.place / "epmt.ini"), **variables
        )

    def call(self, arguments, **options):
        """Run a program in the place; return its CompletedProcess."""
        return subprocess.run(
            [str(one) for one in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, cwd=str(self.place),
            env=self.environment(**options.pop("env", {})), **options,
        )  # fmt: skip

    def epmt(self, *arguments, **options):
        """Run epmt; return its CompletedProcess."""
        return self.call([sys.executable, "-m", "epmtlite.collect", *arguments], **options)

    def job(self, identity):
        """Return the directory of a job."""
        (found,) = self.output.glob(f"*/{identity}")
        return found

    def followed(self, identity):
        """Return what was recorded of a job."""
        return Followed(subprocess.CompletedProcess((), 0), self.job(identity))

    def value(self, identity, key):
        """Return a value of a job's metadata, as dump shows it."""
        return self.epmt("dump", "--jobid", identity, "-k", key).stdout.strip()
