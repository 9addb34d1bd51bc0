"""Files in directories of strangers are opened and written with care."""

import errno
import os
import resource
import shutil
import stat
import tempfile
from unittest import mock

from epmtlite.collect import errors, files
from tests.epmtlite.collect.jobs import JobTest


class Opening(JobTest):
    def test_links_fifos_and_directories_are_refused(self):
        self.write("file", "x")
        os.symlink("file", "link")
        os.mkfifo("fifo")
        os.mkdir("folder")
        for name in ("link", "fifo", "folder"):
            with self.assertRaises(errors.RefusedError, msg=name):
                files.open_regular(name).close()

    def test_a_missing_file_is_missing(self):
        with self.assertRaises(errors.MissingError):
            files.open_regular("nothing")

    def test_what_this_machine_cannot_read_now_is_no_fault_of_the_file(self):
        self.write("file", "xxx")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            with self.assertRaises(errors.UnavailableError):
                files.open_regular("file").close()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    def test_so_is_what_cannot_be_read_when_it_is_open(self):
        """read(2) of this process's memory at 0 gives EIO."""
        for read in (lambda file: file.read(), lambda file: file.read(9), list):
            with files.open_regular("/proc/self/mem") as file, self.assertRaises(
                errors.UnavailableError
            ) as caught:
                read(file)
            self.assertIn("cannot read /proc/self/mem now: ", str(caught.exception))

    def test_a_file_server_that_is_away_is_no_fault_of_the_file(self):
        for name in ("ESTALE", "ESHUTDOWN", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH", "EREMOTEIO",
                     "ECONNREFUSED", "ETIMEDOUT"):  # fmt: skip
            away = OSError(getattr(errno, name), "away")
            for opened in (files.open_regular, files.open_directory):
                with mock.patch("os.open", side_effect=away), self.assertRaises(
                    errors.UnavailableError, msg=name
                ):
                    opened("file")
            with mock.patch("os.listdir", side_effect=away), self.assertRaises(
                errors.UnavailableError
            ):
                files.listed(0, "folder")

    def test_a_link_to_a_directory_is_refused(self):
        os.mkdir("folder")
        os.symlink("folder", "link")
        with self.assertRaises(errors.RefusedError):
            files.open_directory("link")
        os.close(files.open_directory("folder"))

    def test_more_than_allowed_is_not_read(self):
        self.write("file", "xxx")
        with files.open_regular("file") as file, self.assertRaises(errors.MalformedError):
            files.read_whole(file, 2, "file")


class Writing(JobTest):
    def test_a_file_is_whole_and_for_this_account(self):
        files.write_whole("file", lambda stream: stream.write(b"new"))
        with open("file", "rb") as file:
            self.assertEqual(file.read(), b"new")
        self.assertEqual(stat.S_IMODE(os.stat("file").st_mode), 0o600)

    def test_a_failure_leaves_the_old_file_and_nothing_else(self):
        self.write("file", "old")

        def fail(stream):
            stream.write(b"half")
            raise KeyError

        with self.assertRaises(KeyError):
            files.write_whole("file", fail)
        self.assertEqual(os.listdir("."), ["file"])
        self.assertEqual((self.folder / "file").read_text(), "old")

    def test_a_link_is_replaced_and_not_followed(self):
        self.write("target", "old")
        os.symlink("target", "link")
        files.write_whole("link", lambda stream: stream.write(b"new"))
        self.assertEqual((self.folder / "target").read_text(), "old")
        self.assertFalse(os.path.islink("link"))

    def test_a_file_that_is_there_is_kept_where_that_is_asked_for(self):
        self.write("file", "old")
        self.write("target", "old")
        os.symlink("target", "link")
        for name in ("file", "link"):
            with self.assertRaises(errors.WriteError) as caught:
                files.write_whole(name, lambda stream: stream.write(b"new"), replace=False)
            self.assertIn("there already", str(caught.exception))
            self.assertEqual((self.folder / name).read_text(), "old")
        files.write_whole("new", lambda stream: stream.write(b"new"), replace=False)
        self.assertEqual((self.folder / "new").read_text(), "new")
        self.assertEqual(sorted(os.listdir(".")), ["file", "link", "new", "target"])

    def test_of_many_who_write_one_file_at_a_time_one_does(self):
        children = []
        for number in range(8):
            child = os.fork()
            if not child:
                status = 1
                try:
                    text = str(number).encode()
                    files.write_whole("file", lambda stream: stream.write(text), replace=False)  # noqa: B023
                    status = 0
                finally:
                    os._exit(status)
            children.append(child)
        statuses = [os.waitpid(child, 0)[1] for child in children]
        self.assertEqual(sorted(map(bool, statuses)), [False] + [True] * 7)
        self.assertEqual((self.folder / "file").read_text(), str(statuses.index(0)))
        self.assertEqual(os.listdir("."), ["file"])

    def test_a_directory_that_is_not_there_is_a_write_error(self):
        with self.assertRaises(errors.WriteError):
            files.write_whole("no/file", lambda stream: None)


