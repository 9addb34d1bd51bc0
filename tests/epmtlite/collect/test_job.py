"""The id of a job comes from the batch system; its directory belongs to this account alone."""

import os
import stat
import unittest
from pathlib import Path

from epmtlite.collect import errors, job
from epmtlite.collect.settings import Settings
from tests.epmtlite.collect.jobs import JobTest


class Identity(unittest.TestCase):
    def test_the_first_variable_that_is_set_counts(self):
        settings = Settings()
        for variables, expected in (
            ({"SLURM_JOB_ID": "1", "SLURM_JOBID": "2"}, "1"),
            ({"SLURM_JOB_ID": "", "SLURM_JOBID": "2"}, "2"),
            ({"PBS_JOB_ID": "3.server"}, "3.server"),
            ({"PBS_JOBID": "4[7].server"}, "4[7].server"),
        ):
            self.assertEqual(job.job_id(settings, environ=variables), expected)

    def test_a_given_id_goes_first(self):
        self.assertEqual(job.job_id(Settings(), "x", {"SLURM_JOB_ID": "1"}), "x")

    def test_without_any_it_is_told_what_to_do(self):
        with self.assertRaises(errors.UsageError) as caught:
            job.job_id(Settings(), environ={})
        self.assertIn("--jobid", str(caught.exception))

    def test_an_id_cant_leave_the_directory_of_jobs(self):
        for text in (".", "..", "a/b", "/", "a\nb", "a\0", "\udcff", "x" * 256):
            with self.assertRaises(errors.UsageError, msg=text):
                job.job_id(Settings(), text)


class Directory(JobTest):
    def setUp(self):
        super().setUp()
        self.settings = Settings({"epmt_output_prefix": str(self.folder / "a" / "out")})

    def test_it_is_made_for_this_account_alone(self):
        path = Path(job.make_directory(self.settings, "7"))
        self.assertEqual(path, self.folder / "a" / "out" / job.user_name() / "7")
        for part in (path, path.parent):
            self.assertEqual(stat.S_IMODE(part.stat().st_mode), 0o700)
        self.assertEqual(job.make_directory(self.settings, "7"), str(path))
        self.assertEqual(job.existing_directory(self.settings, "7"), str(path))

    def test_where_everyone_writes_the_common_directory_is_for_everyone(self):
        (self.folder / "a").mkdir()
        (self.folder / "a").chmod(0o1777)
        job.make_directory(self.settings, "7")
        self.assertEqual(stat.S_IMODE((self.folder / "a" / "out").stat().st_mode), 0o1777)

    def test_a_job_that_was_not_started_has_none(self):
        with self.assertRaises(errors.MissingError):
            job.existing_directory(self.settings, "7")

    def test_links_and_files_in_its_place_are_refused(self):
        path = Path(job.make_directory(self.settings, "7"))
        (path.parent / "8").symlink_to(str(path))
        (path.parent / "9").write_text("")
        for identity in ("8", "9"):
            with self.assertRaises(errors.RefusedError):
                job.make_directory(self.settings, identity)

    def test_a_directory_that_everyone_can_write_is_refused(self):
        path = Path(job.make_directory(self.settings, "7"))
        path.chmod(0o777)
        with self.assertRaises(errors.RefusedError):
            job.existing_directory(self.settings, "7")

    @unittest.skipIf(os.geteuid(), "only root can give a directory away")
    def test_a_directory_of_another_account_is_refused(self):
        path = job.make_directory(self.settings, "7")
        os.chown(path, 65534, 65534)
        with self.assertRaises(errors.RefusedError):
            job.make_directory(self.settings, "7")

    def test_a_place_that_cannot_be_is_a_write_error(self):
        self.write("file", "")
        settings = Settings({"epmt_output_prefix": str(self.folder / "file" / "out")})
        with self.assertRaises(errors.WriteError):
            job.make_directory(settings, "7")
