"""Jobs of directories and archives of every kind give the same processes."""

import gc
import io
import os
import tempfile
import tracemalloc

from epmtlite.collect import archive, errors, names, papiex
from tests.epmtlite.collect.jobs import (
    CSV,
    HEADER_V1,
    HEADER_V2,
    ROW_A,
    ROW_B,
    ROW_B2,
    TSV,
    JobTest,
    files_v1,
    files_v2,
    open_job,
    write_archive,
)


def processes(path, **options):
    """Return (metadata, [(name, kind, host, [pid])]) of a job."""
    with open_job(str(path), **options) as job:
        found = [
            (name, kind, host, [record.pid for record in rows])
            for name, kind, host, rows in job.files()
        ]
        return job.metadata, found


EXPECTED_V1 = [("n1-collated-papiex-77-0.csv", "v1", "n1", [10, 11])]
EXPECTED_V2 = [("n2-papiex.tsv", "v2", "n2", [10, 11])]


class Directories(JobTest):
    def test_both_versions_are_read(self):
        for files, expected in ((files_v1(), EXPECTED_V1), (files_v2(), EXPECTED_V2)):
            path = self.write_job(files, "j" + expected[0][1])
            metadata, found = processes(path)
            self.assertEqual((metadata["job_pl_id"], found), ("77", expected))

    def test_several_hosts_and_files_come_host_by_host(self):
        files = files_v2()
        files.update({
            "n1-papiex-10-0.csv": (HEADER_V1 + "\n" + ROW_A + "\n").encode(),
            "n1-papiex-11-0.csv": "\n".join((HEADER_V1, ROW_B, ROW_B2, "")).encode(),
            "n0-papiex.tsv": TSV.encode(),
            "n0-papiex-header.tsv": HEADER_V2.encode(),
        })  # fmt: skip
        _metadata, found = processes(self.write_job(files))
        self.assertEqual(
            found,
            [
                ("n0-papiex.tsv", "v2", "n0", [10, 11]),
                ("n1-papiex-10-0.csv", "v1", "n1", [10]),
                ("n1-papiex-11-0.csv", "v1", "n1", [11]),
                ("n2-papiex.tsv", "v2", "n2", [10, 11]),
            ],
        )

    def test_a_job_without_data_is_valid(self):
        files = {"job_metadata": files_v1()["job_metadata"], "notes.txt": b"x"}
        self.assertEqual(processes(self.write_job(files))[1], [])

    def test_a_file_without_host_is_of_the_host_of_the_metadata(self):
        files = dict(files_v1(), **{"papiex-1-0.csv": CSV.encode()})
        del files["n1-collated-papiex-77-0.csv"]
        _metadata, found = processes(self.write_job(files), pattern="*papiex*.[ct]sv")
        self.assertEqual(found, [("papiex-1-0.csv", "v1", "n1", [10, 11])])

    def test_what_is_not_there_is_told(self):
        job = self.write_job(files_v2())
        os.unlink(job + "/n2-papiex-header.tsv")
        with self.assertRaises(errors.MalformedError) as caught:
            processes(job)
        self.assertIn("n2-papiex-header.tsv", str(caught.exception))
        os.unlink(job + "/job_metadata")
        with self.assertRaises(errors.MalformedError) as caught:
            processes(job)
        self.assertIn("job_metadata", str(caught.exception))
        with self.assertRaises(errors.MissingError):
            processes("nothing")

    def test_links_are_refused(self):
        job = self.write_job(files_v2())
        os.symlink(job, "link")
        with self.assertRaises(errors.RefusedError):
            processes("link")
        for name in ("n2-papiex-header.tsv", "n2-papiex.tsv", "job_metadata"):
            os.rename(job + "/" + name, "moved")
            os.symlink(str(self.folder / "moved"), job + "/" + name)
            with self.assertRaises(errors.RefusedError):
                processes(job)
            os.unlink(job + "/" + name)
            os.rename("moved", job + "/" + name)

    def test_an_error_names_file_and_line(self):
        files = dict(files_v1(), **{"n1-collated-papiex-77-0.csv": (CSV + "x\n").encode()})
        with self.assertRaises(papiex.MalformedRecord) as caught:
            processes(self.write_job(files))
        self.assertIn("job/n1-collated-papiex-77-0.csv, line 5: ", str(caught.exception))

    def test_no_file_stays_open(self):
        before = len(os.listdir("/proc/self/fd"))
        for _attempt in range(3):
            processes(self.write_job(files_v2()))
            with self.assertRaises(errors.CollectError):
                processes(self.write_job({"job_metadata": b"x"}, "bad"))
        gc.collect()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


