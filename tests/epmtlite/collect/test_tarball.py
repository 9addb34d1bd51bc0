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
        name = "/".join(["n" * 250] * 3)
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with tarfile.open("x.tar", "w", format=form) as tar:
                tar.addfile(tarfile.TarInfo(name))
            self.assertEqual(read("x.tar"), [(name, b"")])

    def test_padding_behind_the_end_is_read_over(self):
        files = [("a", b"1")]
        with open(write_archive("x.tar", files, "w"), "rb") as file:
            raw = file.read()
        for padded in (
            raw + bytes(1), raw + bytes(tarball.BLOCK_BYTES + 7), gzip.compress(raw + bytes(9999)),
            gzip.compress(raw) + gzip.compress(bytes(5)), gzip.compress(raw) + bytes(512),
        ):  # fmt: skip
            self.assertEqual(read(self.write("y.tar", padded)), files)

    def test_a_header_for_all_members_is_read(self):
        with tarfile.open("x.tar", "w", pax_headers={"comment": "as git archive has it"}) as tar:
            tar.addfile(tarfile.TarInfo("a"))
        self.assertEqual(read("x.tar"), [("a", b"")])

    def test_impossible_times_are_none(self):
        for time in ("inf", "-inf", "nan", "-1", "1e300", "x"):
            header = tarfile.TarInfo("a")
            header.pax_headers = {"mtime": time}
            with tarfile.open("x.tar", "w", format=tarfile.PAX_FORMAT) as tar:
                tar.addfile(header)
            self.assertEqual([one.mtime for one in tarball.open_archive("x.tar")], [0], time)

    def test_much_that_packs_well_is_read_if_it_is_no_bomb(self):
        noise = random.Random(5)
        rows = bytes(noise.randrange(256) for _one in range(450000))
        big = rows + bytes(tarball.MOST_SMALL_BYTES)
        with open(write_archive("x.tgz", [("a", big)]), "rb") as file:
            self.assertLess(len(file.read()), len(big) / 100)
        self.assertEqual(read("x.tgz"), [("a", big)])
        zeros = bytes(tarball.MOST_SMALL_BYTES + 1)  # not packed: as large as it looks
        self.assertEqual(read(write_archive("x.tar", [("a", zeros)], "w")), [("a", zeros)])

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
        for end in range(len(raw)):
            self.refused(self.write("x.tgz", raw[:end]))
        plain = gzip.decompress(raw)
        end_mark = 7 * 512  # behind a header, 4 blocks, a header, a block
        for end in range(end_mark):
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

    def test_a_bomb_wherever_it_is(self):
        bomb = bytes(tarball.MOST_SMALL_BYTES)
        for name in ("job_metadata", "n1-papiex.tsv", "notes"):
            path = write_archive("x.tgz", [(name, bomb), ("z", b"")])
            self.refused(path, "unpacks to more than 200 times its size")

    def test_another_archive_behind_the_end(self):
        """As `cat a.tgz b.tgz` makes it: who reads only the first one would lose the second."""
        parts = []
        for name in ("a", "b"):
            with open(write_archive("x.tar", [(name, name.encode())], "w"), "rb") as file:
                parts.append(file.read())
        one, two = parts
        for raw in (
            one + two, gzip.compress(one) + gzip.compress(two), gzip.compress(one + two),
            one + bytes(tarball.BLOCK_BYTES) + two, gzip.compress(one) + two, one + b"x",
            gzip.compress(one) + gzip.compress(b"x"), gzip.compress(one) + b"x",
            one + bytes(tarball.BLOCK_BYTES * 2) + b"x",
        ):  # fmt: skip
            self.refused(self.write("x.tgz", raw))

    def write_headers(self, *parts):
        """Write a tar of extended headers, (kind, bytes), and one file."""
        raw = b""
        for kind, body in parts:
            header = self.member(kind=kind)
            header.size = len(body)
            raw += header.tobuf(tarfile.GNU_FORMAT) + body + bytes(-len(body) % 512)
        return self.write("x.tar", raw + self.member().tobuf(tarfile.GNU_FORMAT) + bytes(1024))

    def test_extended_headers_that_take_tarfile_hours(self):
        kinds = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        for body in (b"1" * 3000, b"9 a=" + b"0" * 64 + b"\n", b"20 GNU.sparse.major=1\n"):
            for kind in kinds:
                self.refused(self.write_headers((kind, body)), "extended header")
        self.assertEqual(read(self.write_headers((tarfile.XHDTYPE, b"11 mtime=1\n"))), [("x", b"")])

    def test_headers_for_all_members_without_end(self):
        body = b"".join(b"9 %04d=1\n" % number for number in range(300))
        self.refused(self.write_headers((tarfile.XGLTYPE, body)), "too many headers")
        self.refused(self.write_headers((tarfile.XGLTYPE, body * 2)), "impossible size")

    def test_headers_of_headers_without_end(self):
        for kind, body in ((tarfile.XHDTYPE, b"11 mtime=1\n"), (tarfile.GNUTYPE_LONGNAME, b"x\0")):
            self.refused(self.write_headers(*[(kind, body)] * 5000))

    def test_a_map_of_a_sparse_file_without_end(self):
        header = self.member(kind=tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT)
        header = bytearray(header)
        header[482] = 1  # that the map goes on in the next block
        header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 32)
        self.refused(self.write("x.tar", bytes(header) + b"1" * 51200), "no regular file")

    def test_names_that_no_file_has(self):
        with tarfile.open("x.tar", "w") as tar:
            tar.addfile(tarfile.TarInfo("a/" + "n" * 256))
        self.refused("x.tar", "impossible size or name")

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
