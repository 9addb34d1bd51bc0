"""What root packs still belongs to who wrote it: else a forged user would be believed."""

import os
import shutil
import stat
import tempfile
import unittest
from unittest import mock

from epmtlite.collect import destination, stage
from tests.epmtlite.collect.jobs import CSV, files_v1, files_v2, members_of
from tests.epmtlite.collect.test_files import other_file_system
from tests.epmtlite.collect.test_stage import BAD, StageTest


@unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
class OfRoot(StageTest):
    def owners(self, path):
        is_file = os.path.isfile(path)
        paths = [path] if is_file else [os.path.join(path, name) for name in os.listdir(path)]
        return {(os.stat(one).st_uid, os.stat(one).st_gid) for one in paths}

    def owner(self, path):
        return {(os.stat(path).st_uid, os.stat(path).st_gid)}

    def give(self, job, uid):
        for name in os.listdir(job):
            os.chown(os.path.join(job, name), uid, uid)

    def written(self, *owners):
        job = self.write_job(files_v1())
        for number, name in enumerate(sorted(os.listdir(job))):
            os.chown(os.path.join(job, name), *owners[number % len(owners)])
        return job

    def test_an_archive_belongs_to_who_wrote_the_files(self):
        self.assertEqual(self.epmt("stage", self.written((1234, 4321)))[0], 0)
        self.assertEqual(self.owners(self.staged()), {(1234, 4321)})
        self.assertEqual(stat.S_IMODE(os.stat(self.staged()).st_mode), 0o600)

    def test_so_does_a_directory_and_what_comes_to_another_file_system(self):
        place = tempfile.mkdtemp(dir=other_file_system(self.temporary) or str(self.folder))
        self.addCleanup(shutil.rmtree, place, True)
        self.settings(stage_command_dest=place)
        for options in ([], ["--no-compress-and-tar"]):
            status, out, _err = self.epmt("stage", *options, self.written((1234, 4321)))
            self.assertEqual((status, self.owners(out.strip())), (0, {(1234, 4321)}))

    def test_what_is_of_root_stays_so(self):
        self.assertEqual(self.epmt("stage", self.written((0, 0)))[0], 0)
        self.assertEqual(self.owners(self.staged()), {(0, 0)})

    def test_files_of_several_accounts_are_refused(self):
        job = self.written((1234, 4321), (0, 0))
        self.assertEqual(self.epmt("stage", job)[0], 0)  # root's are no question
        self.assertEqual({uid for uid, _gid in self.owners(self.staged())}, {1234})
        os.unlink(self.staged())
        job = self.written((1234, 4321), (1235, 4321))
        status, _output, messages = self.epmt("stage", job)
        self.assertEqual((status, os.path.isdir(job)), (77, True))
        self.assertIn("files of several accounts, 1234, 1235", messages)

    def test_all_of_a_directory_belongs_to_who_wrote_the_files_also_what_was_joined(self):
        place = tempfile.mkdtemp(dir=other_file_system(self.temporary) or str(self.folder))
        self.addCleanup(shutil.rmtree, place, True)
        for number, where in enumerate((place, str(self.destination))):
            self.settings(stage_command_dest=where)
            job = self.write_job(dict(files_v1(), **{"n1-papiex-1-0.csv": CSV.encode()}))
            self.give(job, 1234)
            path = self.epmt("stage", "--no-compress-and-tar", job)[1].strip()
            self.assertIn("n1-collated-papiex-job-0.csv", os.listdir(path), number)
            self.assertEqual(self.owners(path) | self.owner(path), {(1234, 1234)})

    def test_what_a_command_copies_belongs_to_who_wrote_the_files(self):
        program = self.write("take", '#!/bin/sh\ncp -r "$1" "$2" && rm -r "$1"\n')
        os.chmod(program, 0o755)
        for command in ("cp -r", program):
            self.settings(stage_command=command)
            for options in ([], ["--no-compress-and-tar"]):
                job = self.written((1234, 1234))
                status, out, err = self.epmt("stage", *options, job)
                self.assertEqual((status, err), (0, ""))
                found = self.owners(out.strip()) | self.owner(out.strip())
                self.assertEqual(found, {(1234, 1234)})
            shutil.rmtree(str(self.destination))
            self.destination.mkdir()

    def test_no_other_file_of_root_is_given_away(self):
        """As one that somebody puts to the destination when the command is done."""
        self.write("secret", "0123456789")
        reasons = {"secret": "what was packed", "linked": "another name", "link": "given away"}
        for path, reason in reasons.items():
            if path == "linked":
                os.link("secret", path)
            elif path == "link":
                os.symlink("secret", path)
            with self.assertLogs("epmtlite", "WARNING") as told:
                destination.give_copy(path, 9 if path == "secret" else 10, (1234, 1234))
            self.assertIn(f"{path} stays root's, who is believed of any user", told.output[0])
            self.assertIn(reason, told.output[0])
            self.assertEqual(self.owner("secret"), {(0, 0)})

    def test_a_command_that_fails_after_it_has_copied_leaves_nothing_of_root(self):
        program = self.write("take", '#!/bin/sh\ncp -r "$1" "$2"\nexit 1\n')
        os.chmod(program, 0o755)
        self.settings(stage_command=program)
        for options in ([], ["--no-compress-and-tar"]):
            status, _out, err = self.epmt("stage", *options, self.written((1234, 1234)))
            self.assertEqual((status, err.count("\n")), (74, 1))
            (name,) = os.listdir(str(self.destination))
            path = str(self.destination / name)
            self.assertEqual(self.owners(path) | self.owner(path), {(1234, 1234)})
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)

    def test_a_command_that_changes_what_it_copies_is_told_so(self):
        program = self.write(
            "take", '#!/bin/sh\ncp -r "$1" "$2"\ngzip -r "$2" 2>/dev/null\necho x >> "$2"/job.tgz\n'
        )
        os.chmod(program, 0o755)
        self.settings(stage_command=program)
        for option, kept in (("-v", "job.tgz"), ("--no-compress-and-tar", "job")):
            status, _out, err = self.epmt("stage", option, self.written((1234, 1234)))
            self.assertEqual(status, 0)
            self.assertIn(f"{kept} stays root's, who is believed of any user: ", err)

    def test_a_file_of_root_that_has_another_name_is_not_packed_for_a_user(self):
        """Where the kernel does not protect hard links a user may have made it of any file."""
        job = self.write_job(files_v2())
        self.give(job, 1234)
        self.write("secret", "root's\n")
        os.link("secret", os.path.join(job, "n2-papiex-1-0.csv"))
        status, _out, err = self.epmt("stage", job)
        self.assertEqual((status, os.listdir(str(self.destination))), (77, []))
        self.assertIn("has another owner and another name, too", err)
        os.unlink("secret")
        self.assertEqual(self.epmt("stage", job)[0], 0)

    def test_a_trusted_account_that_is_not_known_now_is_no_stranger(self):
        job = self.written((1235, 4321), (1234, 4321))
        self.settings(trusted_owners="no-such-account")
        status, _out, err = self.epmt("stage", job)
        self.assertEqual((status, os.path.isdir(job)), (75, True))
        self.assertIn("as long as this machine does not know each account of trusted_owners", err)

    def test_a_bad_file_that_was_kept_before_is_kept_once(self):
        job = self.write_job(dict(files_v1(), **{"n1-papiex-1-0.csv": BAD.encode()}))
        self.give(job, 1234)
        self.settings(stage_command="false")
        for _again in range(3):
            self.assertEqual(self.epmt("stage", job)[0], 74)
        kept = [name for name in os.listdir(".") if ".error" in name]
        self.assertEqual(kept, ["n1-papiex-1-0.csv.error"])
        self.assertEqual(self.owner(kept[0]), {(1234, 1234)})

    def test_a_file_that_is_not_packed_may_be_anybodys(self):
        job = self.written((1234, 1234))
        os.chown(self.write("job/core", "x"), 1235, 1235)
        status, _out, err = self.epmt("stage", job)
        self.assertEqual((status, self.owners(self.staged())), (0, {(1234, 1234)}))
        self.assertIn("but for what stays there: core", err)

    def test_files_of_trusted_accounts_are_no_question(self):
        for trusted in ("1235", "*"):
            self.settings(trusted_owners=trusted)
            self.assertEqual(self.epmt("stage", self.written((1235, 1), (1234, 2)))[0], 0)
            owner = {"1235": (1234, 2), "*": (1235, 1)}[trusted]
            self.assertEqual(self.owners(self.staged()), {owner})
            os.unlink(self.staged())
            self.assertEqual(self.epmt("stage", self.written((1235, 1)))[0], 0)
            self.assertEqual(self.owners(self.staged()), {(1235, 1)})
            os.unlink(self.staged())


