"""A job is packed, handed over, and deleted only then."""

import ast
import os
import pickle
import stat
import subprocess
import tarfile
from unittest import mock

from epmtlite.collect import archive, errors, stage
from epmtlite.collect.settings import Settings
from tests.epmtlite.collect.jobs import (
    CSV,
    HEADER_V1,
    ROW_A,
    ROW_B,
    ROW_B2,
    JobTest,
    files_v1,
    files_v2,
    members_of,
)

BAD = HEADER_V1 + "\n" + ROW_A.rpartition(",")[0] + "\n"


class StageTest(JobTest):
    def setUp(self):
        super().setUp()
        self.destination = self.folder / "dest"
        self.destination.mkdir()
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir()
        patch = mock.patch("tempfile.tempdir", str(self.temporary))
        patch.start()
        self.addCleanup(patch.stop)
        self.settings()

    def settings(self, **values):
        self.write_settings(**dict({"stage_command_dest": self.destination}, **values))

    def tearDown(self):
        self.assertEqual(os.listdir(str(self.temporary)), [])
        super().tearDown()

    def staged(self, name="job.tgz"):
        return str(self.destination / name)


class Staging(StageTest):
    def test_version_2_is_packed_as_it_is(self):
        job = self.write_job(files_v2())
        self.assertEqual(self.epmt("stage", job), (0, self.staged() + "\n", ""))
        self.assertFalse(os.path.exists(job))
        files = files_v2()
        self.assertEqual(
            list(members_of(self.staged()).items()),
            [
                ("./job_metadata", files["job_metadata"]),
                ("./n2-papiex-header.tsv", files["n2-papiex-header.tsv"]),
                ("./n2-papiex.tsv", files["n2-papiex.tsv"]),
            ],
        )

    def test_version_1_is_joined_for_each_host(self):
        job = self.write_job({
            "job_metadata": files_v1()["job_metadata"],
            "n1-papiex-10-0.csv": (HEADER_V1 + "\n" + ROW_A + "\n").encode(),
            "n1-papiex-11-0.csv": "\n".join((HEADER_V1, ROW_B, ROW_B2)).encode(),
            "n2-papiex-10-0.csv": CSV.encode(),
        })  # fmt: skip
        self.assertEqual(self.epmt("stage", job)[0], 0)
        members = members_of(self.staged())
        self.assertEqual(
            list(members),
            [
                "./job_metadata",
                "./n1-collated-papiex-job-0.csv",
                "./n2-collated-papiex-job-0.csv",
            ],
        )  # fmt: skip
        self.assertEqual(members["./n1-collated-papiex-job-0.csv"].decode(), CSV)
        self.assertEqual(members["./n2-collated-papiex-job-0.csv"].decode(), CSV)

    def test_both_versions_together_are_both_kept(self):
        files = dict(files_v2(), **{"n1-papiex-10-0.csv": CSV.encode()})
        self.epmt("stage", self.write_job(files))
        with archive.open_job(self.staged()) as job:
            found = [(kind, host, len(list(rows))) for _name, kind, host, rows in job.files()]
        self.assertEqual(found, [("v2", "n2", 2), ("v1", "n1", 2)])

    def test_no_collate_keeps_the_files(self):
        job = self.write_job(dict(files_v2(), **{"n1-papiex-10-0.csv": CSV.encode()}))
        self.assertEqual(self.epmt("stage", "--no-collate", job)[0], 0)
        self.assertEqual(members_of(self.staged())["./n1-papiex-10-0.csv"].decode(), CSV)

    def test_no_compress_and_tar_stages_a_directory(self):
        job = self.write_job(files_v2())
        status, out, err = self.epmt("stage", "--no-compress-and-tar", job)
        self.assertEqual((status, out, err), (0, self.staged("job") + "\n", ""))
        with archive.open_job(self.staged("job")) as staged:
            self.assertEqual(len(list(staged.files())), 1)
        self.assertFalse(os.path.exists(job))

    def test_the_current_job_is_staged_by_default(self):
        os.environ["SLURM_JOB_ID"] = "77"
        self.epmt("start")
        self.epmt("stop")
        self.assertEqual(self.epmt("stage"), (0, self.staged("77.tgz") + "\n", ""))
        self.assertEqual(list(members_of(self.staged("77.tgz"))), ["./job_metadata"])
        self.assertEqual(stat.S_IMODE(os.stat(self.staged("77.tgz")).st_mode), 0o600)

    def test_a_pickle_is_made_where_epmt_will_read_it(self):
        self.epmt("stage", "-p", self.write_job(files_v2()))
        found = pickle.loads(members_of(self.staged())["./job_metadata"])
        self.assertEqual(found["job_pl_id"], "77")

    def test_without_command_or_destination_nothing_happens(self):
        job = self.write_job(files_v2())
        for values in ({"stage_command": ""}, {"stage_command_dest": ""}):
            self.settings(**values)
            self.assertEqual(self.epmt("stage", job), (0, "", ""))
            self.assertTrue(os.path.exists(job))

    def test_the_command_is_run_without_a_shell(self):
        program = self.write("take it", '#!/bin/sh\nprintf "%s|" "$@" > args\nmv "$2" "$3"\n')
        os.chmod(program, 0o755)
        self.settings(stage_command=f'"{program}" ";$(touch evil)"')
        job = self.write_job(files_v2(), "a b;touch evil")
        status, out, _err = self.epmt("stage", job)
        self.assertEqual((status, out), (0, self.staged("a b;touch evil.tgz") + "\n"))
        words = (self.folder / "args").read_text().split("|")
        self.assertEqual((words[0], words[2]), (";$(touch evil)", str(self.destination)))
        self.assertTrue(words[1].startswith(str(self.temporary) + "/epmt_stage_"))
        self.assertFalse(os.path.exists("evil"))

    def test_the_archive_is_readable_by_tar(self):
        self.epmt("stage", self.write_job(files_v2()))
        with tarfile.open(self.staged()) as tar:
            self.assertEqual({(one.uid, one.mode) for one in tar}, {(0, 0o600)})
        found = subprocess.check_output(["tar", "tzf", self.staged()]).decode().split()
        self.assertEqual(found[0], "./job_metadata")


