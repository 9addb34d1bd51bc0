"""CSV files of one job become one; bad ones are told and set aside."""

import os
import shutil
import tracemalloc

from epmtlite.collect import concat, errors, names, papiex
from epmtlite.collect.files import open_regular
from tests.epmtlite.collect.jobs import HEADER_V1, ROW_A, ROW_B, ROW_B2, JobTest

ONE = "\n".join(("# first", "", HEADER_V1, ROW_A)) + "\n"
TWO = "\n".join(("#second, comment", HEADER_V1, ROW_B, ROW_B2)) + "\n"
BAD = "\n".join((HEADER_V1, ROW_A, ROW_A.rpartition(",")[0])) + "\n"
TEXT = "File: job/n1-papiex-3-0.csv, Header: 20 delimiters, but this row has 19 delimiters"


def read(name, lines):
    """Return the processes of a file, with the host that it is for those that have none."""
    return [
        one if one.hostname else one._replace(hostname=names.host_of(name))
        for one in papiex.read_v1(lines, name)
    ]


class Concat(JobTest):
    def setUp(self):
        super().setUp()
        self.write_settings()
        self.write("job/n1-papiex-1-0.csv", ONE)
        self.write("job/n1-papiex-2-0.csv", TWO)

    def bad(self, content=BAD):
        self.write("job/n1-papiex-3-0.csv", content)

    def output(self, name="n1-collated-papiex-job-0.csv"):
        return (self.folder / name).read_text()

    def test_comments_then_one_header_then_all_rows(self):
        self.assertEqual(self.epmt("concat", "job"), (0, "", ""))
        expected = ["# first", "#second, comment", HEADER_V1, ROW_A, ROW_B, ROW_B2]
        self.assertEqual(self.output(), "\n".join(expected) + "\n")

    def test_a_list_of_files_is_joined_in_order_each_once(self):
        status, out, err = self.epmt(
            "concat", "-o", "x.csv", "job/n1-papiex-2-0.csv", "job/n1-papiex-1-0.csv",
            "job/n1-papiex-2-0.csv",
        )  # fmt: skip
        self.assertEqual((status, out), (0, ""))
        self.assertIn("Warning: ", err)
        self.assertEqual(self.epmt("concat", "job/"), (0, "", ""))
        self.assertEqual(self.output("x.csv"), self.output())

    def test_rows_keep_their_bytes(self):
        content = (HEADER_V1 + "\n" + ROW_A.replace("-c a", "\\,\\\\") + "\n").encode()
        content = content.replace(b"/bin/sh", b"/\xff\0")
        self.write("raw/n1-papiex-1-0.csv", content)
        self.assertEqual(self.epmt("concat", "raw"), (0, "", ""))
        with open("n1-collated-papiex-raw-0.csv", "rb") as file:
            self.assertEqual(file.read(), content)

    def test_a_bad_row_is_told_and_its_file_set_aside(self):
        self.bad()
        status, out, err = self.epmt("concat", "-E", "errors", "job")
        self.assertEqual((status, out), (74, ""))  # there is no such directory: nothing is lost
        self.assertTrue(os.path.exists("job/n1-papiex-3-0.csv"))
        os.unlink("n1-collated-papiex-job-0.csv")
        os.mkdir("errors")
        status, out, err = self.epmt("concat", "-E", "errors", "job")
        self.assertEqual((status, out, err), (0, "", f"Warning: {TEXT}\n"))
        self.assertEqual(self.output("errors/n1-papiex-3-0.csv.error"), BAD)
        self.assertEqual(sorted(os.listdir("job")), ["n1-papiex-1-0.csv", "n1-papiex-2-0.csv"])
        self.assertEqual(self.output().count("\n"), 6)

    def test_strictly_a_bad_row_fails_and_changes_nothing(self):
        self.bad()
        status, out, err = self.epmt("concat", "-e", "job")
        self.assertEqual((status, out, err), (65, "", f"Error: {TEXT}\n"))
        self.assertEqual(len(os.listdir("job")), 3)
        self.assertFalse(os.path.exists("n1-collated-papiex-job-0.csv"))

    def test_other_files_that_are_bad(self):
        for content in (
            "", "# comment only\n", HEADER_V1 + "\n",
            HEADER_V1.replace("rss", "RSS") + "\n" + ROW_A + "\n",
            "a,b\n1,2\n", HEADER_V1 + "\n" + ROW_A.replace(",", "\\,", 1) + "\n", "#x\n" * 400000,
            HEADER_V1 + "\n" * 5000 + ROW_A + "\n", HEADER_V1 + "\n" + ROW_A, HEADER_V1,
            "#" + "x" * 5000 + "\n" + HEADER_V1 + "\n" + ROW_A + "\n",
        ):  # fmt: skip
            self.bad(content)
            with self.assertRaises(concat.Bad):
                concat.concat(["job"], is_strict=True)

    def test_a_file_that_ends_within_its_last_row_is_bad_and_no_number_is_made_of_a_part(self):
        content = HEADER_V1 + "\n" + ROW_A + "\n" + ROW_A[:-1] + "123456"
        for cut in range(5):
            self.bad(content[: len(content) - cut])
            status, out, err = self.epmt("concat", "-o", f"{cut}.csv", "job")
            self.assertEqual((status, out), (0, ""))
            self.assertRegex(err, r"\AWarning: File: job/n1-papiex-3-0.csv, the file ends within ")
            self.assertEqual(self.output(f"{cut}.csv").count("\n"), 6)
            kept = "n1-papiex-3-0.csv" + (f".{cut + 1}.error" if cut else ".error")
            self.assertEqual(self.output(kept), content[: len(content) - cut])

    def test_bad_files_of_one_name_are_all_kept(self):
        for number in range(1, 4):
            self.write(f"{number}/n1-papiex-3-0.csv", BAD + f"of job {number}\n")
            status, out, err = self.epmt("concat", str(number))
            self.assertEqual((status, out), (0, ""))
            self.assertEqual(os.listdir(str(number)), [])
            name = "n1-papiex-3-0.csv" + (f".{number}.error" if number > 1 else ".error")
            self.assertEqual(self.output(name), BAD + f"of job {number}\n")
            self.assertEqual("is now" in err and name in err, number > 1)

    def test_a_bad_file_that_was_kept_before_is_kept_once(self):
        for _again in range(2):
            self.bad()
            self.epmt("concat", "-o", f"{_again}.csv", "job")
        self.assertEqual([name for name in os.listdir(".") if ".error" in name],
                         ["n1-papiex-3-0.csv.error"])  # fmt: skip

    def test_links_and_pipes_in_the_place_of_a_kept_file_stay(self):
        os.symlink("job/n1-papiex-3-0.csv", "n1-papiex-3-0.csv.error")
        os.mkfifo("n1-papiex-3-0.csv.2.error")
        self.bad()
        self.assertEqual(self.epmt("concat", "job")[0], 0)
        self.assertEqual(self.output("n1-papiex-3-0.csv.3.error"), BAD)
        self.assertTrue(os.path.islink("n1-papiex-3-0.csv.error"))

    def test_of_many_that_keep_a_file_of_one_name_none_is_lost(self):
        children = []
        for number in range(6):
            path = self.write(f"{number}/n1-papiex-3-0.csv", str(number))
            child = os.fork()
            if not child:
                status = 1
                try:
                    concat.copy_bad(path, ".")
                    status = 0
                finally:
                    os._exit(status)
            children.append(child)
        self.assertEqual([os.waitpid(child, 0)[1] for child in children], [0] * 6)
        kept = [self.output(name) for name in os.listdir(".") if name.endswith(".error")]
        self.assertEqual(sorted(kept), list("012345"))

    def test_when_all_are_bad_nothing_is_written(self):
        self.write("other/n1-papiex-1-0.csv", BAD)
        status, _out, _err = self.epmt("concat", "other")
        self.assertEqual((status, os.listdir("other")), (0, []))
        self.assertFalse(os.path.exists("n1-collated-papiex-other-0.csv"))

    def test_an_empty_directory_is_no_error(self):
        os.mkdir("empty")
        self.assertEqual(self.epmt("concat", "empty"), (0, "", ""))

    def test_what_is_not_there_is_told(self):
        for name, text in (
            ("x/", "x/ does not exist or is not a directory"),
            ("x.csv", "x.csv does not exist or is not a file"),
        ):
            self.assertEqual(self.epmt("concat", name), (66, "", f"Error: {text}\n"))

    def test_a_collated_file_is_not_joined_again(self):
        self.epmt("concat", "job")
        os.rename("n1-collated-papiex-job-0.csv", "job/n1-collated-papiex-job-0.csv")
        self.assertEqual(self.epmt("concat", "job")[0], 2)
        self.assertEqual(self.epmt("concat", "job/n1-collated-papiex-job-0.csv")[0], 2)

    def test_an_output_that_exists_is_kept(self):
        self.write("x.csv", "old")
        self.assertEqual(self.epmt("concat", "-o", "x.csv", "job")[0], 74)
        self.assertEqual(self.output("x.csv"), "old")

    def test_an_output_that_appears_meanwhile_is_kept(self):
        good, header, comments = concat.examined(
            ["job/n1-papiex-1-0.csv"], concat.Joined(), True, open_regular
        )
        self.write("x.csv", "of another process")
        with self.assertRaises(errors.WriteError):
            concat.write_joined(good, header, comments, "x.csv", open_regular)
        self.assertEqual(self.output("x.csv"), "of another process")

    def test_a_file_that_changes_meanwhile_gives_no_output(self):
        good, header, comments = concat.examined(
            ["job/n1-papiex-1-0.csv"], concat.Joined(), True, open_regular
        )
        self.write("job/n1-papiex-1-0.csv", ONE + ROW_A + "\n")
        with self.assertRaises(concat.Bad):
            concat.write_joined(good, header, comments, "x.csv", open_regular)
        self.assertFalse(os.path.exists("x.csv"))

    def check_joined(self, files):
        """Join files {name: lines}; check that the processes are those of the files, and return
        the result."""
        shutil.rmtree("parts", True)
        expected = []
        for name, lines in sorted(files.items()):
            self.write("parts/" + name, "\n".join(lines) + "\n")
            expected += read(name, lines)
        concat.concat(["parts"], "n1-papiex-joined.csv", is_strict=True)
        text = self.output("n1-papiex-joined.csv")
        os.unlink("n1-papiex-joined.csv")
        self.assertEqual(read("n1-papiex-joined.csv", text.splitlines()), expected)
        for line in (line for lines in files.values() for line in lines if line[0] == "#"):
            self.assertIn(line + "\n", text)
        return text

    def test_every_process_keeps_the_tag_of_its_own_file(self):
        untagged = ROW_B.replace("op:x", "")
        many = (HEADER_V1, untagged, ROW_B2, ROW_B, ROW_B2)
        for one, other in (
            (("#op:a", HEADER_V1, ROW_A), ("#op:b", *many)),
            ((HEADER_V1, ROW_A), ("#op:b", *many)),
            (("#op:a", HEADER_V1, ROW_A), many),
            (("#", "#op:a", HEADER_V1, ROW_A), ("#op:b", *many)),
            ((HEADER_V1, ROW_A, "# op:late"), many),
            ((HEADER_V1, ROW_A), ("#op:a\\,b\\n, \tc,\\", *many)),
        ):
            self.check_joined({"n1-papiex-1-0.csv": one, "n1-papiex-2-0.csv": other})

    def test_rows_of_files_with_one_tag_stay_as_they_are(self):
        one = ("# op:a", HEADER_V1, ROW_A)
        text = self.check_joined({"n1-papiex-1-0.csv": one, "n1-papiex-2-0.csv": one})
        self.assertEqual(text.splitlines(), ["# op:a", "# op:a", HEADER_V1, ROW_A, ROW_A])

    def test_rows_without_a_host_keep_that_of_their_own_file(self):
        nowhere = ROW_A.replace(",n1,", ",,")
        text = self.check_joined({
            "n1-papiex-1-0.csv": (HEADER_V1, nowhere),
            "n2,x\\-papiex-1-0.csv": (HEADER_V1, nowhere, ROW_B, ROW_B2),
            "papiex-1-0.csv": (HEADER_V1, nowhere),
        })  # fmt: skip
        self.assertIn("\n" + nowhere + "\n", text)
        self.assertIn("\n" + ROW_A.replace(",n1,", ",n2\\,x\\\\,") + "\n", text)
        self.assertIn("\n" + ROW_A.replace(",n1,", ",unknown,") + "\n", text)

    def test_memory_does_not_grow_with_the_rows(self):
        self.write("big/n1-papiex-1-0.csv", HEADER_V1 + "\n" + (ROW_A + "\n") * 100000)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        concat.concat(["big"], "x.csv")
        self.assertLess(tracemalloc.get_traced_memory()[1], 8 << 20)

    def test_an_error_has_the_status_of_its_class(self):
        self.assertEqual(errors.MalformedError.exit_code, concat.Bad("f", "r").exit_code)
