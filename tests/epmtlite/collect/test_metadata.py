"""start begins the metadata of a job and stop completes them, once."""

import contextlib
import datetime
import fcntl
import os
import pickle
import stat
import unittest
from unittest import mock

from epmtlite.collect import errors, extent, locks, metadata
from epmtlite.collect.settings import Settings
from tests.epmtlite.collect import jobs
from tests.epmtlite.collect.jobs import HEADER_V1, LINE_A, ROW_A, JobTest


class Signals(unittest.TestCase):
    def test_a_signal_is_no_error_that_is_passed_over(self):
        """As what cannot be read is while the extent of a job is looked for."""
        interrupted = mock.patch.object(extent, "listed", side_effect=errors.Interrupted(15))
        with interrupted, self.assertRaises(errors.Interrupted) as raised:
            extent.extent(".", "*", 0, 1)
        self.assertEqual(raised.exception.exit_code, 128 + 15)


class Life(JobTest):
    def setUp(self):
        super().setUp()
        self.settings = Settings()
        self.job = str(self.folder / "77")
        os.mkdir(self.job)

    def current(self):
        return metadata.read_current(self.job)

    def test_start_notes_the_job(self):
        os.environ.update(PLAIN="x", LS_COLORS="no", _HIDDEN="no", EPMT_JOB_TAGS="a:1")
        before = datetime.datetime.now(datetime.timezone.utc)
        self.assertTrue(metadata.start(self.job, "77", self.settings))
        stored = self.current()
        self.assertEqual(os.listdir(self.job), ["job_metadata.tmp"])
        self.assertEqual(stored.path, self.job + "/job_metadata.tmp")
        self.assertEqual(stat.S_IMODE(os.stat(stored.path).st_mode), 0o600)
        found = stored.metadata
        self.assertEqual(
            sorted(found),
            [
                "job_pl_env", "job_pl_hostname", "job_pl_id", "job_pl_start_ts",
                "job_pl_submit_ts", "job_pl_username",
            ],
        )  # fmt: skip
        self.assertEqual((found["job_pl_id"], found["job_pl_env"]["PLAIN"]), ("77", "x"))
        self.assertNotIn("LS_COLORS", found["job_pl_env"])
        self.assertNotIn("_HIDDEN", found["job_pl_env"])
        self.assertEqual(found["job_pl_start_ts"], found["job_pl_submit_ts"])
        self.assertIsNotNone(found["job_pl_start_ts"].tzinfo)
        self.assertTrue(
            before <= found["job_pl_start_ts"] <= datetime.datetime.now(datetime.timezone.utc)
        )

    def test_stop_completes_and_derives(self):
        os.environ.update(SLURM_JOB_NAME="wind", GONE="1", SAME="s")
        metadata.start(self.job, "77", self.settings)
        del os.environ["GONE"]
        os.environ.update(EPMT_JOB_TAGS="exp:a;x", NEW="2")
        self.assertTrue(metadata.stop(self.job, self.settings))
        self.assertEqual(os.listdir(self.job), ["job_metadata"])
        found = self.current().metadata
        self.assertEqual((found["job_el_exitcode"], found["job_el_reason"]), (0, "none"))
        self.assertEqual((found["job_jobname"], found["checked"]), ("wind", True))
        self.assertEqual(found["job_tags"], {"exp": "a", "x": "1"})
        self.assertEqual(
            found["job_env_changes"], {"EPMT_JOB_TAGS": "exp:a;x", "NEW": "2", "GONE": "1"}
        )
        self.assertGreaterEqual(found["job_el_stop_ts"], found["job_pl_start_ts"])

    def test_without_tags_and_name_it_is_unknown(self):
        metadata.start(self.job, "77", self.settings)
        metadata.stop(self.job, self.settings, exit_code=3, reason="timeout")
        found = self.current().metadata
        self.assertEqual((found["job_jobname"], found["job_tags"]), ("unknown", None))
        self.assertEqual((found["job_el_exitcode"], found["job_el_reason"]), (3, "timeout"))

    def test_a_second_start_and_stop_change_nothing(self):
        metadata.start(self.job, "77", self.settings)
        first = self.current().metadata
        with self.assertLogs("epmtlite", "WARNING"):
            self.assertFalse(metadata.start(self.job, "77", self.settings))
        self.assertEqual(self.current().metadata, first)
        metadata.stop(self.job, self.settings)
        done = self.current().metadata
        for again in (
            lambda: metadata.start(self.job, "77", self.settings),
            lambda: metadata.stop(self.job, self.settings),
        ):
            with self.assertLogs("epmtlite", "WARNING"):
                self.assertFalse(again())
        self.assertEqual((os.listdir(self.job), self.current().metadata), (["job_metadata"], done))

    def test_strictly_they_fail(self):
        def strictly(function, *arguments):
            with self.assertRaises(errors.CollectError) as caught:
                function(*arguments, is_strict=True)
            self.assertEqual(caught.exception.exit_code, 2)
            return str(caught.exception)

        metadata.start(self.job, "77", self.settings)
        text = strictly(metadata.start, self.job, "77", self.settings)
        self.assertIn("job is already started", text)
        metadata.stop(self.job, self.settings)
        for arguments in ((metadata.start, self.job, "77"), (metadata.stop, self.job)):
            text = strictly(*arguments + (self.settings,))
            self.assertIn("job is already complete", text)

    def test_a_job_that_was_not_started_cannot_be_stopped(self):
        with self.assertRaises(errors.CollectError) as caught:
            metadata.stop(self.job, self.settings)
        self.assertIn("job is not started", str(caught.exception))

    def test_a_pickle_is_what_epmt_reads_and_stays_one(self):
        metadata.start(self.job, "77", self.settings, as_pickle=True)
        metadata.stop(self.job, self.settings)
        with open(self.job + "/job_metadata", "rb") as file:
            found = pickle.load(file)
        self.assertEqual(found, self.current().metadata)
        self.assertTrue(self.current().is_pickle)

    def test_stop_alone_can_write_a_pickle(self):
        metadata.start(self.job, "77", self.settings)
        metadata.stop(self.job, self.settings, as_pickle=True)
        self.assertTrue(self.current().is_pickle)

    def test_an_environment_of_odd_bytes_is_kept_readable(self):
        with mock.patch.dict(os.environ, {"ODD": "a\udcff\n"}):
            metadata.start(self.job, "77", self.settings)
            metadata.stop(self.job, self.settings)
        self.assertEqual(self.current().metadata["job_pl_env"]["ODD"], "a\\xff\n")

    def test_a_disk_that_is_full_leaves_the_job_started(self):
        metadata.start(self.job, "77", self.settings)
        full = OSError(28, "No space left on device")
        with mock.patch("os.fsync", side_effect=full), self.assertRaises(errors.WriteError):
            metadata.stop(self.job, self.settings)
        self.assertEqual(os.listdir(self.job), ["job_metadata.tmp"])

    def test_links_in_place_of_metadata_are_not_followed(self):
        self.write("target", "old")
        os.symlink(str(self.folder / "target"), self.job + "/job_metadata.tmp")
        with self.assertRaises(errors.RefusedError):
            metadata.stop(self.job, self.settings)
        with self.assertRaises(errors.CollectError):
            metadata.start(self.job, "77", self.settings, is_strict=True)
        self.assertEqual((self.folder / "target").read_text(), "old")

    def test_a_lock_that_is_held_for_long_is_told(self):
        descriptor = os.open(self.job, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        patch = mock.patch.object(locks, "LOCK_SECONDS", 0.01)
        with patch, self.assertRaises(errors.UnavailableError):
            metadata.start(self.job, "77", self.settings)


class Clocks(JobTest):
    """The clock is set while the job runs."""

    def setUp(self):
        super().setUp()
        self.job = str(self.folder / "77")
        os.mkdir(self.job)
        metadata.start(self.job, "77", Settings())
        self.start = metadata.read_current(self.job).metadata["job_pl_start_ts"]

    def ran(self, begin, end, host="n1"):
        """Write the record of a process that ran between two minutes of the job."""
        numbers = [extent.microseconds(self.start) + int(60000000 * one) for one in (begin, end)]
        line = LINE_A.replace("1709181000000000", str(numbers[0]))
        self.write(
            f"77/{host}-papiex.tsv", line.replace("1709181001000000", str(numbers[1])) + "\n"
        )
        row = ROW_A.replace("1709181000000000", str(numbers[0]))
        row = row.replace("1709181001000000", str(numbers[1]))
        self.write("77/old-papiex-1-0.csv", HEADER_V1 + "\n" + row + "\n")

    def stopped(self, minute):
        """Stop the job where the clock shows that minute of it; return (its start, its stop) in
        minutes."""
        moment = self.start + datetime.timedelta(minutes=minute)
        with mock.patch.object(metadata, "now", lambda: moment):
            self.assertTrue(metadata.stop(self.job, Settings()))
        found = metadata.read_current(self.job).metadata
        for key in ("job_pl_start_ts", "job_el_stop_ts"):
            self.assertEqual(found[key].utcoffset(), moment.utcoffset())
        self.assertEqual(found["job_pl_submit_ts"], found["job_pl_start_ts"])
        return [
            (found[key] - self.start) / datetime.timedelta(minutes=1)
            for key in ("job_pl_start_ts", "job_el_stop_ts")
        ]

    def test_set_back_the_job_ends_with_its_last_process(self):
        self.ran(1, 30)
        with self.assertLogs("epmtlite", "WARNING"):
            self.assertEqual(self.stopped(20), [0, 30])

    def test_of_hosts_whose_clocks_differ_a_little_it_does_so_without_a_word(self):
        self.ran(1, 20.01)
        with mock.patch.object(extent.logger, "warning") as warning:
            self.assertEqual(self.stopped(20), [0, 20.01])
        warning.assert_not_called()

    def test_set_back_before_the_first_process_the_job_begins_with_that(self):
        self.ran(-50, -31)
        with self.assertLogs("epmtlite", "WARNING"):
            self.assertEqual(self.stopped(-30), [-50, -30])

    def test_it_does_so_too_where_it_runs_on_for_long(self):
        self.ran(-9, 19)
        with self.assertLogs("epmtlite", "WARNING"):
            self.assertEqual(self.stopped(20), [-9, 20])

    def test_without_processes_it_ends_as_it_begins(self):
        self.assertEqual(self.stopped(-30), [0, 0])

    def test_the_clock_counts_where_all_processes_lie_between(self):
        self.ran(1, 19)
        self.assertEqual(self.stopped(20), [0, 20])

    def test_a_damaged_record_moves_no_end(self):
        for begin, end in ((0, 60 * 24 * 400), (-60 * 24 * 400, 10), (30, 25)):
            self.ran(begin, end)
            with open(self.job + "/n1-papiex.tsv", "a") as file:
                file.write("x\t" * 12 + "9" * 4000 + "\t1\t1\n{1}\t\tn")
            os.mkfifo(self.job + "/n2-papiex.tsv")
            self.assertEqual(self.stopped(20), [0, 20])
            for name in ("n2-papiex.tsv", "job_metadata"):
                os.unlink(f"{self.job}/{name}")
            metadata.start(self.job, "77", Settings())
            self.start = metadata.read_current(self.job).metadata["job_pl_start_ts"]

    def test_a_start_that_is_no_time_of_these_days_stays(self):
        path = self.job + "/job_metadata.tmp"
        for start in (datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23), "no time"):
            found = dict(jobs.metadata(), job_pl_start_ts=start)
            metadata.write(path, found)
            with contextlib.suppress(errors.MalformedError):
                metadata.stop(self.job, Settings())
                self.assertEqual(
                    metadata.read_current(self.job).metadata["job_pl_start_ts"], start)  # fmt: skip
                os.unlink(self.job + "/job_metadata")