@unittest.skipUnless(os.geteuid() == 0, "only root can read what others cannot")
class WhileRootReads(StageTest):
    """Who owns the directory above a job puts something else into its place meanwhile."""

    def setUp(self):
        super().setUp()
        self.job = self.write_job(files_v2(), "parent/job")
        self.victim = self.write_job(
            dict(files_v2(), **{"n2-papiex.tsv": b"secret\n"}), "victim/job"
        )
        for directory, uid in ((self.job, 1234), (self.victim, 1235)):
            for name in os.listdir(directory):
                os.chown(os.path.join(directory, name), uid, uid)

    def meanwhile(self, name, before, after=lambda: None):
        """Let something be done before and after a function of stage is called."""
        called = getattr(stage, name)

        def call(*arguments):
            before()
            try:
                return called(*arguments)
            finally:
                after()

        return mock.patch("epmtlite.collect.stage." + name, call)

    def swap(self):
        """Put a link to another directory into the place of the one above the job, or back."""
        if os.path.islink("parent"):
            os.unlink("parent")
            os.rename("aside", "parent")
        else:
            os.rename("parent", "aside")
            os.symlink("victim", "parent")

    def test_nothing_is_read_or_removed_by_a_path_that_leads_elsewhere(self):
        for name in ("owner_of", "collated", "pack"):
            with self.meanwhile(name, self.swap, self.swap):
                self.assertEqual(self.epmt("stage", self.job), (0, self.staged() + "\n", ""))
            found = members_of(self.staged())
            self.assertEqual(found["./n2-papiex.tsv"], files_v2()["n2-papiex.tsv"])
            self.assertEqual(os.stat(self.staged()).st_uid, 1234)
            os.unlink(self.staged())
            self.assertEqual(len(os.listdir(self.victim)), 3)
            self.write_job(files_v2(), "parent/job")
            for one in os.listdir(self.job):
                os.chown(os.path.join(self.job, one), 1234, 1234)

    def test_only_what_was_packed_is_removed(self):
        with self.meanwhile("remove_packed", self.swap):
            status, _out, err = self.epmt("stage", self.job)
        self.assertEqual(status, 74)
        self.assertIn("cannot be removed: it is somewhere else by now", err)
        self.assertEqual((len(os.listdir(self.victim)), os.listdir("aside/job")), (3, []))

    def test_a_file_that_took_the_place_of_another_one_is_not_packed(self):
        data, kept = self.job + "/n2-papiex.tsv", self.job + "/kept"

        def take_place():
            os.rename(data, kept)
            os.link(self.victim + "/n2-papiex.tsv", data)

        with self.meanwhile("pack", take_place, lambda: os.rename(kept, data)):
            status, _out, err = self.epmt("stage", self.job)
        self.assertEqual((status, os.listdir(str(self.destination))), (75, []))
        self.assertIn("has changed while it was staged", err)
        self.assertEqual(self.epmt("stage", self.job)[0], 0)

    def test_a_file_that_was_written_at_last_is_not_removed(self):
        def write():
            with open(self.job + "/n2-papiex.tsv", "a") as file:
                file.write("more\n")

        with self.meanwhile("remove_packed", write):
            status, _out, err = self.epmt("stage", self.job)
        self.assertEqual(status, 74)
        self.assertIn("n2-papiex.tsv has just been written", err)
        self.assertIn("n2-papiex.tsv", os.listdir(self.job))

    def test_a_bad_file_is_the_one_that_was_looked_at(self):
        for directory, content in ((self.job, BAD), (self.victim, "secret,")):
            path = os.path.join(directory, "n1-papiex-1-0.csv")
            with open(path, "w") as file:
                file.write(content)
        with self.meanwhile("pack", lambda: None, self.swap):
            self.epmt("stage", self.job)
        self.assertEqual((self.folder / "n1-papiex-1-0.csv.error").read_text(), BAD)