class BadFiles(StageTest):
    def setUp(self):
        super().setUp()
        self.job = self.write_job(
            dict(
                files_v1(), **{"n1-papiex-1-0.csv": BAD.encode(), "n1-papiex-2-0.csv": CSV.encode()}
            )
        )

    def test_a_bad_file_is_set_aside_and_noted(self):
        status, out, err = self.epmt("stage", self.job)
        self.assertEqual((status, out), (0, self.staged() + "\n"))
        self.assertIn("Header: 20 delimiters, but this row has 19 delimiters", err)
        self.assertEqual((self.folder / "n1-papiex-1-0.csv.error").read_text(), BAD)
        with archive.open_job(self.staged()) as staged:
            noted = staged.metadata["annotations"]["epmt_stage_error"]
            self.assertEqual(ast.literal_eval(noted), ["n1-papiex-1-0.csv"])
            self.assertEqual(staged.metadata["job_pl_id"], "77")
        self.assertFalse(os.path.exists(self.job))

    def test_strictly_it_fails_and_nothing_is_touched(self):
        before = sorted(os.listdir(self.job))
        self.assertEqual(self.epmt("stage", "-e", self.job)[0], 65)
        self.assertEqual(sorted(os.listdir(self.job)), before)
        self.assertEqual(os.listdir(str(self.destination)), [])
        self.assertFalse(os.path.exists("n1-papiex-1-0.csv.error"))


class Failing(StageTest):
    def kept(self, status, job):
        before = sorted(os.listdir(job))
        found, out, err = self.epmt("stage", job)
        self.assertEqual((found, out), (status, ""))
        self.assertTrue(err.startswith("Error: "))
        self.assertEqual(sorted(os.listdir(job)), before)
        return err

    def test_a_failing_command_deletes_nothing(self):
        job = self.write_job(files_v2())
        self.settings(stage_command="false")
        self.assertIn("status 1", self.kept(74, job))
        self.settings(stage_command="no-such-program-here")
        self.kept(78, job)
        self.settings(stage_command='mv "')
        self.kept(78, job)

    def test_a_job_that_is_not_stopped_is_kept(self):
        self.kept(1, self.write_job({"job_metadata.tmp": files_v2()["job_metadata"]}))

    def test_a_job_that_is_written_to_meanwhile_is_kept(self):
        job = self.write_job(files_v2())
        program = self.write("late", f"#!/bin/sh\necho x >> {job}/n2-papiex.tsv\n")
        os.chmod(program, 0o755)
        self.settings(stage_command=program)
        self.assertIn("stage it again", self.kept(75, job))

    def test_what_is_no_job_is_told(self):
        self.write("file", "")
        os.symlink(self.write_job(files_v2()), "link")
        for name, status in (("nothing", 66), ("file", 66), ("link", 77)):
            self.assertEqual(self.epmt("stage", name)[0], status)

    def test_one_failure_does_not_keep_the_others(self):
        job = self.write_job(files_v2())
        status, out, err = self.epmt("stage", "nothing", job)
        self.assertEqual((status, out), (66, self.staged() + "\n"))
        self.assertIn("nothing", err)

    def test_strictly_the_first_failure_ends_it(self):
        job = self.write_job(files_v2())
        self.assertEqual(self.epmt("stage", "-e", "nothing", job)[:2], (66, ""))
        self.assertTrue(os.path.exists(job))

    def test_a_full_disk_deletes_nothing(self):
        job = self.write_job(files_v2())
        settings = Settings({"stage_command_dest": str(self.destination)})
        full = OSError(28, "No space left on device")
        with mock.patch("os.fsync", side_effect=full), self.assertRaises(errors.WriteError):
            stage.stage(job, settings, stage.Options())
        self.assertEqual(len(os.listdir(job)), 3)
