"""The command line: options, statuses, messages, signals and closed pipes."""

import io
import os
import re
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

from epmtlite.collect import cli, console, errors
from epmtlite.collect.settings import DEFAULTS
from epmtlite.collect.version import VERSION
from tests.epmtlite.collect.jobs import CHECKOUT, JobTest, files_v2


class Shape(JobTest):
    def test_the_version_is_that_of_the_suite(self):
        self.assertEqual(self.epmt("-V"), (0, f"EPMT {VERSION}\n", ""))
        self.assertEqual(self.epmt("--version")[1], f"EPMT {VERSION}\n")
        suite = (CHECKOUT / "usagedb" / "__init__.py").read_text()
        self.assertEqual(re.search('__version__ = "(.*)"', suite).group(1), VERSION)

    def test_without_arguments_the_help_is_printed(self):
        status, out, err = self.epmt()
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(self.epmt("-h"), (0, out, ""))
        self.assertEqual(self.epmt("help"), (0, out, ""))
        for command in ("start", "stop", "run", "source", "annotate", "dump", "stage", "concat",
                        "convert", "check", "help"):  # fmt: skip
            self.assertIn(f"\n    {command} ", out)
            status, text, err = self.epmt("help", command)
            self.assertEqual((status, err), (0, ""))
            self.assertEqual(self.epmt(command, "-h"), (0, text, ""))
            self.assertIn(f"epmt {command}", text)

    def test_the_help_ends_with_the_configuration(self):
        url = "postgresql://me:s3cret@host/EPMT"
        os.environ["EPMT_DB_URL"] = url
        self.write_settings(stage_command="cp -p")
        lines = self.epmt("-h")[1].splitlines()
        self.assertIn("configuration (./epmt.ini):", lines)
        self.assertIn("stage_command:cp -p", lines)
        self.assertIn("db_params:{'url': 'postgresql://me:***@host/EPMT'}", lines)
        self.assertIn("EPMT_DB_URL:postgresql://me:***@host/EPMT", lines)
        begin = lines.index("configuration (./epmt.ini):") + 1
        shown = [line.partition(":")[0] for line in lines[begin : begin + len(DEFAULTS)]]
        self.assertEqual(shown, sorted(DEFAULTS))
        self.assertNotIn("s3cret", "\n".join(lines))

    def test_the_help_is_printed_with_broken_settings_too(self):
        self.write("epmt.ini", "nonsense")
        status, out, _err = self.epmt("-h")
        self.assertEqual(status, 0)
        self.assertIn("stage_command:mv", out)
        self.assertEqual(self.epmt("start", "--jobid", "7")[0], 78)

    def test_bad_usage_is_one_line_and_status_2(self):
        for arguments in (
            ("nonsense",), ("-x",), ("start", "-x"), ("concat",), ("convert",), ("start",),
            ("start", "--jobid", "a/b"), ("dump", "--jobid"), ("run",), ("run", "-x", "true"),
            ("run", "--jobid"), ("help", "nonsense"),
        ):  # fmt: skip
            status, out, err = self.epmt(*arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertRegex(err, r"\AError: [^\n]+\n\Z")

    def test_control_characters_in_messages_are_made_visible(self):
        _status, _out, err = self.epmt("start", "--jobid", "\x1b[31m\n/")
        self.assertEqual(err.count("\n"), 1)
        self.assertNotIn("\x1b", err)
        _status, _out, err = self.epmt("dump", "x/\x1b[31m\n")
        self.assertIn("x/\\x1b[31m\\x0a", err)

    def test_verbose_counts_before_and_after_the_command(self):
        seen = []
        parser, subparsers = console.make_parser("x")
        console.add_command(subparsers, "try", lambda options: seen.append(options.verbosity), "x")
        for arguments in ([], ["-v"], ["-vv"], ["--verbose"]):
            for more in ([], ["-v"]):
                self.assertEqual(cli.run(parser, arguments + ["try"] + more), 0)
        self.assertEqual(seen, [0, 1, 1, 2, 2, 3, 1, 2])
        self.write_settings(verbose=2)
        cli.run(parser, ["try"])
        self.assertEqual(seen[-1], 2)

    def test_it_is_silent_unless_asked(self):
        self.write_settings()
        for command in ("start", "stop"):
            self.assertEqual(self.epmt(command, "--jobid", "7"), (0, "", ""))
        self.assertEqual(self.epmt("-v", "start", "--jobid", "8"), (0, "", ""))
        _status, _out, err = self.epmt("-v", "stop", "--jobid", "8")
        self.assertIn("no job name found", err)


class StartAndStop(JobTest):
    def setUp(self):
        super().setUp()
        self.write_settings()
        os.environ["SLURM_JOB_ID"] = "7"

    def test_again_is_a_warning_or_strictly_a_failure(self):
        self.epmt("start")
        self.check_again("start", "job is already started")
        self.epmt("stop")
        self.check_again("start", "job is already complete")
        self.check_again("stop", "job is already complete")

    def check_again(self, command, text):
        status, out, err = self.epmt(command)
        self.assertEqual((status, out), (0, ""))
        self.assertTrue(err.startswith("Warning: " + text), err)
        for option in ("-e", "--error"):
            status, out, err = self.epmt(command, option)
            self.assertEqual((status, out), (1, ""))
            self.assertTrue(err.startswith("Error: " + text), err)

    def test_a_job_that_was_not_started_cannot_be_stopped(self):
        status, out, err = self.epmt("stop")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("job is not started", err)

    def test_pickles_on_demand(self):
        for option, command in (("-p", "start"), ("--pickle", "stop")):
            os.environ["SLURM_JOB_ID"] = command
            self.epmt("start", *[option] * (command == "start"))
            self.epmt("stop", *[option] * (command == "stop"))
            (path,) = self.folder.glob(f"out/*/{command}/job_metadata")
            self.assertEqual(path.read_bytes()[:1], b"\x80")

    def test_a_database_is_asked_where_there_is_one(self):
        seen = []
        parser, subparsers = console.make_parser("x")
        cli.add_collection_commands(
            subparsers,
            dump_job=lambda identity, options: seen.append((identity, options.key)),
            annotate_job=lambda identity, found, options: seen.append((identity, found)),
        )
        self.assertEqual(cli.run(parser, ["dump", "-k", "tags", "1234"]), 0)
        self.assertEqual(cli.run(parser, ["annotate", "1234", "a=1"]), 0)
        self.assertEqual(seen, [("1234", "tags"), ("1234", {"a": 1})])


class Run(unittest.TestCase):
    def split(self, *arguments):
        return cli.split_run(list(arguments))

    def test_options_end_at_the_first_word_of_the_command(self):
        for arguments, own, command in (
            (["-a", "sh", "-c", "x -a"], ["-a"], ["sh", "-c", "x -a"]),
            (["--", "cmd"], [], ["cmd"]),
            (["cmd", "-n"], [], ["cmd", "-n"]),
            (["cmd", "--", "-n"], [], ["cmd", "--", "-n"]),
            (["-n", "--", "-x", "y"], ["-n"], ["-x", "y"]),
            (["--jobid", "7", "cmd", "--jobid", "8"], ["--jobid", "7"], ["cmd", "--jobid", "8"]),
            (["--jobid=7", "cmd"], ["--jobid=7"], ["cmd"]),
            (["--no-trace", "*a", "--no-trace", "b", "c"], ["--no-trace", "*a", "--no-trace", "b"],
             ["c"]),
            (["--collector", "ptrace", "-an", "-v", "c"], ["--collector", "ptrace", "-an", "-v"],
             ["c"]),
            (["--jobid", "--", "cmd"], ["--jobid", "--"], ["cmd"]),
            (["--jobid"], ["--jobid"], []),
            (["-"], [], ["-"]),
            (["", "x"], [], ["", "x"]),
            ([], [], []),
        ):  # fmt: skip
            found = self.split("-v", "run", *arguments)
            self.assertEqual(found, (["-v", "run"] + own, command), arguments)

    def test_other_commands_keep_their_arguments(self):
        for arguments in (["dump", "run", "-k", "x"], ["help", "run"], ["-h"], ["-v"], []):
            self.assertEqual(self.split(*arguments), (arguments, None))

    def test_the_handler_gets_the_options_and_the_command(self):
        seen = []
        with mock.patch("epmtlite.collect.run.run_command", lambda one: seen.append(one) or 42):
            status = cli.main(
                ["-v", "run", "-a", "--no-trace", "x*", "-v", "sh", "-c", "exit -a", "-v"]
            )
        self.assertEqual(status, 42)
        (options,) = seen
        self.assertEqual(options.command, ["sh", "-c", "exit -a", "-v"])
        self.assertEqual((options.auto, options.dry_run, options.jobid), (True, False, None))
        self.assertEqual((options.no_trace, options.collector), (["x*"], None))
        self.assertEqual(options.verbosity, 2)
        self.assertEqual(options.settings.stage_command, "mv")


class Never(JobTest):
    def test_broken_settings_never_keep_a_command_from_running(self):
        self.write("epmt.ini", "nonsense")
        seen = []
        parser, subparsers = console.make_parser("x")
        console.add_command(
            subparsers, "run", lambda options: seen.append(options.command), "x", never_fails=True
        )
        err = io.StringIO()
        with mock.patch("sys.stderr", err):
            self.assertEqual(cli.run(parser, ["run", "true"]), 0)
        self.assertEqual(seen, [["true"]])
        self.assertIn("Warning: ", err.getvalue())


class Statuses(JobTest):
    def run_raising(self, error):
        def handler(_options):
            raise error

        parser, subparsers = console.make_parser("x")
        console.add_command(subparsers, "try", handler, "x")
        err = io.StringIO()
        with mock.patch("sys.stderr", err):
            return cli.run(parser, ["try"]), err.getvalue()

    def test_every_error_has_the_status_of_the_suite(self):
        codes = {
            errors.CollectError: 1, errors.UsageError: 2, errors.MalformedError: 65,
            errors.MissingError: 66, errors.WriteError: 74, errors.UnavailableError: 75,
            errors.RefusedError: 77, errors.ConfigurationError: 78,
        }  # fmt: skip
        for kind, code in codes.items():
            self.assertEqual(self.run_raising(kind("what")), (code, "Error: what\n"))
        suite = (CHECKOUT / "usagedb" / "errors.py").read_text()
        for code in sorted(codes.values())[1:]:
            self.assertIn(f"exit_code = {code}\n", suite)

    def test_a_signal_ends_it_with_128_and_its_number(self):
        parser, subparsers = console.make_parser("x")

        def handler(_options):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

        console.add_command(subparsers, "try", handler, "x")
        before = signal.getsignal(signal.SIGTERM)
        self.assertEqual(cli.run(parser, ["try"]), 143)
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)

    def test_a_bug_is_a_traceback(self):
        with self.assertRaises(KeyError):
            self.run_raising(KeyError("x"))


