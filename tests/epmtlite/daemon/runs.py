"""What the tests of the daemon share: its directories, its settings, and its processes."""

import contextlib
import os
import signal
import subprocess
import sys

from tests.conftest import CHECKOUT, heed_signals, run_command
from tests.epmtlite.made_jobs import archived, made_job, random_records, write_job
from tests.services import wait_until

FEW_RECORDS = 5


class DaemonSite:
    """A Site with a directory of archives, one of failed ones, and settings."""

    def __init__(self, site, directory):
        self.site, self.directory = site, directory
        self.inbox, self.failed = directory / "inbox", directory / "failed"
        self.state = directory / "state"
        for path in (self.inbox, self.failed):
            path.mkdir()
        self.settings_path = directory / "epmt.ini"
        self.write_settings()
        self.environment = {
            **os.environ, "EPMT_SETTINGS": str(self.settings_path),
            "XDG_STATE_HOME": str(self.state),
        }  # fmt: skip
        self.messages_path = directory / "messages"

    def write_settings(self, **settings):
        """Write the settings of epmt."""
        settings = {
            "epmt_output_prefix": f"{self.directory}/out/", "stage_command_dest": self.inbox,
            "ingest_failed_dir": self.failed, **settings,
        }  # fmt: skip
        lines = [f"{name} = {value}\n" for name, value in settings.items()]
        self.settings_path.write_text("".join(["[EPMT]\n", *lines]))

    def words(self, *words):
        """Return the arguments of a call of the daemon."""
        return ["daemon", "--confFn", str(self.site.conf_path), *map(str, words)]

    def epmt(self, *words, status=0, **options):
        """Call `epmt daemon` and check its status."""
        done = run_command("epmt", *self.words(*words), env=self.environment, **options)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done

    def popen(self, *words):
        """Start a daemon in the foreground; its messages are appended to messages_path."""
        with self.messages_path.open("ab") as messages:
            return subprocess.Popen(
                [sys.executable, CHECKOUT / "bin" / "epmt", *self.words("-D", *words)],
                stdin=subprocess.DEVNULL, stdout=messages, stderr=messages,
                env=self.environment, preexec_fn=heed_all_signals,
            )  # fmt: skip

    @contextlib.contextmanager
    def foreground(self, *words):
        """Give the block a daemon that is ready; at the end it is asked to end, if it is there."""
        process = self.popen(*words)
        try:
            wait_until(lambda: process.poll() is not None or self.is_ready(), "the daemon")
            yield process
            if process.poll() is None:
                process.terminate()  # what it has begun it finishes and tells
                process.wait(timeout=120)
        finally:
            process.kill()
            process.wait()

    def is_ready(self):
        """Tell whether a daemon works in rounds."""
        done = run_command("epmt", *self.words(), env=self.environment)
        return done.returncode == 0 and "\nsince " in done.stdout

    def messages(self):
        """Return what daemons in the foreground have printed."""
        return self.messages_path.read_text()

    def put(self, jobid, **how):
        """Put the archive of a small job into the directory, as mv does; return its path."""
        return self.put_file(self.pack(jobid, **how))

    def pack(self, jobid, count=FEW_RECORDS, **changes):
        """Return the archive of a small job, in another directory."""
        job = made_job(random_records(count, seed=int(jobid)), jobid=str(jobid), **changes)
        return archived(write_job(job, self.directory / "jobs" / str(jobid)))

    def put_file(self, path, name=None):
        """Move a file into the directory; return its path there."""
        return path.replace(self.inbox / (name or path.name))

    def put_bad(self, name):
        """Put an archive into the directory that is none; return its path."""
        path = self.directory / name
        path.write_bytes(b"no archive")
        return self.put_file(path)

    def jobs(self):
        """Return the ids of the stored jobs, in order."""
        return sorted(row[0] for row in self.site.rows("SELECT jobid FROM epmt_job"))

    def runs(self):
        """Return (exit code, stored, present, rejected) of each round with work."""
        sql = (
            "SELECT exit_code, usage_run.stored, duplicates, rejected FROM usage_run"
            " WHERE command = 'epmt daemon' ORDER BY run_id"
        )
        return self.site.rows(sql)

    def names(self):
        """Return the names in the directory of archives, in order."""
        return sorted(path.name for path in self.inbox.iterdir())

    def failed_names(self):
        """Return the names in the directory of failed archives, in order."""
        return sorted(path.name for path in self.failed.iterdir())


def heed_all_signals():
    """Let a daemon heed all signals, though nohup may have started the tests."""
    heed_signals()
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
