"""Records are lines that are whole, whatever the disk does."""

import os
import shutil
import tempfile
import unittest
from unittest import mock

from epmtlite.collect import recorder
from epmtlite.collect.recorder import LineFile, names_in


class LinesAreWhole(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.place)
        self.path = os.path.join(self.place, "lines")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self.file = LineFile(os.open(self.path, flags, 0o600))
        self.room = None  # bytes that the disk takes yet, None for all

    def write(self, descriptor, data):
        """Write as a disk does that becomes full."""
        if self.room is None:
            return REAL_WRITE(descriptor, data)
        if not self.room:
            raise OSError(28, "No space left on device")
        part = data[: self.room]
        self.room -= len(part)
        return REAL_WRITE(descriptor, part)

    def run_with(self, *lines):
        with mock.patch.object(os, "write", self.write):
            for line in lines:
                self.file.add(line)

    def text(self):
        with open(self.path, "rb") as file:
            return file.read()

    def test_what_a_full_disk_did_not_take_comes_when_there_is_room(self):
        self.room = 7
        self.run_with(b"first\n", b"second\n", b"third\n")
        self.assertEqual(self.text(), b"first\n")
        self.room = None
        self.run_with(b"fourth\n")
        self.file.close()
        self.assertEqual(self.text(), b"first\nsecond\nthird\nfourth\n")
        self.assertEqual(self.file.lost, 0)

    def test_a_disk_that_stays_full_leaves_no_part_of_a_line(self):
        self.room = 9
        self.run_with(b"first\n", b"second\n", b"third\n")
        with mock.patch.object(os, "write", self.write):
            self.file.close()
        self.assertEqual((self.text(), self.file.lost), (b"first\n", 2))

    def test_what_is_too_much_to_be_held_is_counted(self):
        with mock.patch.object(recorder, "MOST_HELD_BYTES", 10):
            self.room = 0
            self.run_with(b"123456\n", b"123456\n", b"lost\n")
        self.room = None
        self.run_with()
        self.file.close()
        self.assertEqual((self.text(), self.file.lost), (b"123456\n123456\n", 1))


class OneHeaderIsForAll(unittest.TestCase):
    def test_the_first_decides_and_later_ones_follow_it(self):
        place = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, place)
        path = os.path.join(place, "vm-papiex-header.tsv")
        self.assertEqual(names_in(path, ["a", "b"]), ["a", "b"])
        self.assertEqual(names_in(path, ["a", "b", "c"]), ["a", "b"])
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)


REAL_WRITE = os.write

if __name__ == "__main__":
    unittest.main()
