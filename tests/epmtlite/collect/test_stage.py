"""A job is packed, handed over, and deleted only then."""

import ast
import errno
import os
import pickle
import shutil
import stat
import subprocess
import tarfile
import tempfile
from unittest import mock

from epmtlite.collect import errors, files, names, stage
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
    open_job,
)
from tests.epmtlite.collect.test_files import other_file_system

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
            "n1-papiex-11-0.csv": "\n".join((HEADER_V1, ROW_B, ROW_B2, "")).encode(),
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

    def test_processes_keep_the_tags_that_comments_gave_them(self):
        job = self.write_job({
            "job_metadata": files_v1()["job_metadata"],
            "n1-papiex-10-0.csv": "\n".join(("#op:a", HEADER_V1, ROW_A, "")).encode(),
            "n1-papiex-11-0.csv": "\n".join(("#op:b", HEADER_V1, ROW_A, "")).encode(),
            "n1-papiex-12-0.csv": "\n".join((HEADER_V1, ROW_A, ROW_B, ROW_B2, "")).encode(),
        })  # fmt: skip
        self.assertEqual(self.epmt("stage", job)[0], 0)
        with open_job(self.staged()) as staged:
            found = [one.tags for _name, _kind, _host, rows in staged.files() for one in rows]
        self.assertEqual(found, ["op:a", "op:b", "", "op:x"])

    def test_bad_files_of_one_name_of_several_jobs_are_all_kept(self):
        for number in (11, 12):
            files = {"job_metadata": files_v1()["job_metadata"],
                     "n1-papiex-4711-0.csv": (BAD + f"of job {number}\n").encode()}  # fmt: skip
            self.assertEqual(self.epmt("stage", self.write_job(files, str(number)))[0], 0)
            self.assertFalse(os.path.exists(str(number)))
        for number, name in ((11, ".error"), (12, ".2.error")):
            kept = (self.folder / ("n1-papiex-4711-0.csv" + name)).read_text()
            self.assertEqual(kept, BAD + f"of job {number}\n")

    def test_what_is_joined_stands_beside_what_was_joined_before(self):
        for options in ([], ["--no-compress-and-tar"]):
            job = self.write_job({
                "job_metadata": files_v1()["job_metadata"],
                "n1-collated-papiex-job-0.csv": CSV.encode(),
                "n1-papiex-20-0.csv": CSV.replace(",10,", ",20,").encode(),
            })  # fmt: skip
            self.assertEqual(self.epmt("stage", *options, job)[0], 0)
            with open_job(self.staged("job" if options else "job.tgz")) as staged:
                found = {name: [one.pid for one in rows] for name, _k, _h, rows in staged.files()}
            self.assertEqual(
                found, {"n1-collated-papiex-job-0.csv": [10, 11],
                        "n1-collated-papiex-job-1.csv": [20, 11]},
            )  # fmt: skip

    def test_both_versions_together_are_both_kept(self):
        files = dict(files_v2(), **{"n1-papiex-10-0.csv": CSV.encode()})
        self.epmt("stage", self.write_job(files))
        with open_job(self.staged()) as job:
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
        with open_job(self.staged("job")) as staged:
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


