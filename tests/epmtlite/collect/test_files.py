"""Files in directories of strangers are opened and written with care."""

import os
import stat

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

    def test_a_directory_that_is_not_there_is_a_write_error(self):
        with self.assertRaises(errors.WriteError):
            files.write_whole("no/file", lambda stream: None)