class Archives(JobTest):
    def test_any_order_of_the_members_is_read(self):
        files = list(files_v2().items())
        for turn in range(3):
            for order in (files, files[::-1]):
                ordered = order[turn:] + order[:turn]
                for mode in ("w:gz", "w"):
                    path = write_archive("77.tgz", ordered, mode)
                    metadata, found = processes(path)
                    self.assertEqual((metadata["job_pl_id"], found), ("77", EXPECTED_V2))

    def test_files_of_several_hosts_wait_for_their_headers_only(self):
        first = dict(files_v2())
        order = [
            ("n9-papiex.tsv", TSV.encode()),
            ("job_metadata", first["job_metadata"]),
            ("n2-papiex-header.tsv", HEADER_V2.encode()),
            ("n2-papiex.tsv", TSV.encode()),
            ("n3-papiex.tsv", TSV.encode()),
            ("n9-papiex-header.tsv", HEADER_V2.encode()),
            ("n1-collated-papiex-77-0.csv", CSV.encode()),
            ("n3-papiex-header.tsv", HEADER_V2.encode()),
        ]
        _metadata, found = processes(write_archive("77.tgz", order))
        self.assertEqual([one[2] for one in found], ["n2", "n1", "n9", "n3"])
        self.assertEqual({tuple(one[3]) for one in found}, {(10, 11)})

    def test_what_comes_before_the_metadata_takes_no_room_on_any_disk(self):
        before = tempfile.tempdir
        self.addCleanup(setattr, tempfile, "tempdir", before)
        tempfile.tempdir = str(self.folder / "nowhere")
        with self.assertRaises(OSError):
            tempfile.TemporaryFile().close()
        path = write_archive("77.tgz", list(files_v2().items())[::-1])
        self.assertEqual(processes(path)[1], EXPECTED_V2)

    def test_an_archive_that_changes_between_both_passes_is_told(self):
        path = write_archive("77.tar", list(files_v2().items())[::-1], "w")
        for content, reason in (
            (b"", "damaged"),
            (b"x" * 512, "damaged"),
            ([("job_metadata", b"{}")], "has changed while it was read"),
        ):
            write_archive(path, list(files_v2().items())[::-1], "w")
            with open_job(path) as job:
                if isinstance(content, bytes):
                    self.write("77.tar", content)
                else:
                    write_archive(path, content, "w")
                with self.assertRaises(errors.MalformedError) as caught:
                    list(job.files())
            self.assertIn(reason, str(caught.exception))

    def test_an_archive_that_is_replaced_is_read_as_it_was(self):
        path = write_archive("77.tgz", list(files_v2().items())[::-1])
        with open_job(path) as job:
            os.unlink(path)
            self.write("77.tgz", "other")
            self.assertEqual([one[0] for one in job.files()], ["n2-papiex.tsv"])

    def test_reading_all_files_reads_the_archive_to_its_end(self):
        for order in (list(files_v2().items()), list(files_v2().items())[::-1]):
            with open(write_archive("77.tar", order, "w"), "ab") as file:
                file.write(b"x")
            with open_job("77.tar") as job, self.assertRaises(errors.MalformedError):
                for _file in job.files():
                    pass

    def test_rows_that_are_not_read_do_no_harm(self):
        order = list(files_v2().items()) + [("n1-papiex-1-0.csv", CSV.encode())]
        with open_job(write_archive("77.tgz", order)) as job:
            self.assertEqual([name for name, _kind, _host, _rows in job.files()],
                             ["n2-papiex.tsv", "n1-papiex-1-0.csv"])  # fmt: skip

    def test_files_in_a_folder_of_the_archive_are_found(self):
        order = [("77/" + name, raw) for name, raw in files_v2().items()]
        self.assertEqual(processes(write_archive("77.tgz", order))[1], EXPECTED_V2)

    def test_what_is_missing_or_twice_is_told(self):
        files = list(files_v2().items())
        for order, reason in (
            (files[1:], "no job_metadata"),
            ([files[0], files[2]], "no header file n2-papiex-header.tsv"),
            (files + [("x/n2-papiex.tsv", b"")], "two files n2-papiex.tsv"),
            (files + [("x/job_metadata", b"")], "two files job_metadata"),
        ):
            with self.assertRaises(errors.MalformedError) as caught:
                processes(write_archive("77.tgz", order))
            self.assertIn(reason, str(caught.exception))

    def test_the_name_is_that_of_the_file(self):
        with open_job(write_archive("77.tgz", files_v2().items())) as job:
            self.assertEqual(job.name, "77.tgz")

    def test_a_file_of_another_kind_is_malformed(self):
        with self.assertRaises(errors.MalformedError):
            processes(self.write("77.tgz", "text"))