class Processes(JobTest):
    def call(self, arguments, **options):
        environment = dict(os.environ, PYTHONPATH=str(CHECKOUT), **options.pop("env", {}))
        return subprocess.Popen(
            [sys.executable, "-m", "epmtlite.collect"] + arguments,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, **options
        )  # fmt: skip

    def test_the_module_is_a_program(self):
        done = self.call(["-V"])
        self.assertEqual(done.communicate(), (f"EPMT {VERSION}\n".encode(), b""))
        self.assertEqual(done.returncode, 0)

    def test_a_closed_pipe_ends_it_quietly_with_141(self):
        job = self.write_job(files_v2(big="x" * 3000000))
        process = self.call(["dump", job])
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertEqual(process.wait(), 141)

    def test_a_full_disk_for_the_output_is_a_write_error(self):
        job = self.write_job(files_v2())
        with open("/dev/full", "wb") as full:
            process = subprocess.Popen(
                [sys.executable, "-m", "epmtlite.collect", "dump", job],
                env=dict(os.environ, PYTHONPATH=str(CHECKOUT)), stdout=full, stderr=subprocess.PIPE,
            )  # fmt: skip
        with process.stderr as stream:
            text = stream.read()
        self.assertEqual(process.wait(), 74)
        self.assertIn(b"Error: cannot write the output", text)

    def test_a_locale_without_utf8_shows_escapes(self):
        job = self.write_job(files_v2(job_pl_id="é"))
        environment = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
        process = self.call(["dump", "-k", "job_pl_id", job], env=environment)
        out, err = process.communicate()
        self.assertEqual((process.returncode, err), (0, b""))
        self.assertIn(out, (b"\\xe9\n", "é\n".encode()))

    def test_nothing_but_the_standard_library_is_imported(self):
        text = (
            "import sys; from epmtlite.collect import cli, annotate, convert, stage;"
            "print([one for one in sys.modules if one.split('.')[0] in ('usagedb', 'click')])"
        )
        environment = dict(os.environ, PYTHONPATH=str(CHECKOUT))
        out = subprocess.check_output([sys.executable, "-c", text], env=environment)
        self.assertEqual(out, b"[]\n")

    def test_a_log_file_is_written_where_it_is_set_and_links_are_not_followed(self):
        self.write_settings(logfile=self.folder / "log", verbose=1)
        process = self.call(["dump", self.write_job(files_v2())])
        process.communicate()
        self.assertTrue(os.path.exists("log"))
        self.assertEqual(os.stat("log").st_mode & 0o777, 0o600)
        os.rename("log", "target")
        os.symlink("target", "log")
        process = self.call(["-V"])
        process.communicate()
        process = self.call(["dump", "job"])
        _out, err = process.communicate()
        self.assertIn(b"Warning: cannot write the log file", err)
        self.assertEqual(process.returncode, 0)
