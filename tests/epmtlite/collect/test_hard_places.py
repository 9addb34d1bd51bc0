"""Whatever the place is like where it is begun, the command runs once, as it would alone."""

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from collections import Counter
from pathlib import Path
from unittest import mock

from epmtlite.collect import perf, recorder
from tests.epmtlite.collect.following import CHECKOUT, command_of, follow
from tests.epmtlite.collect.site import Site

PYTHON = sys.executable
BECOMES = (
    "import sys; from epmtlite.collect.launch import follow; from epmtlite.collect.run import"
    " become\ntry: follow(sys.argv[1])\nexcept OSError as error: print(error)\n"
    "become(sys.argv[2:], {})"
)
BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
SECONDS = 300  # after which a test has hung


def tracer_of(process):
    """Return the number of the tracer of a process, 0 if it has none."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(text.partition("TracerPid:")[2].split()[0])


def wait_until(is_so):
    """Wait until something is so, or the test has hung."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


class TheCallerHasItsWays(Site):
    @unittest.skipUnless(os.geteuid() == 0, "root alone can be an account without processes")
    def test_no_second_process_may_be_started(self):
        def be_somebody():
            resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))
            os.setuid(54321)

        output = self.place / "output"
        output.touch()
        output.chmod(0o666)
        code = "import os; os.write(1, b'once ')"
        done = subprocess.run(
            ["/usr/bin/python3", "-c", BECOMES, "/", "/usr/bin/python3", "-c", code],
            env={"PYTHONPATH": str(self.readable_tree())}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True, preexec_fn=be_somebody,
        )  # fmt: skip
        self.assertEqual(done.stdout.count("once"), 1, done.stderr)
        self.assertIn("no collector", done.stdout)

    def readable_tree(self):
        """Return a directory with the package that every account can read."""
        tree = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(subprocess.run, ["rm", "-r", str(tree)])
        # What other tests compile meanwhile comes and goes.
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(str(CHECKOUT / "epmtlite"), str(tree / "epmtlite"), ignore=ignored)
        subprocess.run(["chmod", "-R", "a+rX", str(tree)], check=True)
        return tree

    def test_its_children_are_none_of_its_concern(self):
        def ignore():
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        done = self.epmt(
            "run", "-a", "--jobid", "5", "grep", "SigIgn", "/proc/self/status", preexec_fn=ignore
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(int(done.stdout.split()[1], 16) >> signal.SIGCHLD - 1 & 1)
        self.assertEqual(self.value("5", "job_el_exitcode"), "0")
        self.assertEqual(len(self.followed("5").records), 1)

    def test_standard_files_are_closed(self):
        for number in (0, 1, 2):
            code = f"import os\ntry: os.fstat({number})\nexcept OSError: os._exit(7)"
            done = self.epmt(
                "run", "--jobid", str(number), PYTHON, "-c", code,
                preexec_fn=lambda number=number: os.close(number),
            )  # fmt: skip
            self.assertEqual(done.returncode, 7, done.stderr)
            self.assertEqual(len(self.followed(str(number)).records), 1)

    def test_what_the_command_closes_is_closed(self):
        reading, writing = os.pipe()
        command = ["sh", "-c", f"exec {writing}>&-; read line"]
        with subprocess.Popen(
            [PYTHON, "-m", "epmtlite.collect", "run", "--jobid", "5", *command],
            stdin=subprocess.PIPE, pass_fds=[writing], env=self.environment(),
            cwd=str(self.place),
        ) as process:  # fmt: skip
            os.close(writing)
            signal.alarm(SECONDS)
            self.assertEqual(os.read(reading, 1), b"")  # nobody else has it
            signal.alarm(0)
            process.stdin.close()
        os.close(reading)

    def test_orphans_become_its_children(self):
        code = (
            "import ctypes, os, sys\nctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER\n"
            "os.execvp(sys.argv[1], sys.argv[1:])"
        )
        waits = "import os\ntry:\n  while True: os.wait()\nexcept ChildProcessError: print('done')"
        epmt = [PYTHON, "-m", "epmtlite.collect", "run", "--jobid", "5"]
        done = self.call([PYTHON, "-c", code, *epmt, PYTHON, "-c", waits], timeout=SECONDS)
        self.assertEqual((done.returncode, done.stdout), (0, "done\n"))
        self.assertIn("subreaper", done.stderr)

    def test_a_script_without_an_interpreter_and_a_variable_without_a_name(self):
        script = self.place / "script"
        script.write_text("echo $1; exit 4\n")
        script.chmod(0o755)
        done = self.epmt("run", "--jobid", "5", str(script), "word")
        self.assertEqual((done.returncode, done.stdout), (4, "word\n"))
        epmt = [PYTHON, "-m", "epmtlite.collect", "run", "--jobid", "5", "echo", "ran"]
        self.assertEqual(self.call(["env", "=x=1", *epmt]).stdout, "ran\n")


class TheJobIsWhereItShouldNotBe(Site):
    def test_begun_by_a_prolog_it_is_not_completed_by_the_command(self):
        self.epmt("start", "--jobid", "5")
        done = self.epmt("run", "-a", "--jobid", "5", "echo", "ran")
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"))
        self.assertIn("already started", done.stderr)
        self.assertFalse((self.job("5") / "job_metadata").exists())
        self.assertEqual(len(self.followed("5").records), 1)

    def test_stopped_it_takes_no_more_records(self):
        self.epmt("run", "-a", "--jobid", "5", "true")
        done = self.epmt("run", "--jobid", "5", "echo", "ran")
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"))
        self.assertIn("nothing of it is recorded", done.stderr)
        self.assertEqual(len(self.followed("5").records), 1)

    def test_the_command_ends_though_another_is_at_work_on_it(self):
        self.epmt("start", "--jobid", "5")
        descriptor = os.open(str(self.job("5")), os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        done = self.epmt(
            "run", "--jobid", "5", "sh", "-c", "sleep 1000 > /dev/null 2>&1 & echo $!; exit 3"
        )
        self.assertEqual(done.returncode, 3)
        self.addCleanup(os.kill, int(done.stdout), signal.SIGKILL)
        noted = (self.job("5") / "job_metadata.tmp").read_bytes()
        os.close(descriptor)  # soon: who notes what is running waits some seconds for it
        self.assertNotIn(b"epmt_running", noted)
        wait_until(lambda: "epmt_running" in self.value("5", "annotations"))

    def value(self, identity, key):
        """Return a value of the metadata, '' if there is none."""
        return self.epmt("dump", "--jobid", identity, "-k", key).stdout.strip()

    def test_signals_for_all_processes_of_a_job_do_not_end_the_collector(self):
        command = [PYTHON, "-m", "epmtlite.collect", "run", "-a", "--jobid", "5", "cat"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, env=self.environment(), cwd=str(self.place)
        ) as process:
            wait_until(lambda: tracer_of(process.pid))
            collector = tracer_of(process.pid)
            for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGINT):
                os.kill(collector, number)
            process.stdin.close()
        self.assertEqual(self.value("5", "job_el_exitcode"), "0")
        self.assertEqual(len(self.followed("5").records), 1)

    def test_some_room_is_kept_on_the_disk_until_the_collector_ends(self):
        with mock.patch.object(recorder, "CLOSE_SECONDS", 0):
            found = recorder.Recorder(str(self.place))
            room = [path for path in self.place.iterdir() if path.name.startswith(".epmt-room-")]
            self.assertEqual([path.stat().st_size for path in room], [recorder.ROOM_BYTES])
            found.close()
        self.assertFalse(any(path.exists() for path in room))


class TheJobIsWild(unittest.TestCase):
    def test_threads_that_are_born_while_their_process_ends(self):
        text = textwrap.dedent("""
            import _thread, os, sys, time
            def breed():
                while True:
                    try: _thread.start_new_thread(time.sleep, (0.0001,))
                    except RuntimeError: pass
            for _ in range(3): _thread.start_new_thread(breed, ())
            time.sleep(0.02)
            os.execv("/bin/true", ["true"]) if sys.argv[1] == "exec" else os._exit(3)
        """)
        for how, status in (("exec", 0), ("exit", 3)):
            for _again in range(8):
                followed = follow([PYTHON, "-c", text, how])
                self.assertEqual(followed.status, status)
                self.assertEqual(len(followed.lines), 2 if how == "exec" else 1)
                self.assertEqual(followed.states(), {})

    def test_processes_that_end_before_their_parent_goes_on_are_recorded_once(self):
        text = "for j in 1 2 3 4; do (for i in $(seq 150); do (:) & done; wait) & done; wait"
        followed = follow(["sh", "-c", text])
        self.assertEqual(followed.states(), {})
        self.assertEqual(len(followed.lines), 1 + 4 + 600 + 4)  # seq, too
        self.assertEqual(max(Counter((one.pid, one.start) for one in followed.records).values()), 1)

    def test_time_is_of_the_process_though_nobody_waits_for_its_children(self):
        text = (
            "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
            "for _ in range(3):\n  if not os.fork():\n    exec({0!r}); os._exit(0)\nexec({0!r})\n"
            "try: os.wait()\nexcept ChildProcessError: pass\n"
        )
        followed = follow([PYTHON, "-c", text.format(BURN)])
        (root,) = [one for one in followed.records if one.parent == os.getpid()]
        self.assertGreater(root.total("usertime"), 0)

    def test_with_events_it_has_files_left_for_the_rest(self):
        events = [name for name in perf.EVENTS if name.startswith("PERF_COUNT_SW")]
        if len(perf.Counters(events).names) < 4:
            self.skipTest("this kernel counts no events for this account")
        text = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 0.2 & done; wait"
        code = f"follow(sys.argv[1], {events!r})"
        command = [one.replace("follow(sys.argv[1])", code) for one in command_of("X", [])]
        with tempfile.TemporaryDirectory() as place:
            command[command.index("X")] = place
            subprocess.run(
                [*command, "sh", "-c", text], check=True,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)),
            )  # fmt: skip
            (data,) = Path(place).glob("*-papiex.tsv")
            self.assertEqual(len(data.read_text().splitlines()), 17)


class SeveralWriteToOneFile(unittest.TestCase):
    def test_lines_stay_whole_when_the_disk_is_full_meanwhile(self):
        real, room = os.write, [1000]

        def write(descriptor, data):
            part = data[: room[0]]
            room[0] -= len(part)
            if not part:
                raise OSError(28, "No space left on device")
            return real(descriptor, part)

        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, "data")
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            files = [recorder.LineFile(os.open(path, flags, 0o600)) for _ in range(2)]
            with mock.patch.object(os, "write", write):
                for number in range(30):
                    room[0] = min(room[0], 7) if number == 5 else room[0]
                    room[0] = 1000 if number == 20 else room[0]
                    files[number % 2].add(b"line %2d\n" % number)
            for file in files:
                file.close()
            with open(path, "rb") as stream:
                found = stream.read().splitlines()
        self.assertEqual(sorted(found), sorted(b"line %2d" % number for number in range(30)))


if __name__ == "__main__":
    unittest.main()
