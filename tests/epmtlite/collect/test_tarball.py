"""Archives are read once from begin to end, and only if they are sound."""

import gzip
import io
import random
import tarfile
import tracemalloc

from epmtlite.collect import errors, tarball
from tests.epmtlite.collect.jobs import JobTest, members_of, write_archive


def read(path):
    """Return [(name, bytes)] of an archive."""
    return [(member.path, member.read()) for member in tarball.open_archive(str(path))]


class Reading(JobTest):
    def test_members_come_in_their_order_whether_compressed_or_not(self):
        files = [("a", b"1"), ("b/c", b"x" * 100000), ("d", b"")]
        for mode in ("w:gz", "w"):
            self.assertEqual(read(write_archive("x.tgz", files, mode)), files)

    def test_members_that_are_not_read_are_skipped(self):
        path = write_archive("x.tar", [("a", b"1" * 5000), ("b", b"2")], "w")
        self.assertEqual([one.base for one in tarball.open_archive(path)], ["a", "b"])

    def test_long_names_of_both_formats_are_read(self):
        name = "n" * 300
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with tarfile.open("x.tar", "w", format=form) as tar:
                tar.addfile(tarfile.TarInfo(name))
            self.assertEqual(read("x.tar"), [(name, b"")])

    def test_memory_does_not_grow_with_the_number_of_members(self):
        path = write_archive("x.tar", [(f"a{number}", b"") for number in range(3000)], "w")
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        begin = None
        for count, _member in enumerate(tarball.open_archive(path)):
            if count == 300:
                begin = tracemalloc.get_traced_memory()[0]
        self.assertLess(tracemalloc.get_traced_memory()[0] - begin, 200000)


class Refusing(JobTest):
    def refused(self, path, reason=""):
        with self.assertRaises(errors.MalformedError) as caught:
            read(path)
        self.assertIn(path, str(caught.exception))
        self.assertIn(reason, str(caught.exception))

    def member(self, name="./x", kind=tarfile.REGTYPE, target=""):
        header = tarfile.TarInfo(name)
        header.type, header.linkname = kind, target
        return header

    def test_links_devices_and_paths_out_of_the_archive(self):
        for header in (
            self.member(kind=tarfile.SYMTYPE, target="/etc/passwd"),
            self.member(kind=tarfile.LNKTYPE, target="y"),
            self.member(kind=tarfile.CHRTYPE), self.member(kind=tarfile.BLKTYPE),
            self.member(kind=tarfile.FIFOTYPE), self.member("/etc/x"), self.member("../x"),
            self.member("a/../../x"), self.member("..", tarfile.DIRTYPE),
            self.member(kind=tarfile.GNUTYPE_SPARSE),
        ):  # fmt: skip
            self.refused(write_archive("x.tgz", [header]))

    def test_what_is_no_archive(self):
        for raw in (
            b"",
            b"text",
            b"\x1f\x8b",
            gzip.compress(b""),
            gzip.compress(b"x" * 600),
            b"\0",
        ):
            self.refused(self.write("x.tgz", raw))

    def test_an_archive_cut_anywhere(self):
        files = [("a", bytes(range(256)) * 8), ("b", b"2")]
        with open(write_archive("w.tgz", files), "rb") as file:
            raw = file.read()
        for end in range(0, len(raw), 7):
            self.refused(self.write("x.tgz", raw[:end]))
        plain = gzip.decompress(raw)
        end_mark = 7 * 512  # behind a header, 4 blocks, a header, a block
        for end in range(0, end_mark, 128):
            self.refused(self.write("x.tar", plain[:end]))

    def test_a_changed_byte_of_the_compressed_stream(self):
        noise = random.Random(5)
        content = bytes(noise.randrange(256) for _one in range(3000))
        with open(write_archive("w.tgz", [("a", content)]), "rb") as file:
            raw = file.read()
        for at in range(40, len(raw), 97):
            changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            self.refused(self.write("x.tgz", changed))

    def test_a_damaged_header_is_not_taken_for_the_end(self):
        path = write_archive("x.tar", [("a", b"1"), ("b", b"2")], "w")
        with open(path, "r+b") as file:
            file.seek(1024)
            file.write(b"?")
        self.refused(path, "header")

    def test_a_header_of_a_huge_or_negative_size(self):
        header = self.member(kind=tarfile.XHDTYPE)
        header.size = 1 << 40
        for size in (1 << 40, -512):
            header.size = size
            with open("x.tar", "wb") as file:
                file.write(header.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
            self.refused("x.tar", "impossible size")

    def test_a_bomb_behind_the_end(self):
        with gzip.open(write_archive("x.tgz", [("a", b"1")]), "rb") as file:
            raw = file.read()
        with gzip.open("y.tgz", "wb") as file:
            file.write(raw + bytes(tarball.MOST_TRAILING_BYTES + tarball.BLOCK_BYTES * 2))
        self.refused("y.tgz", "behind its end")

    def test_links_to_archives_and_other_files(self):
        (self.folder / "x.tgz").symlink_to("/etc/passwd")
        with self.assertRaises(errors.RefusedError):
            read("x.tgz")
        with self.assertRaises(errors.MissingError):
            read("y.tgz")


class Writing(JobTest):
    def test_what_is_written_other_programs_read(self):
        for compress in (True, False):
            with open("x.tgz", "wb") as stream, tarball.Writer(stream, compress) as archive:
                archive.add_bytes("job_metadata", b"{}")
                archive.add("b", 5, io.BytesIO(b"12345"), 7.5)
            self.assertEqual(members_of("x.tgz"), {"./job_metadata": b"{}", "./b": b"12345"})
            self.assertEqual(read("x.tgz"), [("job_metadata", b"{}"), ("b", b"12345")])

    def test_names_of_archives(self):
        for name in ("1.tgz", "1.tar.gz", "1.tar"):
            self.assertTrue(tarball.is_archive_name(name))
            self.assertEqual(tarball.without_suffix(name), "1")
        self.assertFalse(tarball.is_archive_name("1.zip"))