class Gaps(JobTest):
    """Many empty lines pack into little, and take long to skip."""

    def read(self, text, base):
        """Return the number of processes of a job with a file of such a text; line ends are LF."""
        files = files_v1() if base.endswith(".csv") else files_v2()
        files[base] = text.encode()
        counts = {
            sum(len(one[3]) for one in processes(path)[1])
            for path in (self.write_job(files), write_archive("77.tgz", list(files.items())))
        }
        return counts.pop()

    def test_some_empty_lines_are_skipped(self):
        gap = "\n" * archive.MOST_EMPTY_LINES
        self.assertEqual(self.read(gap + TSV + gap + TSV + gap, "n2-papiex.tsv"), 4)
        text = gap + HEADER_V1 + "\n" + gap.replace("\n", "\r\n") + ROW_A + "\n" + gap
        self.assertEqual(self.read(text, "n1-collated-papiex-77-0.csv"), 1)

    def test_many_are_an_error_with_file_and_line(self):
        gap = "\n" * (archive.MOST_EMPTY_LINES + 1)
        for text, base, line in (
            (gap, "n2-papiex.tsv", 1),
            (TSV + gap, "n2-papiex.tsv", 3),
            (TSV + gap + TSV, "n2-papiex.tsv", 3),
            (TSV * 200000 + gap, "n2-papiex.tsv", 400001),
            (CSV + gap.replace("\n", "\r\n"), "n1-collated-papiex-77-0.csv", 5),
            (gap + CSV, "n1-collated-papiex-77-0.csv", 1),
        ):
            with self.assertRaises(papiex.MalformedRecord) as caught:
                self.read(text, base)
            self.assertEqual(caught.exception.line, line)
            self.assertIn("empty", str(caught.exception))
            self.assertIn(base, caught.exception.file)

    def test_they_are_found_wherever_blocks_end(self):
        raw = b"a\n" + b"\r\n" * archive.MOST_EMPTY_LINES + b"b\n"
        for raw_bytes, line in ((raw, None), (raw.replace(b"b", b""), 2)):
            for step in (1, 3, 1000, 8193, 1 << 20):
                stream = archive.WithoutGaps(io.BytesIO(raw_bytes), "f")
                try:
                    read = b"".join(iter(lambda: stream.read(step), b""))  # noqa: B023
                    found = None
                    self.assertEqual(read, raw_bytes)
                except papiex.MalformedRecord as error:
                    found = error.line
                self.assertEqual(found, line)


class Memory(JobTest):
    def test_it_does_not_grow_with_the_number_of_processes(self):
        rows = 20000
        big = (HEADER_V1 + "\n" + (ROW_A + "\n") * rows).encode()
        metadata = files_v1()["job_metadata"]
        orders = (
            [("job_metadata", metadata), ("n1-papiex-1-0.csv", big)],
            [("n1-papiex-1-0.csv", big), ("job_metadata", metadata)],
        )
        for order in orders:
            path = write_archive("77.tgz", order)
            tracemalloc.start()
            with open_job(path) as job:
                for _name, _kind, _host, records in job.files():
                    self.assertEqual(sum(1 for _record in records), rows)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertLess(peak, 8 << 20)
            self.assertGreater(len(big), 1 << 20)

    def test_the_names_of_the_module_are_those_of_the_settings(self):
        from epmtlite.collect.settings import DEFAULTS

        self.assertEqual(DEFAULTS["input_pattern"], names.DATA_PATTERN)
