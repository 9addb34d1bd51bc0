"""Whatever a job does, it ends as it would alone, and every process of it is recorded."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path

from tests.epmtlite.collect.following import CHECKOUT, both, command_of, follow

PYTHON = sys.executable


def python(text):
    """Return the command that runs some Python."""
    return [PYTHON, "-c", textwrap.dedent(text)]


class Same(unittest.TestCase):
    """A command and the same command, followed."""

    def assert_same(self, arguments):
        alone, followed = both(arguments)
        self.assertEqual(
            (alone.returncode, alone.stdout, alone.stderr),
            (followed.status, followed.stdout, followed.stderr),
        )
        return followed


class TheCommandIsNotHarmed(Same):
    def test_exit_codes_and_signals_are_its_own(self):
        for text in (
            "exit 0",
            "exit 3",
            "exit 255",
            "kill -9 $$",
            "kill -TERM $$",
            "kill -SEGV $$",
        ):
            self.assert_same(["sh", "-c", text])

    def test_arguments_arrive_unchanged(self):
        words = ["", " ", "a b", "'", '"', "\\", "$HOME", "*", "-n", "--", "\n", "\t", "\u00e9"]
        followed = self.assert_same(
            [PYTHON, "-c", "import sys; print(ascii(sys.argv[1:]))", *words]
        )
        self.assertEqual(len(followed.lines), 1)

    def test_its_environment_and_its_signals_are_those_of_the_caller(self):
        self.assert_same(["sh", "-c", "env | grep -v ^PYTHONPATH= | grep -v ^_="])
        # By its path: Python starts other programs in another way, which ignores some signals.
        self.assert_same([shutil.which("grep"), "-E", "^Sig[^Q]|^Shd", "/proc/self/status"])

    def test_standard_input_reaches_it(self):
        followed = follow(["sh", "-c", "read a; read b; echo $b$a"], input="1\n2\n")
        self.assertEqual(followed.stdout, "21\n")

    def test_it_keeps_its_number_its_group_and_its_parent(self):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        text = "import os; print(os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0))"
        process = subprocess.Popen(
            command_of(directory, [PYTHON, "-c", text]), stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, start_new_session=True,
        )  # fmt: skip
        found = [int(word) for word in process.communicate()[0].split()]
        self.assertEqual(found, [process.pid, os.getpid(), process.pid, process.pid])

    def test_it_has_no_child_that_it_did_not_start(self):
        self.assert_same(python("""
            import os
            try:
                print(os.waitpid(-1, os.WNOHANG))
            except ChildProcessError:
                print("none")
        """))  # fmt: skip

    def test_stops_and_continues_are_seen_by_its_parent(self):
        self.assert_same(python("""
            import os, signal
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                os.kill(os.getpid(), signal.SIGSTOP)
                os.read(reading, 1)  # its end would hide that it went on
                os._exit(4)
            _, status = os.waitpid(child, os.WUNTRACED)
            print(os.WIFSTOPPED(status), os.WSTOPSIG(status))
            os.kill(child, signal.SIGCONT)
            _, status = os.waitpid(child, os.WCONTINUED)
            print(os.WIFCONTINUED(status))
            os.write(writing, b"-")
            print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        """))  # fmt: skip

    def test_handlers_get_their_signals_once(self):
        self.assert_same(python("""
            import os, signal
            seen = []
            signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
            for _ in range(50):
                os.kill(os.getpid(), signal.SIGUSR1)
            print(len(seen))
        """))  # fmt: skip

    def test_job_control_of_a_shell_works(self):
        self.assert_same(["bash", "-c", "set -m; sleep 2 & kill -STOP %1;"
                          ' until [ "$(jobs -s)" ]; do sleep 0.01; done; jobs;'
                          " kill -CONT %1; wait %1; echo $?"])  # fmt: skip

    def test_a_thread_may_start_a_program_in_place_of_all(self):
        followed = self.assert_same(python("""
            import os, threading, time
            for _ in range(5):
                threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
            threading.Thread(target=os.execlp, args=("sh", "sh", "-c", "echo done; exit 6")).start()
            time.sleep(100)
        """))  # fmt: skip
        first, second = followed.records
        self.assertEqual((first.pid, first.generation), (second.pid, 0))
        self.assertEqual((second.generation, second.status), (1, 6))

    def test_killing_the_collector_lets_the_job_go_on(self):
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        text = "read a; i=0; while [ $i -lt 20 ]; do /bin/true; i=$((i+1)); done; exit 9"
        process = subprocess.Popen(
            command_of(directory, ["sh", "-c", text]), stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )  # fmt: skip
        while not tracer_of(process.pid) or is_python(process.pid):
            time.sleep(0.01)
        os.kill(tracer_of(process.pid), signal.SIGKILL)
        process.communicate(b"\n")
        self.assertEqual(process.returncode, 9)

    def test_output_ends_with_the_command_though_more_is_running(self):
        text = (
            "sleep 300 > /dev/null 2>&1 & echo $!;"
            ' until read name < /proc/$!/comm && [ "$name" = sleep ]; do :; done'
        )
        followed = follow(["sh", "-c", text])
        os.kill(int(followed.stdout), signal.SIGKILL)
        self.assertEqual(followed.states(), {"sleep": "running"})


def is_python(process):
    """Tell whether a process has not become its command yet."""
    return "python" in os.readlink(f"/proc/{process}/exe")


def tracer_of(process):
    """Return the number of the tracer of a process, 0 if it has none."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("TracerPid:"):
            return int(line.split()[1])
    return 0


