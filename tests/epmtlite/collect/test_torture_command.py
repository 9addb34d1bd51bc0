"""What the torture job cannot try on itself: how the command looks to whoever started it."""

import os
import select
import signal
import subprocess
import sys
import unittest

from epmtlite.collect import metaformat
from tests.epmtlite.collect.site import Site
from tests.epmtlite.collect.test_following import Same, python

FOLLOWED = [sys.executable, "-m", "epmtlite.collect", "run", "-a", "--jobid", "5", "--"]
HANGS_SECONDS = 120
# Its first thread ends before the one that ends the process.
FIRST_THREAD_ENDS = """
import ctypes, os, threading, time
def end():
    while open("/proc/self/task/%d/stat" % os.getpid()).read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.001)
    os._exit(3)
threading.Thread(target=end).start()
ctypes.CDLL(None).pthread_exit(None)
"""
# It waits for an event that never comes, while a child ends, or sends a signal that is ignored.
IGNORED = """
import ctypes, os, select, signal, sys, time
library = ctypes.CDLL(None, use_errno=True)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
poll = select.epoll()
if not os.fork():
    while open("/proc/%d/stat" % os.getppid()).read().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.001)
    {}
    os._exit(0)
found = library.epoll_wait(poll.fileno(), ctypes.create_string_buffer(100), 1, 3000)
print(found, ctypes.get_errno())
"""


class TheCommandLooksAsAlone(Site):
    def begin(self, arguments, **options):
        process = subprocess.Popen(
            [*FOLLOWED, *arguments], env=self.environment(), cwd=str(self.place), **options
        )
        self.addCleanup(process.wait)
        return process

    def test_its_stops_are_seen_by_its_parent(self):
        process = self.begin(["sh", "-c", "kill -STOP $$; kill -STOP $$; exit 4"])
        for _stop in range(2):
            status = os.waitpid(process.pid, os.WUNTRACED)[1]
            self.assertEqual((os.WIFSTOPPED(status), os.WSTOPSIG(status)), (True, signal.SIGSTOP))
            os.kill(process.pid, signal.SIGCONT)
        self.assertEqual(process.wait(), 4)

    def test_a_file_that_it_closes_is_closed(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        text = (
            f"import os, sys; os.write({writing}, b'ready'); os.close({writing});"
            " sys.stdin.readline(); os._exit(5)"
        )
        process = self.begin(
            [sys.executable, "-c", text], pass_fds=[writing], stdin=subprocess.PIPE
        )
        os.close(writing)
        self.assertEqual(os.read(reading, 100), b"ready")
        is_closed = bool(select.select([reading], [], [], HANGS_SECONDS)[0])
        process.communicate(b"go\n")
        self.assertTrue(is_closed, "somebody else holds the file")
        self.assertEqual(process.returncode, 5)

    def test_its_job_is_complete_when_it_has_ended_whichever_thread_was_the_last(self):
        process = self.begin([sys.executable, "-c", FIRST_THREAD_ENDS])
        self.assertEqual(process.wait(), 3)
        metadata = metaformat.loads((self.job("5") / "job_metadata").read_bytes(), "job_metadata")
        self.assertEqual(metadata["job_el_exitcode"], 3)
        (record,) = self.followed("5").records
        self.assertEqual((record.status, record.threads, record.tags), (3, 2, ""))

    def test_one_within_another_runs_and_the_outer_one_records_it(self):
        inner = " ".join(FOLLOWED[1:])
        text = f'"$0" {inner} sh -c "/bin/true; exit 6"; echo $?; exit 7'
        done = self.epmt("run", "-a", "--jobid", "6", "--", "sh", "-c", text, sys.executable)
        self.assertEqual((done.returncode, done.stdout), (7, "6\n"))
        self.assertIn("not recorded: Operation not permitted", done.stderr)
        self.assertEqual(len(self.followed("6").named("true")), 1)
        self.assertEqual(self.followed("5").records, [])
        self.assertEqual(self.value("5", "job_el_exitcode"), "6")


class SignalsThatNobodyHandles(Same):
    """A task that is traced is woken by signals that it ignores, see ptrace(2), BUGS; calls that
    the kernel begins again do not show it, but some, as epoll_wait, end by EINTR."""

    @unittest.expectedFailure
    def test_a_call_goes_on_when_a_child_ends(self):
        self.assert_same(python(IGNORED.format("pass")))

    @unittest.expectedFailure
    def test_a_call_goes_on_when_a_signal_is_ignored(self):
        self.assert_same(python(IGNORED.format("os.kill(os.getppid(), signal.SIGUSR1)")))


if __name__ == "__main__":
    unittest.main()
