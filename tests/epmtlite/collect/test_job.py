"""The id of a job comes from the batch system; its directory belongs to this account alone."""

import os
import stat
import unittest
from pathlib import Path

from epmtlite.collect import errors, job, metadata
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


class Requeued(JobTest):
    """Slurm gives a job that is requeued its number again."""

    def setUp(self):
        super().setUp()
        self.write_settings(stage_command_dest=self.folder)
        os.environ.update(SLURM_JOB_ID="970", SLURM_RESTART_COUNT="1")

    def test_what_is_in_the_way_of_a_later_run_is_told_with_an_id_for_it(self):
        hint = "(requeued: --jobid 970-r1 makes this run a job of its own)"
        self.epmt("start")
        self.assertIn(hint, self.epmt("start")[2])
        self.epmt("stop")
        self.assertIn(hint, self.epmt("start")[2])
        with self.assertRaises(errors.RefusedError) as caught:
            metadata.check_not_complete(str(next(self.folder.glob("out/*/970"))))
        self.assertIn(hint, str(caught.exception))
        self.assertEqual(self.epmt("stage")[0], 0)
        for command in ("start", "stop"):
            self.assertEqual(self.epmt(command), (0, "", ""))
        status, _out, err = self.epmt("stage")
        self.assertEqual(status, 74)
        self.assertIn("or of this one before it was requeued", err)
        for command in ("start", "stop", "stage"):
            self.assertEqual(self.epmt(command, "--jobid", "970-r1")[0], 0)
        self.assertEqual(self.epmt("dump", "-k", "job_pl_id", "970-r1.tgz")[1], "970-r1\n")

    def test_others_get_no_such_hint(self):
        for identity, count in (("971", "1"), ("970", "0"), ("970", ""), ("970", "x" * 9)):
            os.environ["SLURM_RESTART_COUNT"] = count
            self.assertEqual(job.requeued(identity), "")
        del os.environ["SLURM_RESTART_COUNT"]
        self.assertEqual(job.requeued("970"), "")


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