class EveryProcessIsRecorded(Same):
    def test_many_short_ones(self):
        text = "i=0; while [ $i -lt 500 ]; do /bin/true $i; i=$((i+1)); done"
        followed = self.assert_same(["sh", "-c", text])
        self.assertEqual(len(followed.records), 501)
        arguments = [one.arguments for one in followed.named("true")]
        self.assertEqual(arguments, [str(number) for number in range(500)])
        self.assertEqual(len({one.pid for one in followed.records}), 501)

    def test_a_deep_tree(self):
        followed = self.assert_same(python("""
            import os, sys
            depth = 0
            while depth < 60:
                child = os.fork()
                if child:
                    os._exit(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
                depth += 1
            os._exit(5)
        """))  # fmt: skip
        self.assertEqual(len(followed.records), 61)
        parents = {one.pid: one.parent for one in followed.records}
        depth, pid = 0, followed.records[0].pid  # the innermost ends first
        while parents[pid] in parents:
            depth, pid = depth + 1, parents[pid]
        self.assertEqual(depth, 60)
        self.assertEqual({one.status for one in followed.records}, {5})

    def test_threads_each_with_its_own_numbers(self):
        followed = self.assert_same(python("""
            import os, threading, time
            def work(number):
                sum(range(number * 20000))
            threads = [threading.Thread(target=work, args=(number,)) for number in range(200)]
            for one in threads: one.start()
            for one in threads: one.join()  # before the kernel has ended them
            while len(os.listdir("/proc/self/task")) > 1: time.sleep(0.001)
        """))  # fmt: skip
        (record,) = followed.records
        self.assertEqual((record.threads, len(record.metrics)), (201, 201))
        for one in record.metrics:
            self.assertEqual(one["usertime"] + one["systemtime"], one["time_oncpu"] // 1000)
        self.assertGreater(record.total("usertime"), record.total("systemtime"))

    def test_a_daemon_that_left_its_session_and_its_parent(self):
        followed = self.assert_same(python("""
            import os
            reading, writing = os.pipe()
            os.set_inheritable(writing, True)
            if not os.fork():
                os.setsid()
                if not os.fork():
                    os.execlp("sleep", "sleep", "0.2")
                os._exit(0)
            os.close(writing)
            os.wait()
            os.read(reading, 1)  # until the daemon has ended
        """))  # fmt: skip
        (daemon,) = followed.named("sleep")
        self.assertNotEqual(daemon.session, followed.records[-1].session)
        self.assertEqual(daemon.status, 0)
        self.assertGreaterEqual(daemon.end - daemon.start, 200000)

    def test_one_that_is_killed_while_it_works(self):
        followed = self.assert_same(python("""
            import os, signal, time
            child = os.fork()
            if not child:
                while True: pass
            def used():  # seconds of user time, in ticks of a hundredth
                with open("/proc/%d/stat" % child) as file:
                    return int(file.read().rpartition(")")[2].split()[11]) / 100
            while used() < 0.1:
                time.sleep(0.02)
            os.kill(child, signal.SIGKILL)
            print(os.waitpid(child, 0)[1])
        """))  # fmt: skip
        child = followed.records[0]
        self.assertEqual((child.status, child.signal), (0, 9))
        self.assertGreater(child.total("usertime"), 50000)

    def test_programs_in_the_place_of_others_are_generations(self):
        followed = self.assert_same(["sh", "-c", "exec sh -c 'exec env sh -c \"exit 3\"'"])
        self.assertEqual([one.name for one in followed.records].count("env"), 1)
        self.assertEqual([one.generation for one in followed.records], [0, 1, 2, 3])
        self.assertEqual(len({one.pid for one in followed.records}), 1)
        ends = [one.end for one in followed.records[:-1]]
        self.assertEqual(ends, [one.start for one in followed.records[1:]])
        self.assertEqual([one.status for one in followed.records], [0, 0, 0, 3])


class NumbersAreThoseOfTheKernel(unittest.TestCase):
    def test_cpu_time_is_its_own_and_not_that_of_its_children(self):
        text = f"{PYTHON} -c 'sum(range(8000000))'; exit 0"
        followed = follow(["sh", "-c", text])
        child, shell = followed.records
        self.assertGreater(child.total("usertime"), 50000)
        self.assertLess(
            shell.total("usertime") + shell.total("systemtime"),
            child.total("usertime") + child.total("systemtime"),
        )
        for one in (child, shell):
            self.assertEqual(
                one.total("usertime") + one.total("systemtime"), one.total("time_oncpu") // 1000
            )

    def test_time_in_the_kernel_is_told_apart(self):
        # The kernel splits a process's CPU time by sampling: it takes some tenths of a second
        # until the split is sure to be near the truth, of which the user's part is a hundredth.
        copied = follow(["dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=30000"])
        counted = follow([PYTHON, "-c", "sum(range(20000000))"])
        ((copy,), (count,)) = copied.records, counted.records
        self.assertGreater(copy.total("systemtime"), copy.total("usertime"))
        self.assertGreater(count.total("usertime"), count.total("systemtime"))

    def test_what_is_read_and_written(self):
        followed = follow(["dd", "if=/dev/zero", "of=/dev/null", "bs=4096", "count=1000"])
        (record,) = followed.records
        for name in ("rchar", "wchar"):
            self.assertGreaterEqual(record.total(name), 4096000)
            self.assertLess(record.total(name), 4096000 + 100000)
        for name in ("syscr", "syscw"):
            self.assertGreaterEqual(record.total(name), 1000)
            self.assertLess(record.total(name), 1200)

    def test_memory_is_the_peak_of_that_program(self):
        followed = follow([PYTHON, "-c", "x = bytearray(90 << 20); del x"])
        (record,) = followed.records
        self.assertGreater(record.metrics[0]["rssmax"], 90 << 10)
        self.assertLess(record.metrics[0]["rssmax"], 130 << 10)

    def test_following_adds_no_switches_and_no_slices(self):
        # The least of some runs: pages that must come from a disk are switches, too.
        counts = [follow(["sleep", "0.01"]).records[0].total("vol_ctxsw") for _ in range(5)]
        self.assertLess(min(counts), 5)

    def test_times_enclose_the_process(self):
        before = int(time.time() * 1e6)
        followed = follow(["sleep", "0.2"])
        (record,) = followed.records
        self.assertTrue(before <= record.start <= record.end <= int(time.time() * 1e6))
        self.assertGreaterEqual(record.end - record.start, 200000)

    def test_tags_are_those_of_the_environment_at_the_start(self):
        text = "/bin/true; PAPIEX_TAGS='op:2' /bin/true; exit 0"
        followed = follow(["sh", "-c", text], env={"PAPIEX_TAGS": "op:1;x:y"})
        self.assertEqual([one.tags for one in followed.records], ["op:1;x:y", "op:2", "op:1;x:y"])

    def test_odd_texts_stay_in_one_line_and_one_field(self):
        followed = follow([PYTHON, "-c", "pass", "a\tb\nc", b"\xff\xfe", "\u00e9"])
        (record,) = followed.records
        self.assertTrue(record.arguments.endswith("a\\tb\\nc \\xff\\xfe \u00e9"))


class WhatMustNotBeTraced(Same):
    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_strace_works_inside_a_job(self):
        followed = self.assert_same(
            ["sh", "-c", "strace -f -o /dev/null sh -c '/bin/true; exit 5'; echo $?"]
        )
        self.assertEqual(followed.states(), {"strace": "untraced"})

    @unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
    def test_gdb_works_inside_a_job(self):
        followed = self.assert_same(
            ["sh", "-c", "gdb -q -batch -ex run -ex 'print 41+1' /bin/true 2>&1 | grep '^\\$'; :"]
        )
        self.assertEqual(followed.stdout, "$1 = 42\n")
        self.assertEqual(followed.states()["gdb"], "untraced")

    @unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
    def test_gdb_gets_a_process_that_runs(self):
        text = (
            'sleep 300 & until read name < /proc/$!/comm && [ "$name" = sleep ]; do :; done;'
            " gdb -q -batch -p $! -ex 'print 40+2' 2>&1 | grep '^\\$';"
            " kill $!; wait $! 2> /dev/null; echo $?"
        )
        followed = self.assert_same(["sh", "-c", text])
        self.assertEqual(followed.stdout, "$1 = 42\n143\n")
        self.assertEqual(followed.states(), {"gdb": "untraced", "sleep": "untraced"})

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_strace_gets_the_command_itself(self):
        text = (
            "strace -o /dev/null -p $$ 2> /dev/null & n=0;"
            ' until [ $n = 3000 ] || grep -q "^TracerPid:.$!$" /proc/$$/status;'
            " do n=$((n+1)); sleep 0.01; done; kill $!; wait $!; exit 7"
        )
        followed = follow(["sh", "-c", text])
        self.assertEqual(followed.status, 7)
        self.assertEqual(
            followed.states()["dash" if followed.named("dash") else "bash"], "untraced"
        )


if __name__ == "__main__":
    unittest.main()
