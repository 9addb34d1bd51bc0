"""The command line: options, statuses, messages, signals and closed pipes."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

from epmtlite import storing_line
from epmtlite.collect import cli, console, errors, parsing
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
        parser, subparsers = parsing.make_parser("x")
        parsing.add_command(subparsers, "try", lambda options: seen.append(options.verbosity), "x")
        for arguments in ([], ["-v"], ["-vv"], ["--verbose"]):
            for more in ([], ["-v"]):
                self.assertEqual(cli.run(parser, arguments + ["try"] + more), 0)
        self.assertEqual(seen, [0, 1, 1, 2, 2, 3, 1, 2])
        self.write_settings(verbose=2)
        cli.run(parser, ["try"])
        self.assertEqual(seen[-1], 2)

    def test_options_are_written_out(self):
        """`--remov X` must not delete what `--remove X` does."""
        job = self.write_job(files_v2())
        for arguments in (
            ("stage", "--no-col", job), ("--verb", "dump", job), ("dump", "--ke", "job_pl_id", job),
            ("dump", "--verbos", job), ("annotate", "--repl", job, "a=1"), ("--vers",),
            ("stage", "--pickl", job), ("run", "--aut", "true"), ("start", "--jobi=7"),
        ):  # fmt: skip
            status, out, err = self.epmt(*arguments)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), arguments)
        self.assertEqual(len(os.listdir(job)), 3)
        self.assertEqual(self.epmt("dump", "--key=job_pl_id", job), (0, "77\n", ""))

    def test_short_options_are_joined(self):
        parser, subparsers = parsing.make_parser("x")
        seen = []
        command = parsing.add_command(subparsers, "try", lambda one: seen.append(one), "x")
        for name in "rm":
            command.add_argument("-" + name, action="store_true")
        command.add_argument("-p", "--number", type=int)
        for arguments, expected in (
            (["-vv", "-rm", "-p4", "-vvv"], (5, True, True, 4)),
            (["-mrvp4"], (1, True, True, 4)),
            (["-p", "4", "-vr"], (1, True, False, 4)),
            (["-p=4", "--number=5"], (0, False, False, 5)),
        ):
            at = next((at for at, one in enumerate(arguments) if not one.startswith("-v")), 0)
            words = arguments[:at] + ["try"] + arguments[at:]
            self.assertEqual(cli.run(parser, words), 0, words)
            one = seen.pop()
            self.assertEqual((one.verbosity, one.r, one.m, one.number), expected, words)
        with self.assertRaises(errors.UsageError):
            parser.parse_args(["try", "-rx"])

    def test_quietly_nothing_but_warnings_and_errors_are_printed(self):
        def handler(options):
            console.print_line("a result")
            console.logger.warning("a warning")
            if options.fail:
                raise errors.MissingError("an error")

        parser, subparsers = parsing.make_parser("x")
        command = parsing.add_command(subparsers, "try", handler, "x")
        command.add_argument("--fail", action="store_true")
        parsing.add_quiet(command)
        for arguments, expected in (
            ([], (0, "a result\n", "Warning: a warning\n")),
            (["-q"], (0, "", "Warning: a warning\n")),
            (["--quiet", "--fail"], (66, "", "Warning: a warning\nError: an error\n")),
        ):
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = cli.run(parser, ["try"] + arguments)
            self.assertEqual((status, out.getvalue(), err.getvalue()), expected)

    def test_lines_of_the_result_are_safe_for_a_terminal(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            console.print_line("job a\u202eb \x1b[31m\u2028é\tc")
            console.print_line("several\nlines\r\n")
            console.print_line(5)
        self.assertEqual(
            out.getvalue(),
            "job a\\u202eb \\x1b[31m\\u2028é\\x09c\nseveral\nlines\\x0d\n\n5\n",
        )

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
            self.assertEqual((status, out), (2, ""))
            self.assertTrue(err.startswith("Error: " + text), err)

    def test_a_job_that_was_not_started_cannot_be_stopped(self):
        status, out, err = self.epmt("stop")
        self.assertEqual((status, out), (66, ""))
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
        parser, subparsers = parsing.make_parser("x")
        cli.add_collection_commands(
            subparsers,
            dump_job=lambda identity, options: seen.append((identity, options.key)),
            annotate_job=lambda identity, found, options: seen.append((identity, found)),
        )
        self.assertEqual(cli.run(parser, ["dump", "-k", "tags", "1234"]), 0)
        self.assertEqual(cli.run(parser, ["annotate", "1234", "a=1"]), 0)
        self.assertEqual(seen, [("1234", "tags"), ("1234", {"a": 1})])


class Submission(unittest.TestCase):
    """The options of submit, which is parsed by the collection's parser."""

    def test_options_and_arguments_come_in_any_order(self):
        before = self.parsed("-n", "--cluster", "c", "-p", "3", "a.tgz", "b.tgz")
        for words in (
            ("a.tgz", "-n", "b.tgz", "--cluster", "c", "-p", "3"),
            ("-p3", "a.tgz", "--cluster=c", "b.tgz", "-n"),
            ("a.tgz", "b.tgz", "-np", "3", "--cluster", "c"),
            ("a.tgz", "-np3", "b.tgz", "--cluster=c"),
            ("a.tgz", "-n", "-p", "3", "--cluster", "c", "--", "b.tgz"),
        ):
            with self.subTest(words):
                self.assertEqual(vars(self.parsed(*words)), vars(before))
        self.assertEqual(self.parsed("-n", "--", "-r", "-n").paths, ["-r", "-n"])
        self.assertEqual(self.parsed("-", "-n").paths, ["-"])

    def test_a_wrong_option_is_told_wherever_it_stands(self):
        for words in (("a", "--removed", "b"), ("a", "-x", "b"), ("a", "-nx"), ("a", "--cluster")):
            with self.subTest(words), self.assertRaises(errors.UsageError):
                self.parsed(*words)

    def parsed(self, *words):
        parser, subparsers = parsing.make_parser("x")
        storing_line.add_submit(subparsers, print)
        return parser.parse_args(["submit"] + list(words))

    def test_p_may_have_a_number_behind_it(self):
        for words, number, paths in (
            (["-p", "4", "a", "b"], 4, ["a", "b"]),
            (["-p4", "a"], 4, ["a"]),
            (["-p", "a", "b"], 0, ["a", "b"]),
            (["-p"], 0, []),
            (["-p", "--wait", "3", "a"], 0, ["a"]),
            (["--num-cpus", "a"], 0, ["a"]),
            (["--num-cpus", "4", "a"], 4, ["a"]),
            (["--num-cpus=4", "a"], 4, ["a"]),
            (["--num-cpus"], 0, []),
            (["-r", "-m", "-p", "/data/1.tgz", "/data/2.tgz"], 0, ["/data/1.tgz", "/data/2.tgz"]),
            (["-rmp", "a", "b"], 0, ["a", "b"]),
            (["-rmp", "2", "a"], 2, ["a"]),
            (["-rmp2", "a"], 2, ["a"]),
            (["-p", "--", "-p", "b"], 0, ["-p", "b"]),
            (["--", "-p", "--num-cpus"], 1, ["-p", "--num-cpus"]),
            (["-p", "4711.tgz"], 0, ["4711.tgz"]),
            (["-p", "all"], 0, ["all"]),
            (["a", "-p"], 0, ["a"]),
            (["a"], 1, ["a"]),
        ):  # fmt: skip
            found = self.parsed(*words)
            self.assertEqual((found.num_cpus, found.paths), (number, paths), words)
            self.assertEqual(
                (found.remove, found.move_away), ("r" in words[0], "r" in str(words[:2]))
            )

    def test_impossible_numbers_are_errors(self):
        for words in (
            ["-p", "0", "a"], ["-p", "-1", "a"], ["-p", "1000", "a"], ["-p0"], ["-px", "a"],
            ["--num-cpus=x"], ["--num-cpus="],
        ):  # fmt: skip
            with self.assertRaises(errors.UsageError) as caught:
                self.parsed(*words)
            self.assertIn("--num-cpus", str(caught.exception))

    def test_what_deletes_is_written_out(self):
        for words in (["--remov", "a"], ["--dro"], ["--move", "a"], ["--ye", "--drop"]):
            with self.assertRaises(errors.UsageError):
                self.parsed(*words)
        self.assertTrue(self.parsed("--drop", "--yes", "-q").quiet)


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
        parser, subparsers = parsing.make_parser("x")
        parsing.add_command(
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

        parser, subparsers = parsing.make_parser("x")
        parsing.add_command(subparsers, "try", handler, "x")
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
        parser, subparsers = parsing.make_parser("x")

        def handler(_options):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

        parsing.add_command(subparsers, "try", handler, "x")
        before = signal.getsignal(signal.SIGTERM)
        self.assertEqual(cli.run(parser, ["try"]), 143)
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)

    def test_a_signal_that_comes_in_a_finalizer_ends_it_all_the_same(self):
        parser, subparsers = parsing.make_parser("x")

        class Last:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)

        parsing.add_command(subparsers, "try", lambda _options: Last() and 0, "x")
        with contextlib.ExitStack() as stack:
            if hasattr(sys, "unraisablehook"):  # before 3.8 Python tells of it in any case
                stack.enter_context(mock.patch("sys.unraisablehook"))
            self.assertEqual(cli.run(parser, ["try"]), 143)

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

    def test_any_result_is_printed_whatever_the_locale(self):
        """Also where it is not printed line by line, as that of list is."""
        text = "é\U0001f600\u202e"
        program = (
            "import sys; from epmtlite.collect import cli, parsing\n"
            "parser, subparsers = parsing.make_parser('x')\n"
            f"parsing.add_command(subparsers, 'list', lambda _one: print({ascii(text)}), 'x')\n"
            "sys.exit(cli.run(parser, ['list']))"
        )
        for name, value, expected in (
            ("PYTHONIOENCODING", "ascii", b"\\xe9\\U0001f600\\u202e\n"),
            ("PYTHONIOENCODING", "latin-1", b"\xe9\\U0001f600\\u202e\n"),
            ("PYTHONIOENCODING", "utf-8", text.encode() + b"\n"),
            ("LC_ALL", "POSIX", b"\\xe9\\U0001f600\\u202e\n"),
        ):
            environment = dict(
                os.environ, PYTHONPATH=str(CHECKOUT), PYTHONCOERCECLOCALE="0", PYTHONUTF8="0",
                **{name: value}
            )  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )  # fmt: skip
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(done.stdout, expected, value)

    def shell(self, line, **variables):
        """Run shell code, in which epmt is a variable; return (status, stdout, stderr)."""
        environment = dict(
            os.environ, PYTHONPATH=str(CHECKOUT), epmt=f"{sys.executable} -m epmtlite.collect",
            **variables
        )  # fmt: skip
        done = subprocess.run(
            ["/bin/sh", "-c", line], env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def test_a_result_that_nobody_can_read_is_a_write_error(self):
        job = self.write_job(files_v2())
        lost = (74, "", "Error: cannot write the output: it is closed\n")
        for command in (
            "dump " + job,
            "-h",
            "help",
            "",
            "-V",
            "settings",
            "dump -k job_pl_id " + job,
        ):
            self.assertEqual(self.shell(f"$epmt {command} >&-"), lost, command)
            status, out, _err = self.shell(f"$epmt {command} 2>&1 >&-")
            self.assertEqual((status, out), (lost[0], lost[2]), command)
            self.assertEqual(self.shell(f"$epmt {command} >&- 2>&- <&-"), (74, "", ""), command)
        status, out, err = self.shell(f"$epmt dump {job} 1</dev/null")
        self.assertEqual((status, out), (74, ""))
        self.assertIn("Error: cannot write the output: ", err)

    def test_what_is_closed_keeps_no_command_from_its_work(self):
        self.write_settings(stage_command_dest=self.folder / "dest")
        os.mkdir("dest")
        for closed in (">&-", "2>&-", "<&-", ">&- <&-", ">&- 2>&- <&-"):
            job = self.write_job(files_v2())
            for command in ("start --jobid 7", "annotate " + job + " a=1", "stage " + job,
                            "stop --jobid 7"):  # fmt: skip
                status, _out, err = self.shell(f"$epmt {command} {closed}")
                self.assertEqual((status, err), (0, ""), (command, closed))
            (directory,) = self.folder.glob("out/*/7")
            self.assertEqual(os.listdir(str(directory)), ["job_metadata"])
            shutil.rmtree(str(directory))
            os.unlink("dest/job.tgz")
            self.assertEqual(self.shell(f"$epmt dump nothing/x {closed}")[0], 66)

    def test_closed_descriptors_are_taken_and_are_closed_in_other_programs(self):
        program = (
            "import os, sys; from epmtlite.collect import console\n"
            "console.set_up_streams()\n"
            "closed, other = int(sys.argv[1]), int(sys.argv[2])\n"
            "kept = os.dup(other)\n"
            "assert kept > 2, kept\n"
            "assert os.fstat(closed).st_rdev == os.stat(os.devnull).st_rdev\n"
            "sys.stdout.write('x'); sys.stdout.flush(); sys.stderr.write('x')\n"
            "os.set_inheritable(kept, True)\n"
            "os.execv(sys.executable, [sys.executable, '-c', sys.argv[3], str(kept)])"
        )
        other_program = (
            "import os, sys\n"
            "for number in range(3):\n"
            "    try:\n"
            "        os.fstat(number)\n"
            "    except OSError:\n"
            "        os.write(int(sys.argv[1]), f' {number} is closed'.encode())"
        )
        for closed, other, sign in ((0, 1, "<"), (1, 2, ">"), (2, 1, ">")):
            line = f'{sys.executable} -c "$program" {closed} {other} "$other" {closed}{sign}&-'
            status, out, err = self.shell(line, program=program, other=other_program)
            self.assertEqual((status, (out + err).strip("x")), (0, f" {closed} is closed"))

    def test_a_full_disk_for_messages_changes_no_status(self):
        for line, expected in (
            ("$epmt dump a/b 2>/dev/full", 66),
            ("$epmt nonsense 2>/dev/full", 2),
        ):
            status, out, _err = self.shell(line)
            self.assertEqual((status, out), (expected, ""))

    def test_nothing_but_the_standard_library_is_imported(self):
        text = (
            "import sys; from epmtlite.collect import cli, annotate, convert, stage;"
            "print([one for one in sys.modules if one.split('.')[0] in ('usagedb', 'click')])"
        )
        environment = dict(os.environ, PYTHONPATH=str(CHECKOUT))
        out = subprocess.check_output([sys.executable, "-c", text], env=environment)
        self.assertEqual(out, b"[]\n")

    def test_lines_of_a_log_file_have_times_and_levels(self):
        self.write_settings(logfile=self.folder / "log")
        for _ in range(2):
            _out, err = self.call(["start", "--jobid", "1"]).communicate()
        self.assertTrue(err.startswith(b"Warning: job is already started"))
        with open("log") as log:
            (line,) = log.read().splitlines()
        expected = r"\d{4}-\d\d-\d\d [\d:,]+  WARNING: metadata: job is already started"
        self.assertRegex(line, expected)

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