class Checking(unittest.TestCase):
    def checked(self, **changes):
        return metadata.checked(jobs.metadata(**changes), Settings())

    def test_complete_metadata_get_what_is_derived(self):
        found = self.checked()
        self.assertEqual(found["job_tags"], {"k": "v"})
        self.assertEqual(found["job_env_changes"], {"C": "3", "EPMT_JOB_TAGS": "k:v", "B": "2"})

    def test_what_was_checked_comes_back_as_it_is(self):
        self.assertEqual(metadata.checked({"checked": True}, Settings()), {"checked": True})

    def test_a_missing_key_is_named(self):
        for key in metadata.REQUIRED:
            for value in (None, ""):
                with self.assertRaises(errors.MalformedError) as caught:
                    self.checked(**{key: value})
                self.assertEqual(
                    str(caught.exception),
                    f"Could not find {key} in job metadata, job incomplete?",
                )

    def test_values_of_a_wrong_kind_are_refused(self):
        for changes in (
            {"job_pl_start_ts": "now"}, {"job_el_env": ["x"]}, {"job_el_exitcode": "0"},
            {"job_pl_env": {"A": 1}}, {"job_el_env": {"EPMT_JOB_TAGS": None}},
        ):  # fmt: skip
            with self.assertRaises(errors.MalformedError):
                self.checked(**changes)

    def test_an_old_job_has_the_user_of_its_environment(self):
        for environment, user in (
            ({"SLURM_JOB_USER": "bob", "USER": "ada"}, "bob"),
            ({"USER": "ada"}, "ada"),
        ):
            found = self.checked(job_pl_username=None, job_pl_env=environment)
            self.assertEqual(found["job_pl_username"], user)
        with self.assertRaises(errors.MalformedError):
            self.checked(job_pl_username="", job_pl_env={"A": "1"})

    def test_the_variable_of_the_tags_is_a_setting(self):
        settings = Settings({"job_tags_env": "C"})
        found = metadata.checked(jobs.metadata(), settings)
        self.assertEqual(found["job_tags"], {"3": "1"})