def other_file_system(directory):
    """Return a directory on another file system, "" if there is none."""
    for path in ("/dev/shm", "/run/user/" + str(os.getuid()), "/var/tmp"):
        is_usable = os.path.isdir(path) and os.access(path, os.W_OK)
        if is_usable and os.stat(path).st_dev != os.stat(str(directory)).st_dev:
            return path
    return ""


class Moving(JobTest):
    def setUp(self):
        super().setUp()
        os.mkdir("target")
        self.targets = ["target"]
        other = other_file_system(self.folder)
        if other:
            self.targets.append(tempfile.mkdtemp(dir=other))
            self.addCleanup(shutil.rmtree, self.targets[1], True)

    def test_files_and_directories_are_moved_also_to_other_file_systems(self):
        for target in self.targets:
            self.write("file", "x")
            self.write("folder/a", "y")
            for name in ("file", "folder"):
                files.move_into(name, target)
                self.assertFalse(os.path.lexists(name))
            self.assertEqual(sorted(os.listdir(target)), ["file", "folder"])
            with open(target + "/file") as file, open(target + "/folder/a") as other:
                self.assertEqual((file.read(), other.read()), ("x", "y"))

    def test_nothing_that_is_there_is_replaced_and_nothing_is_lost(self):
        for target in self.targets:
            for name in ("file", "folder/a", "empty/a", "dangling/a"):
                self.write(name, "new")
            with open(target + "/file", "w") as file:
                file.write("old")
            os.mkdir(target + "/folder")
            with open(target + "/folder/b", "w") as file:
                file.write("old")
            os.mkdir(target + "/empty")
            os.symlink("nowhere", target + "/dangling")
            for name in ("file", "folder", "empty", "dangling"):
                with self.assertRaises(errors.WriteError) as caught:
                    files.move_into(name, target)
                self.assertIn(target + "/" + name, str(caught.exception))
                self.assertTrue(os.path.lexists(name))
            self.assertEqual(os.listdir(target + "/folder"), ["b"])
            with open(target + "/file") as file:
                self.assertEqual(file.read(), "old")
            self.assertEqual(len(os.listdir(target)), 4)

    def test_who_looks_at_the_same_moment_sees_the_old_or_the_new_one(self):
        """That nothing is there is checked at first, and again when it is put there."""
        for target in self.targets:
            for name in ("file", "folder/a"):
                self.write(name, "new")
            seen = os.path.lexists
            for name in ("file", "folder"):
                with self.assertRaises(errors.WriteError), mock.patch(
                    "os.path.lexists",
                    lambda path: make(path) if target in path else seen(path),  # noqa: B023
                ):
                    files.move_into(name, target)
                self.assertTrue(os.path.lexists(name))
            with open(target + "/file/old") as file:
                self.assertEqual(file.read(), "old")

    def test_where_links_are_impossible_files_are_renamed(self):
        self.write("file", "x")
        with mock.patch("os.link", side_effect=OSError(errno.EPERM, "no links")):
            files.move_into("file", "target")
        self.assertEqual(os.listdir("target"), ["file"])
        self.assertFalse(os.path.exists("file"))

    def test_a_directory_that_cannot_be_written_is_told(self):
        self.write("file", "x")
        with self.assertRaises(errors.WriteError):
            files.move_into("file", "nowhere")
        self.assertTrue(os.path.exists("file"))


def make(path):
    """Make something with that path, as another process does after it was looked for."""
    os.mkdir(path)
    with open(os.path.join(path, "old"), "w") as file:
        file.write("old")
    return False
