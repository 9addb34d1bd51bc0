"""A job of version 1, converted, is the same job."""

import os
import tracemalloc

from tests.epmtlite.collect.jobs import (
    HEADER_V1,
    ROW_A,
    JobTest,
    files_v1,
    files_v2,
    members_of,
    open_job,
    write_archive,
)

NOT_SUMMED = ("num_threads", "starttime")


def job_of(path):
    """Return what an import takes from a job, and its kind: (kind, (metadata, [(host, process,
    {metric: sum})]))."""
    with open_job(str(path)) as job:
        found, kinds = [], set()
        for _name, kind, host, rows in job.files():
            kinds.add(kind)
            found += [(host, record[:15], sums_of(record)) for record in rows]
        return kinds.pop(), (job.metadata, found)


def sums_of(record):
    """Return {metric: sum over the threads} of a process."""
    return {
        name: sum(thread[at] for thread in record.threads)
        for at, name in enumerate(record.names)
        if name not in NOT_SUMMED
    }


class Convert(JobTest):
    def setUp(self):
        super().setUp()
        self.source = write_archive("77.tgz", list(files_v1().items()) + [("notes", b"kept")])

    def test_processes_and_sums_are_equal(self):
        self.assertEqual(self.epmt("convert", "77.tgz", "new.tgz"), (0, "", ""))
        (old, before), (new, after) = job_of("77.tgz"), job_of("new.tgz")
        self.assertEqual((old, new), ("v1", "v2"))
        self.assertEqual(after, before)

    def test_members_header_and_rows_are_as_epmt_writes_them(self):
        self.epmt("convert", "77.tgz", "new.tgz")
        members = members_of("new.tgz")
        self.assertEqual(
            list(members),
            ["./job_metadata", "./notes", "./n1-papiex-header.tsv", "./n1-papiex.tsv"],
        )
        self.assertEqual(members["./job_metadata"], files_v1()["job_metadata"])
        self.assertEqual(
            members["./n1-papiex-header.tsv"].decode(),
            "{rdtsc_duration,rssmax,systemtime,usertime}\ttags\thostname\texename\tpath\texitcode\t"
            "exitsignal\tpid\tgeneration\tppid\tpgid\tsid\tnumtids\tstart\tfinish\targs\n",
        )
        self.assertEqual(
            members["./n1-papiex.tsv"].decode().split("\n")[1],
            "{7, 6, 5, 4, 70, 30, 20, 10}\top:x\tn1\tapp\t/opt/app\t3\t0\t11\t0\t10\t10\t10\t2\t"
            "1709181000000001\t1709181000900000\t-n 2",
        )

    def test_without_destination_the_archive_itself_is_converted(self):
        before = job_of("77.tgz")[1]
        os.chmod("77.tgz", 0o640)
        self.assertEqual(self.epmt("convert", "77.tgz"), (0, "", ""))
        self.assertEqual(job_of("77.tgz"), ("v2", before))
        self.assertEqual(os.stat("77.tgz").st_mode & 0o777, 0o640)

    def test_odd_texts_are_equal_too(self):
        row = (
            ROW_A.replace("-c a", 'x\ty\\n\\t\\\\ \\,"é').encode().replace("é".encode(), b"\xff\0")
        )
        header = HEADER_V1.encode() + b"\n"
        files = {
            "job_metadata": files_v1()["job_metadata"],
            "n-papiex-1-0.csv": header + row + b"\n",
        }
        write_archive("odd.tgz", [*files.items()])
        self.epmt("convert", "odd.tgz", "new.tgz")
        self.assertEqual(job_of("new.tgz")[1], job_of("odd.tgz")[1])
        self.assertEqual(job_of("new.tgz")[1][1][0][1][4], 'x\\ty\\n\\t\\ ,"\\xff\\x00')

    def test_an_archive_that_is_version_2_already_stays_as_it_is(self):
        path = write_archive("v2.tgz", list(files_v2().items()))
        before = members_of(path)
        status, out, err = self.epmt("convert", "v2.tgz")
        self.assertEqual((status, out), (65, ""))
        self.assertIn("version 2 already", err)
        self.assertEqual(members_of(path), before)

    def test_none_or_several_csv_files_are_an_error(self):
        files = list(files_v1().items())
        for chosen in (files[:1], files + [("n2-papiex-1-0.csv", files[1][1])]):
            write_archive("x.tgz", chosen)
            self.assertEqual(self.epmt("convert", "x.tgz", "y.tgz")[0], 65)
            self.assertFalse(os.path.exists("y.tgz"))

    def test_a_malformed_row_leaves_the_archive(self):
        files = dict(files_v1(), **{"n1-collated-papiex-77-0.csv": HEADER_V1.encode() + b"\nx"})
        before = members_of(write_archive("x.tgz", files.items()))
        status, _out, err = self.epmt("convert", "x.tgz")
        self.assertEqual(status, 65)
        self.assertIn("n1-collated-papiex-77-0.csv, line 2", err)
        self.assertEqual(members_of("x.tgz"), before)

    def test_many_empty_lines_are_an_error(self):
        content = (HEADER_V1 + "\n" * 5000 + ROW_A).encode()
        write_archive("x.tgz", dict(files_v1(), **{"n1-collated-papiex-77-0.csv": content}).items())
        status, _out, err = self.epmt("convert", "x.tgz", "y.tgz")
        self.assertEqual((status, os.path.exists("y.tgz")), (65, False))
        self.assertIn("n1-collated-papiex-77-0.csv, line 2: more than 4096 lines", err)

    def test_several_archives_in_one_file_are_an_error(self):
        with open("77.tgz", "rb") as file:
            both = file.read() * 2
        for command in ("convert", "annotate"):
            path = self.write("both.tgz", both)
            arguments = ["a=1"] if command == "annotate" else []
            self.assertEqual(self.epmt(command, path, *arguments)[0], 65)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), both)

    def test_other_names_are_refused(self):
        for arguments in (("77.zip",), ("77.tgz", "77.zip"), ("77.tar",)):
            self.assertEqual(self.epmt("convert", *arguments)[0], 2)
        self.assertEqual(self.epmt("convert", "nothing.tgz")[0], 66)

    def test_memory_does_not_grow_with_the_processes(self):
        rows = HEADER_V1 + "\n" + (ROW_A + "\n") * 30000
        files = dict(files_v1(), **{"n1-collated-papiex-77-0.csv": rows.encode()})
        write_archive("big.tgz", files.items())
        del rows, files
        for arguments in (("convert", "big.tgz", "new.tgz"), ("annotate", "new.tgz", "a=1")):
            tracemalloc.start()
            self.assertEqual(self.epmt(*arguments), (0, "", ""))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertLess(peak, 8 << 20)