class Destinations(StageTest):
    """What was staged before is never replaced."""

    def commands(self):
        """Yield stage commands of every kind, set."""
        program = self.write("take", '#!/bin/sh\nexec mv -f "$1" "$2"\n')
        os.chmod(program, 0o755)
        for command in ("mv", "mv -f", "cp", program):
            self.settings(stage_command=command)
            yield command

    def refused(self, job, base):
        """Check that a job is not staged, and stays as it is."""
        before = sorted(os.listdir(job))
        status, out, err = self.epmt("stage", job)
        self.assertEqual((status, out), (74, ""))
        self.assertRegex(err, r"\AError: .*/dest/" + base + r" is there already[^\n]+\n\Z")
        self.assertEqual(sorted(os.listdir(job)), before)

    def test_an_older_job_of_that_id_is_kept(self):
        for command in self.commands():
            self.assertEqual(self.epmt("stage", self.write_job(files_v2()))[0], 0, command)
            with open(self.staged(), "rb") as file:
                first = file.read()
            self.refused(self.write_job(files_v1(job_pl_id="other")), "job.tgz")
            with open(self.staged(), "rb") as file:
                self.assertEqual(file.read(), first)
            self.assertEqual(os.listdir(str(self.destination)), ["job.tgz"])
            os.unlink(self.staged())

    def test_a_directory_and_a_link_that_lead_nowhere_are_kept_too(self):
        os.mkdir(self.staged())
        self.refused(self.write_job(files_v2()), "job.tgz")
        os.rmdir(self.staged())
        os.symlink("nowhere", self.staged())
        self.refused(self.write_job(files_v2()), "job.tgz")

    def test_a_directory_of_an_older_job_is_kept(self):
        for command in ("mv", "cp -r"):
            self.settings(stage_command=command)
            job = self.write_job(files_v2())
            self.assertEqual(self.epmt("stage", "--no-compress-and-tar", job)[0], 0)
            self.write_job(files_v1())
            status, out, err = self.epmt("stage", "--no-compress-and-tar", job)
            self.assertEqual((status, out), (74, ""))
            self.assertIn("dest/job is there already", err)
            self.assertIn("n2-papiex.tsv", os.listdir(self.staged("job")))
            self.assertEqual(len(os.listdir(self.staged("job"))), 3)
            shutil.rmtree(self.staged("job"))
            shutil.rmtree(job)

    def test_one_that_appears_while_it_is_packed_is_kept(self):
        job = self.write_job(files_v2())
        packed = stage.pack

        def pack(*arguments):
            with open(self.staged(), "w") as file:
                file.write("of another process")
            return packed(*arguments)

        for command in self.commands():
            with mock.patch("epmtlite.collect.stage.pack", pack):
                self.assertEqual(self.epmt("stage", job)[:2], (74, ""), command)
            with open(self.staged()) as file:
                self.assertEqual(file.read(), "of another process")
            self.assertEqual(len(os.listdir(job)), 3)
            os.unlink(self.staged())

    def test_of_many_who_stage_one_id_at_a_time_one_does(self):
        children = []
        for number in range(6):
            job = self.write_job(files_v2(job_pl_id=str(number)), f"{number}/job")
            child = os.fork()
            if not child:
                os._exit(self.epmt("stage", job)[0])
            children.append(child)
        statuses = [os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children]
        self.assertEqual(sorted(statuses), [0] + [74] * 5)
        with open_job(self.staged()) as job:
            self.assertEqual(job.metadata["job_pl_id"], str(statuses.index(0)))
        kept = [number for number in range(6) if os.path.exists(f"{number}/job/n2-papiex.tsv")]
        self.assertEqual(kept, [number for number in range(6) if statuses[number]])

    def test_mv_to_what_is_no_directory_is_a_wrong_configuration(self):
        """mv would make it a file, and the next job would replace that."""
        job = self.write_job(files_v2())
        for path in (str(self.destination / "mistyped"), self.write("file", "x")):
            self.settings(stage_command_dest=path)
            status, out, err = self.epmt("stage", job)
            self.assertEqual((status, out), (78, ""))
            self.assertIn(f"stage_command_dest {path} is no directory", err)
            self.assertEqual(len(os.listdir(job)), 3)

    def test_another_command_may_have_any_destination(self):
        program = self.write("take", '#!/bin/sh\nmv "$1" taken.tgz\n')
        os.chmod(program, 0o755)
        self.settings(stage_command=program, stage_command_dest="archive.example:/data")
        status, out, err = self.epmt("stage", self.write_job(files_v2()))
        self.assertEqual((status, out, err), (0, "archive.example:/data/job.tgz\n", ""))
        self.assertEqual(len(members_of("taken.tgz")), 3)

    def test_another_file_system_gets_the_whole_archive_for_this_account(self):
        other = other_file_system(self.temporary)
        if not other:
            self.skipTest("there is no second file system here that can be written")
        place = tempfile.mkdtemp(dir=other)
        self.addCleanup(shutil.rmtree, place, True)
        self.settings(stage_command_dest=place)
        for options in ([], ["--no-compress-and-tar"]):
            status, out, err = self.epmt("stage", *options, self.write_job(files_v2()))
            self.assertEqual((status, err), (0, ""))
            with open_job(out.strip()) as job:
                self.assertEqual(len(list(job.files())), 1)
            self.assertEqual(os.stat(out.strip()).st_mode & 0o077, 0)
        self.assertEqual(sorted(os.listdir(place)), ["job", "job.tgz"])
        self.assertEqual(self.epmt("stage", self.write_job(files_v2()))[0], 74)


