"""epmt run: the command ends as it would alone, and its job is complete."""

import os
import shutil
import signal
import subprocess
import sys
import unittest

from tests.epmtlite.collect.site import Site

INTERPRETER = [sys.executable, "-m", "epmtlite.collect"]


class TheCommandRuns(Site):
    def test_with_its_own_arguments_whatever_they_look_like(self):
        for begin in (["run"], ["run", "--"], ["run", "--no-trace", "x*"], ["-v", "run"]):
            done = self.epmt(*begin, "echo", "-n", "-a", "--jobid", "a  b", "$HOME",
                             env={"SLURM_JOB_ID": "5"})  # fmt: skip
            self.assertEqual((done.returncode, done.stdout), (0, "-a --jobid a  b $HOME"))

    def test_with_its_exit_code_and_its_signal(self):
        for auto in ((), ("-a",)):
            for text, status in (("exit 3", 3), ("kill -9 $$", -9), ("exit 255", 255)):
                identity = f"{len(auto)}-{status}"
                done = self.epmt("run", *auto, "--jobid", identity, "sh", "-c", text)
                self.assertEqual((done.returncode, done.stderr), (status, ""))

    def test_without_a_word_of_its_own(self):
        done = self.epmt("run", "-a", "--jobid", "5", "sh", "-c", "echo out; echo err >&2")
        self.assertEqual((done.stdout, done.stderr), ("out\n", "err\n"))

    def test_a_command_that_is_not_there_is_said_as_shells_do(self):
        (self.place / "file").write_text("")
        for name, status in (("nonesuch", 127), ("./file", 126)):
            done = self.epmt("run", "-a", "--jobid", name.strip("./"), name)
            self.assertEqual(done.returncode, status)
            self.assertIn(f"cannot run {name}: ", done.stderr)
            self.assertEqual(self.value(name.strip("./"), "job_el_exitcode"), str(status))

    def test_without_a_job_or_a_command_it_does_not(self):
        for arguments in (("run", "touch", "began"), ("run", "--jobid", "5")):
            done = self.epmt(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertFalse((self.place / "began").exists())

    def test_a_signal_reaches_it(self):
        process = subprocess.Popen(
            [*INTERPRETER, "run", "-a", "--jobid", "5", "sh", "-c",
             "trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done"],
            stdout=subprocess.PIPE, env=self.environment(), universal_newlines=True,
        )  # fmt: skip
        process.stdout.readline()
        process.terminate()
        process.communicate()
        self.assertEqual(process.returncode, 4)
        self.assertEqual(self.value("5", "job_el_exitcode"), "4")

    def test_it_is_that_very_process(self):
        process = subprocess.Popen(
            [*INTERPRETER, "run", "--jobid", "5", "sh", "-c", "echo $$"], stdout=subprocess.PIPE,
            env=self.environment(),
        )  # fmt: skip
        self.assertEqual(int(process.communicate()[0]), process.pid)


class ItsJobIsComplete(Site):
    def test_when_the_command_has_ended(self):
        done = self.epmt("run", "-a", "--jobid", "5", "sh", "-c", "/bin/true; exit 6")
        self.assertEqual(done.returncode, 6)
        host = os.uname().nodename
        files = sorted(path.name.replace(host, "HOST") for path in self.job("5").iterdir())
        self.assertEqual(files, ["HOST-papiex-header.tsv", "HOST-papiex.tsv", "job_metadata"])
        self.assertEqual(self.value("5", "job_el_exitcode"), "6")
        names = [one.name for one in self.followed("5").records]
        self.assertEqual(names[0], "true")

    def test_a_second_whole_job_is_refused_before_it_begins(self):
        self.epmt("run", "-a", "--jobid", "5", "true")
        done = self.epmt("run", "-a", "--jobid", "5", "touch", "began")
        self.assertEqual(done.returncode, 2)
        self.assertIn("already complete", done.stderr)
        self.assertFalse((self.place / "began").exists())

    def test_several_commands_are_parts_of_one_job(self):
        self.epmt("start", "--jobid", "5")
        for number in range(3):
            self.epmt("run", "--jobid", "5", "echo", str(number))
        self.assertEqual(self.epmt("stop", "--jobid", "5").returncode, 0)
        records = self.followed("5").records
        self.assertEqual([one.arguments for one in records], ["0", "1", "2"])

    def test_commands_at_the_same_time_write_whole_lines(self):
        text = "i=0; while [ $i -lt 60 ]; do /bin/true; i=$((i+1)); done"
        processes = [
            subprocess.Popen(
                [*INTERPRETER, "run", "--jobid", "5", "sh", "-c", text], env=self.environment()
            )
            for _number in range(4)
        ]
        self.assertEqual([one.wait() for one in processes], [0] * 4)
        self.assertEqual(len(self.followed("5").records), 4 * 61)

    def test_what_still_runs_is_said(self):
        self.epmt("run", "-a", "--jobid", "5", "sh", "-c",
                  "sleep 300 > /dev/null 2>&1 & echo $! > pid; sleep 0.3")  # fmt: skip
        os.kill(int((self.place / "pid").read_text()), signal.SIGKILL)
        self.assertEqual(self.value("5", "annotations"), "{'epmt_running': 1}")

    def test_events_are_counted_that_the_kernel_lets_us_count(self):
        self.configure(papiex_options="PERF_COUNT_SW_CPU_CLOCK,NO_SUCH_EVENT,COLLATED_TSV")
        self.epmt("run", "--jobid", "5", sys.executable, "-c", "sum(range(5000000))")
        (record,) = self.followed("5").records
        names = set(record.metrics[0])
        self.assertNotIn("NO_SUCH_EVENT", names)
        if "PERF_COUNT_SW_CPU_CLOCK" not in names:
            self.skipTest("the kernel lets nobody count events here")
        counted, known = record.total("PERF_COUNT_SW_CPU_CLOCK"), record.total("time_oncpu")
        self.assertGreater(counted, known / 2)
        self.assertLess(counted, 1100 * (record.end - record.start))  # ns; no more than has passed

    def test_a_dry_run_does_nothing_and_says_what_it_would(self):
        done = self.epmt("run", "-a", "-n", "--jobid", "5", "touch", "a b")
        self.assertEqual(done.stdout, "epmt start\ntouch 'a b'\nepmt stop\n")
        self.assertFalse(self.output.exists())

    def test_a_dry_run_shows_no_control_characters(self):
        done = self.epmt("run", "-n", "--jobid", "5", "echo", "\x1b[31m\u202e")
        self.assertEqual(done.stdout, "echo '\\x1b[31m\\u202e'\n")


class TheJobIsWorthMoreThanItsRecord(Site):
    def test_it_runs_where_nothing_can_be_written(self):
        self.output.write_text("a file")
        done = self.epmt("run", "-a", "--jobid", "5", "sh", "-c", "echo done; exit 5")
        self.assertEqual((done.returncode, done.stdout), (5, "done\n"))
        self.assertIn("nothing of it is recorded", done.stderr)

    def test_it_runs_where_the_settings_are_wrong(self):
        (self.place / "epmt.ini").write_text("no settings")
        done = self.epmt("run", "-n", "--jobid", "5", "echo", "x")
        self.assertEqual(done.returncode, 0)
        self.assertIn("the defaults are used", done.stderr)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_it_runs_where_another_traces_already(self):
        done = self.call(
            ["strace", "-f", "-o", "/dev/null", *INTERPRETER, "run", "-a", "--jobid", "5", "sh",
             "-c", "exit 5"]
        )  # fmt: skip
        self.assertEqual(done.returncode, 5)
        self.assertIn("not recorded: Operation not permitted", done.stderr)
        self.assertEqual(self.value("5", "job_el_exitcode"), "5")
        self.assertIn("not followed", self.value("5", "annotations"))

    def test_one_inside_another_runs_and_the_outer_one_sees_all(self):
        inner = " ".join([*INTERPRETER, "run", "--jobid", "6", "sh", "-c", "'/bin/true; exit 5'"])
        done = self.epmt("run", "-a", "--jobid", "5", "sh", "-c", inner)
        self.assertEqual(done.returncode, 5)
        self.assertIn("true", [one.name for one in self.followed("5").records])


class PapiexIsUsedWhereItIsInstalled(Site):
    def setUp(self):
        super().setUp()
        library = self.place / "papiex" / "lib"
        library.mkdir(parents=True)
        for name in ("libpapiex.so", "libmonitor.so"):
            (library / name).write_text("")
        self.configure(install_prefix=self.place / "papiex", papiex_options="A,COLLATED_TSV")

    def test_its_libraries_come_before_those_of_the_user(self):
        done = self.epmt("run", "-n", "--jobid", "5", "echo", env={"LD_PRELOAD": "mine.so"})
        library = self.place / "papiex" / "lib"
        wanted = f"LD_PRELOAD={library}/libpapiex.so:{library}/libmonitor.so:mine.so echo\n"
        self.assertTrue(done.stdout.endswith(wanted), done.stdout)
        self.assertIn("PAPIEX_OPTIONS=A,COLLATED_TSV ", done.stdout)

    def test_unless_another_collector_is_asked_for(self):
        done = self.epmt("run", "-n", "--collector", "ptrace", "--jobid", "5", "echo")
        self.assertEqual(done.stdout, "echo\n")

    def test_and_asking_for_it_where_it_is_not_is_an_error(self):
        shutil.rmtree(str(self.place / "papiex"))
        done = self.epmt("run", "--collector", "papiex", "--jobid", "5", "echo")
        self.assertEqual((done.returncode, done.stdout), (78, ""))

    def test_options_of_the_machine_and_the_processor_are_added(self):
        host = os.uname().nodename
        self.configure(
            install_prefix=self.place / "papiex", papiex_options="A",
            papiex_options_byhost=f'{{"nowhere": "X", "{host[0]}": "B,A"}}',
            papiex_options_bycpu='{".*": "C"}',
        )  # fmt: skip
        done = self.epmt("run", "-n", "--jobid", "5", "echo")
        self.assertIn("PAPIEX_OPTIONS=A,B,C ", done.stdout)


class TheShellIsFollowed(Site):
    SCRIPT = """
eval "$("$PYTHON" -m epmtlite.collect source)" || exit 9
/bin/echo one > /dev/null
epmt_uninstrument
/bin/echo two > /dev/null
epmt_instrument
/bin/echo three > /dev/null
exit 3
"""

    def run_script(self, shell, script):
        (self.place / "script").write_text(script)
        variables = {"SLURM_JOB_ID": "5", "PYTHON": sys.executable}
        done = self.call([shell, "script"], env=variables)
        self.assertEqual((done.returncode, done.stderr), (3, ""))
        return [one.arguments for one in self.followed("5").named("echo")]

    def test_from_source_on_and_not_when_it_is_let_go_of(self):
        for shell in ("bash", "dash"):
            if shutil.which(shell):
                self.assertEqual(self.run_script(shell, self.SCRIPT), ["one", "three"])
                shutil.rmtree(str(self.output))

    @unittest.skipUnless(shutil.which("tcsh"), "tcsh is not installed")
    def test_of_another_kind(self):
        script = (
            'setenv SHELL /bin/tcsh\neval `"$PYTHON" -m epmtlite.collect source`\n'
            "/bin/echo one > /dev/null\nepmt_uninstrument\n/bin/echo two > /dev/null\nexit 3\n"
        )
        self.assertEqual(self.run_script("tcsh", script), ["one"])

    def test_a_process_that_cannot_be_followed_is_said(self):
        done = self.epmt("attach", "--jobid", "5", str(2**22 + 1))
        self.assertEqual(done.returncode, 77)
        self.assertIn("epmt run", done.stderr)

    def test_a_prolog_of_slurm_is_told_variables_or_nothing(self):
        done = self.epmt("source", "--slurm", "--jobid", "5")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("srun epmt run", done.stderr)


class Checks(Site):
    def test_all_that_is_needed_passes_and_leaves_nothing(self):
        done = self.epmt("check")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("epmt run functionality\tPass", done.stdout)
        self.assertNotIn("\033", done.stdout)
        self.assertEqual([path for path in self.output.rglob("*") if path.is_file()], [])

    def test_each_failure_counts_and_says_what_to_do(self):
        self.configure(
            stage_command_dest="/nowhere", collector="auto", install_prefix="/none",
            papiex_options="COLLATED_TSV,PERF_COUNT_SW_CPU_CLOK",
        )  # fmt: skip
        done = self.epmt("check")
        self.assertEqual((done.returncode, done.stdout.count("\tFail  (")), (78, 3))
        self.assertIn("PERF_COUNT_SW_CPU_CLOK", done.stdout)
        self.assertIn("epmt run functionality\tPass", done.stdout)

    def test_no_control_character_of_a_setting_is_shown(self):
        self.configure(install_prefix="/none\x1b[31m", collector="auto")
        done = self.epmt("check")
        self.assertNotIn("\x1b", done.stdout)
        self.assertIn("settings.install_prefix = /none\\x1b[31m\t", done.stdout)


if __name__ == "__main__":
    unittest.main()
