"""A job of ten thousand processes, which do all that jobs do: it ends as it would alone, and every
process of it is in the data."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from epmtlite.collect import metaformat
from epmtlite.collect.proc import start_of
from tests.epmtlite.collect.following import Followed
from tests.epmtlite.collect.test_privileges import SYSTEM_PYTHON, copied_tree
from tests.epmtlite.collect.torture import privileges
from tests.epmtlite.collect.torture.job import ENDS_WITH, PARTS, SKIPPED
from tests.epmtlite.collect.torture.ledger import SEEN
from tests.epmtlite.collect.torture.matching import Matching, belongs_to, entries_in, entry_of
from tests.epmtlite.collect.torture.tracers import DEBUGGER_NAME

JOB = Path(__file__).resolve().parent / "torture"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
HANGS_SECONDS = 1800
POLL_SECONDS = 0.01
MOST_TOLD = 20  # of what is missing
MADE = (
    (privileges.PRIVILEGED, "id", 0o4755), (privileges.PRIVILEGED_LAUNCHER, "env", 0o4755),
    (privileges.OF_GROUP, "id", 0o2755), (privileges.CAPABLE, "grep", 0o755),
    (privileges.UNREADABLE, "true", 0o711),
)  # fmt: skip
# struct vfs_cap_data, revision 2: cap_net_raw, permitted and effective.
NET_RAW = bytes.fromhex("0100000200200000" + "0" * 24)
is_root = os.geteuid() == 0


class Ran:
    """The job as it ran, alone or followed."""

    def __init__(self, directory, status, stdout, stderr):
        self.status, self.stderr = status, stderr
        self.parts = {}  # part: its lines
        for line in stdout.splitlines():
            part, _colon, text = line.partition(": ")
            self.parts.setdefault(part, []).append(text)
        self.entries, self.storms = entries_in(directory / "ledger")
        self.daemons = [end_daemon(path) for path in sorted(directory.glob("daemon-*"))]

    def why_skipped(self, part):
        """Return why a part could not run, None if it did."""
        last = self.parts[part][-1]
        return last[len(SKIPPED) :] if last.startswith(SKIPPED) else None


def outputs_of(process):
    """Return what the job writes, stdout and stderr, when it has ended; it is ended if it hangs,
    and so is all of its session."""
    try:
        return process.communicate(timeout=HANGS_SECONDS)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        told = "".join(process.communicate())
        raise AssertionError(f"it hangs, having told: {told}") from error


def status_of(pid):
    """Wait until a process does not want to run; return {name: value} of its status."""
    give_up = time.monotonic() + HANGS_SECONDS
    while True:
        lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        values = {words[0]: words[1] for words in lines if len(words) > 1}
        if values["State:"] != "R" or time.monotonic() > give_up:
            return values
        time.sleep(POLL_SECONDS)


def end_daemon(path):
    """End a daemon that the job has left; return (its state, its tracer, what it told)."""
    _daemon, pid, start = path.name.split("-")
    if start_of(pid) != int(start):
        return "gone", None, path.read_text()
    values = status_of(pid)
    for number in (signal.SIGTERM, signal.SIGCONT):
        os.kill(int(pid), number)
    give_up = time.monotonic() + HANGS_SECONDS
    while start_of(pid) == int(start) and time.monotonic() < give_up:
        time.sleep(POLL_SECONDS)
    return values["State:"], values["TracerPid:"], path.read_text()


class Torture:
    """The job, alone and followed, as one account."""

    python, account, short_programs = sys.executable, None, 10000
    parts = tuple(one.__name__ for one in PARTS)
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.place = Path(tempfile.mkdtemp())
        try:
            cls.prepare()
            cls.alone = cls.run_job("alone")
            cls.followed = cls.run_job(
                "followed", cls.python, "-m", "epmtlite.collect", "run", "-a", "--jobid", "5",
                "--no-trace", DEBUGGER_NAME, "--",
            )  # fmt: skip
            (found,) = (cls.place / "jobs").glob("*/5")
            cls.data = Followed(subprocess.CompletedProcess((), 0), found)
        except BaseException:
            cls.tearDownClass()
            raise
        cls.matching = Matching(cls.followed.entries, cls.data.records)

    @classmethod
    def tearDownClass(cls):
        for path in cls.place.glob("*/daemon-*"):  # if something went wrong before
            end_daemon(path)
        shutil.rmtree(str(cls.place))

    @classmethod
    def prepare(cls):
        """Make what the job needs: the packages, settings, and directories of the account."""
        library = cls.place / "library"
        shutil.copytree(str(JOB), str(library / "torture"))
        copied_tree(library)
        cls.place.chmod(0o755)
        (cls.place / "epmt.ini").write_text(f"[EPMT]\nepmt_output_prefix = {cls.place}/jobs/\n")
        for name in ("alone", "followed", "jobs"):
            (cls.place / name).mkdir()
            if cls.account:
                os.chown(str(cls.place / name), cls.account.pw_uid, cls.account.pw_gid)

    @classmethod
    def run_job(cls, name, *before):
        """Run the job in a directory, with a command before its own; return the Ran."""
        directory = cls.place / name
        (directory / "ledger").touch()
        (directory / "ledger").chmod(0o666)  # for those who give up their privileges
        if is_root:
            make_programs(directory, "root" if cls.account else "nobody")
        process = subprocess.Popen(
            [*before, cls.python, "-m", "torture", str(directory), str(cls.short_programs),
             *cls.parts],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, cwd=str(cls.place), preexec_fn=cls.become_account,
            env={"PATH": PATH, "PYTHONPATH": str(cls.place / "library"),
                 "EPMT_SETTINGS": str(cls.place / "epmt.ini")},
            start_new_session=True,
        )  # fmt: skip
        stdout, stderr = outputs_of(process)
        return Ran(directory, process.returncode, stdout, stderr)

    @classmethod
    def become_account(cls):
        """Become the account, where it is another one."""
        if cls.account:
            os.setgroups([])
            os.setgid(cls.account.pw_gid)
            os.setuid(cls.account.pw_uid)

    def test_it_ends_as_it_would_alone(self):
        for ran in (self.alone, self.followed):
            self.assertEqual((ran.status, ran.stderr), (ENDS_WITH, ""))

    def test_each_part_tells_the_same_and_all_its_processes_are_recorded(self):
        for part in self.parts:
            with self.subTest(part=part):
                self.assertIn(part, self.alone.parts)
                self.assertEqual(self.followed.parts.get(part), self.alone.parts[part])
                self.assert_none_is_missing(part)
                if self.alone.why_skipped(part):
                    self.skipTest(self.alone.why_skipped(part))

    def test_the_command_itself_is_recorded(self):
        self.assert_none_is_missing("job")

    def assert_none_is_missing(self, part):
        missing = [one for one in self.matching.missing if one.part == part]
        if missing:
            lines = map(self.matching.explain, missing[:MOST_TOLD])
            self.fail(f"{len(missing)} are not in the data:\n" + "\n".join(lines))

    def test_nothing_else_is_recorded(self):
        by_pid = {one.pid: one for one in self.data.records}
        more = [
            f"{' '.join(entry_of(one)[1:])}, of session {one.session}"
            for one in self.matching.more
            if not belongs_to(self.followed.storms, one, by_pid)
        ]
        if more:
            self.fail(f"{len(more)} are not noted:\n" + "\n".join(more[:MOST_TOLD]))

    def test_there_are_thousands(self):
        noted = [one for one in self.followed.entries if one.part == "short_programs"]
        self.assertGreaterEqual(len(noted), self.short_programs)
        self.assertGreaterEqual(len(self.data.records), len(self.followed.entries))

    def test_daemons_go_on_as_they_were_and_nobody_follows_them(self):
        self.assertEqual(
            sorted(self.followed.daemons),
            [("S", "0", "its child ended by 19"), ("T", "0", "its child ended by 19")],
        )
        self.assertEqual(sorted(self.alone.daemons), sorted(self.followed.daemons))

    def test_the_job_knows_how_it_ended_and_what_was_not_seen(self):
        (path,) = (self.place / "jobs").glob("*/5/job_metadata")
        metadata = metaformat.loads(path.read_bytes(), path.name)
        self.assertEqual(metadata["job_el_exitcode"], ENDS_WITH)
        states = [entry_of(one).state for one in self.data.records]
        self.assertEqual(
            metadata.get("annotations", {}),
            {f"epmt_{one}": states.count(one) for one in set(states) if one != SEEN},
        )


class AsTheAccountOfTheTests(Torture, unittest.TestCase):
    pass


@unittest.skipUnless(is_root, "only root can become another user")
@unittest.skipUnless(SYSTEM_PYTHON, "there is no Python that every account can run")
class AsAnOrdinaryUser(Torture, unittest.TestCase):
    python, account, short_programs = SYSTEM_PYTHON, pwd.getpwnam("nobody"), 2000


def make_programs(directory, owner):
    """Make the programs that only root can make, some with the privileges of an owner."""
    account = pwd.getpwnam(owner)
    for name, program, mode in MADE:
        path = str(directory / name)
        shutil.copy(shutil.which(program), path)
        is_user, is_group = mode & stat.S_ISUID, mode & stat.S_ISGID
        os.chown(path, account.pw_uid if is_user else 0, account.pw_gid if is_group else 0)
        os.chmod(path, mode)
    capable = str(directory / privileges.CAPABLE)
    try:
        os.setxattr(capable, "security.capability", NET_RAW)
    except OSError:  # the file system knows none; the job says that the program is missing
        os.unlink(capable)


if __name__ == "__main__":
    unittest.main()