class Leftovers(StageTest):
    """Nothing is deleted that is not in the archive."""

    def test_what_was_not_packed_stays_and_is_told(self):
        job = self.write_job(files_v2())
        for name in ("notes.txt", "vm-papiex.csv.gz", ".hidden", "results/of/mine"):
            self.write("job/" + name, "mine")
        status, out, err = self.epmt("stage", job)
        self.assertEqual((status, out), (0, self.staged() + "\n"))
        left = [".hidden", "notes.txt", "results", "vm-papiex.csv.gz"]
        self.assertEqual(sorted(os.listdir(job)), left)
        self.assertEqual((self.folder / "job/results/of/mine").read_text(), "mine")
        self.assertTrue(err.startswith("Warning: " + job), err)
        self.assertIn(", ".join(left), err)

    def test_of_many_some_are_named(self):
        job = self.write_job(files_v2())
        for number in range(15):
            self.write(f"job/{number:02}", "")
        err = self.epmt("stage", job)[2]
        self.assertIn("08, 09 and 5 more\n", err)

    def test_links_stay_and_so_does_what_they_lead_to(self):
        job = self.write_job(files_v2())
        self.write("elsewhere/file", "mine")
        os.symlink("../elsewhere", job + "/folder")
        os.symlink("../elsewhere/file", job + "/file")
        self.assertIn("file, folder", self.epmt("stage", job)[2])
        self.assertEqual(sorted(os.listdir(job)), ["file", "folder"])
        self.assertEqual((self.folder / "elsewhere/file").read_text(), "mine")

    def test_what_a_killed_collector_leaves_is_removed(self):
        job = self.write_job(files_v2())
        for name in (
            "job_metadata.tmp", ".job_metadata.ab12", "n2-papiex-header.tsv.77.1.5",
            names.ROOM_PREFIX + "n2-77",
        ):  # fmt: skip
            self.write("job/" + name, "")
        self.assertEqual(self.epmt("stage", job), (0, self.staged() + "\n", ""))
        self.assertFalse(os.path.exists(job))

    def test_a_job_can_begin_again_where_something_was_left(self):
        self.settings(stage_command_dest=self.destination)
        os.environ["SLURM_JOB_ID"] = "77"
        self.epmt("start")
        (directory,) = self.folder.glob("out/*/77")
        (directory / "notes").write_text("mine")
        for name in ("first", "second"):
            self.epmt("start")
            self.epmt("stop")
            self.assertEqual(self.epmt("stage")[0], 0)
            os.rename(self.staged("77.tgz"), name)
        self.assertEqual((directory / "notes").read_text(), "mine")

    def test_files_of_other_patterns_are_packed_and_removed(self):
        job = self.write_job(files_v2())
        self.write("job/x.data.tsv", "")
        self.settings(input_pattern="*.data.tsv")
        self.epmt("stage", job)
        self.assertEqual(os.listdir(job), ["n2-papiex.tsv"])
        self.assertIn("./x.data.tsv", members_of(self.staged()))


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
        with open_job(self.staged()) as staged:
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
        self.kept(66, self.write_job({"job_metadata.tmp": files_v2()["job_metadata"]}))

    def test_a_job_that_is_written_to_meanwhile_is_kept(self):
        job = self.write_job(files_v2())
        program = self.write("late", f"#!/bin/sh\necho x >> {job}/n2-papiex.tsv\n")
        os.chmod(program, 0o755)
        self.settings(stage_command=program)
        self.assertIn("stage it again", self.kept(75, job))

    def test_an_archive_without_what_was_written_meanwhile_is_taken_back(self):
        """Else it would be in the way of the whole one, and be taken for that."""
        job = self.write_job(files_v2())
        text = '#!/bin/sh\n[ -e once ] && exec mv "$1" "$2"\n'
        text += f'echo x >> {job}/n2-papiex.tsv; mv "$1" "$2"; touch once\n'
        program = self.write("late", text)
        os.chmod(program, 0o755)
        self.settings(stage_command=program)
        self.assertIn("stage it again", self.kept(75, job))
        self.assertEqual(os.listdir(str(self.destination)), [])
        self.assertEqual(self.epmt("stage", job), (0, self.staged() + "\n", ""))
        self.assertTrue(members_of(self.staged())["./n2-papiex.tsv"].endswith(b"\nx\n"))

    def test_what_cannot_be_taken_back_is_told(self):
        job = self.write_job(files_v2())
        program = self.write(
            "late", f'#!/bin/sh\necho x >> {job}/n2-papiex.tsv; echo longer >"$2/job.tgz"\n'
        )
        os.chmod(program, 0o755)
        self.settings(stage_command=program)
        status, _out, err = self.epmt("stage", job)
        self.assertEqual(status, 75)
        self.assertIn("job.tgz lacks what was written meanwhile: remove it", err)
        self.assertEqual(os.listdir(str(self.destination)), ["job.tgz"])

    def test_a_directory_that_cannot_be_removed_is_told(self):
        job = self.write_job(files_v2())
        remove = os.rmdir

        def rmdir(path, **options):
            """As it is for the place where something is mounted."""
            if os.path.basename(path) == "job":
                raise OSError(errno.EBUSY, "Device or resource busy")
            remove(path, **options)

        with mock.patch("os.rmdir", rmdir):
            status, _out, err = self.epmt("stage", job)
        self.assertEqual(status, 74)
        self.assertIn("job was staged, but cannot be removed: Device or resource busy", err)
        os.rmdir(job)

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

    def test_files_that_this_machine_cannot_read_now_are_staged_later(self):
        job = self.write_job(files_v2())
        with mock.patch("epmtlite.collect.files.Source", Unreadable):
            self.assertIn("cannot read " + job, self.kept(75, job))
        self.assertEqual(self.epmt("stage", job)[0], 0)


class Unreadable(files.Source):
    """A file of which nothing can be read: read(2) gives EIO, as it does for this process's memory
    at 0."""

    def readinto(self, buffer):
        """Fail."""
        memory = os.open("/proc/self/mem", os.O_RDONLY)
        os.dup2(memory, self.fileno())
        os.close(memory)
        return super().readinto(buffer)
