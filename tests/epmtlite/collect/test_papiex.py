"""Rows of papiex become processes, or an error that says where and why."""

import io
import unittest

from epmtlite.collect import papiex
from tests.epmtlite.collect.jobs import (
    CSV,
    HEADER_V1,
    HEADER_V2,
    LINE_A,
    LINE_B,
    METRICS_V1,
    ROW_A,
    ROW_B,
    ROW_B2,
    TSV,
)


def v1(*lines):
    """Return the processes of lines of version 1."""
    return list(papiex.read_v1(lines, "a.csv"))


def v2(*lines):
    """Return the processes of lines of version 2."""
    return list(papiex.read_v2(lines, HEADER_V2, "a.tsv"))


class Version1(unittest.TestCase):
    def test_rows_of_threads_become_one_process(self):
        first, second = v1(*CSV.splitlines())
        self.assertEqual((first.pid, first.exitcode, first.threads), (10, 0, [(1, 2, 3, 0, 77, 5)]))
        self.assertEqual((second.tags, second.args, second.exitcode), ("op:x", "-n 2", 3))
        self.assertEqual(second.threads, [(4, 5, 6, 0, 8, 7), (10, 20, 30, 0, 9, 70)])
        self.assertEqual(second.numtids, 2)
        self.assertEqual((second.start, second.end), (1709181000000001, 1709181000900000))

    def test_names_are_the_metrics_in_file_order_and_shared(self):
        first, second = v1(*CSV.splitlines())
        self.assertEqual(first.names, tuple(METRICS_V1.split(",")))
        self.assertIs(first.names, second.names)

    def test_columns_may_stand_in_any_order(self):
        order = list(reversed(HEADER_V1.split(",")))
        rows = [",".join(reversed(row.split(","))) for row in (ROW_B, ROW_B2)]
        (record,) = v1(",".join(order), *rows)
        (expected,) = v1(HEADER_V1, ROW_B, ROW_B2)
        self.assertEqual(record[:15], expected[:15])
        self.assertEqual(record.threads[1], tuple(reversed(expected.threads[1])))

    def test_an_exit_signal_is_read_where_there_is_one_and_mpi_is_no_metric(self):
        header = HEADER_V1.replace("pid,", "exitsignal,mpirank,pid,", 1)
        (record,) = v1(header, ROW_A.replace(",0,10,", ",0,9,2,10,", 1))
        self.assertEqual((record.exitcode, record.exitsignal, record.pid), (0, 9, 10))
        self.assertNotIn("mpirank", record.names)

    def test_escaped_commas_and_backslashes_are_text(self):
        row = ROW_A.replace("-c a", 'printf "%vd"\\, \\\\n \\n\\t "')
        self.assertEqual(v1(HEADER_V1, row)[0].args, 'printf "%vd", \\n \\n\\t "')

    def test_a_raw_tab_is_shown_as_its_escape(self):
        self.assertEqual(v1(HEADER_V1, ROW_A.replace("-c a", "x\ty"))[0].args, "x\\ty")

    def test_bytes_that_are_not_utf8_and_nul_are_stored_as_escapes(self):
        row = ROW_A.replace("-c a", "x\udcff\0é")
        self.assertEqual(v1(HEADER_V1, row)[0].args, "x\\xff\\x00é")

    def test_comments_and_blank_lines_are_skipped_and_the_first_is_the_tag(self):
        first, second = v1("", "# op:old ", "#other", HEADER_V1, ROW_A, "", ROW_B, "# x", ROW_B2)
        self.assertEqual((first.tags, second.tags), ("op:old", "op:x"))

    def test_a_row_may_begin_like_a_comment(self):
        self.assertEqual(v1(HEADER_V1, "#1" + ROW_A)[0].tags, "#1")

    def test_an_empty_file_has_no_processes(self):
        self.assertEqual(v1(), [])
        self.assertEqual(v1(HEADER_V1), [])

    def test_carriage_returns_at_the_end_are_ignored(self):
        (record,) = v1(HEADER_V1 + "\r", ROW_A + "\r\n")
        self.assertEqual(record.names, tuple(METRICS_V1.split(",")))


class MalformedVersion1(unittest.TestCase):
    def rejected(self, reason, line, *lines):
        with self.assertRaises(papiex.MalformedRecord) as caught:
            v1(*lines)
        self.assertEqual((caught.exception.file, caught.exception.line), ("a.csv", line))
        self.assertIn(reason, caught.exception.reason)
        self.assertEqual(str(caught.exception), f"a.csv, line {line}: {caught.exception.reason}")

    def test_a_row_with_too_few_delimiters(self):
        reason = "Header: 20 delimiters, but this row has 19 delimiters"
        self.rejected(reason, 3, "# c", HEADER_V1, ROW_A.rpartition(",")[0])

    def test_an_escaped_comma_is_no_delimiter(self):
        self.rejected("19 delimiters", 2, HEADER_V1, ROW_A.replace(",5", "\\,5"))

    def test_a_field_that_is_no_number(self):
        for text in ("x", "", "1.5", "1_0", "nan", "9" * 5000, str(1 << 63), "-" + str(1 << 64)):
            reason = "64 bits" if text.lstrip("-").isdigit() and len(text) < 30 else "be a number"
            self.rejected(reason, 2, HEADER_V1, ROW_A[:-1] + text)

    def test_the_largest_numbers_are_read(self):
        row = ROW_A[:-1] + str((1 << 63) - 1)
        self.assertEqual(v1(HEADER_V1, row)[0].threads[0][-1], (1 << 63) - 1)

    def test_missing_rows_of_threads(self):
        self.rejected("should have 2 rows", 3, HEADER_V1, ROW_B, ROW_A)
        self.rejected("should have 2 rows", 2, HEADER_V1, ROW_B)

    def test_a_row_of_a_thread_without_its_process(self):
        self.rejected("be a number", 2, HEADER_V1, ROW_B2)

    def test_a_row_of_a_thread_with_fields_of_a_process(self):
        self.rejected("fields of a process", 3, HEADER_V1, ROW_B, ROW_B2.replace(",,", ",h,", 1))

    def test_an_impossible_number_of_threads(self):
        for count in ("0", "-1", "1000001"):
            self.rejected(
                "numtids", 2, HEADER_V1, ROW_A.replace(",1,10,17", "," + count + ",10,17")
            )

    def test_a_header_that_lacks_columns_or_has_one_twice(self):
        self.rejected("no column pid", 1, HEADER_V1.replace(",pid", ""), ROW_A)
        self.rejected("repeated", 1, HEADER_V1 + ",usertime", ROW_A + ",1")
        self.rejected("no header", 2, "# exe", "exename,path,args,pid")

    def test_a_line_that_is_too_long(self):
        self.rejected("longer", 2, HEADER_V1, "x" * (papiex.MOST_LINE_CHARACTERS + 1))


class Version2(unittest.TestCase):
    def test_a_line_is_a_process_with_all_threads(self):
        first, second = v2(LINE_A + "\n", LINE_B)
        self.assertEqual((first.tags, first.args, first.threads), ("", "", [(1, 2, 3)]))
        self.assertEqual(second.threads, [(4, 5, 6), (10, 20, 30)])
        self.assertEqual(second.names, ("usertime", "systemtime", "rssmax"))
        self.assertEqual((second.exitcode, second.exitsignal, second.generation), (3, 9, 0))
        self.assertEqual((second.pid, second.ppid, second.pgid, second.sid), (11, 10, 10, 10))

    def test_arguments_are_literal(self):
        self.assertEqual(v2(LINE_B)[0].args, '-d" -f2 \\, é')
        self.assertEqual(v2(LINE_A + '"x\ty\r\n')[0].args, '"x\ty\r')

    def test_of_rows_that_epmt_converted_the_quotes_are_none_of_an_argument(self):
        lines = [LINE_A + one for one in ('"say ""a b"""\r\n', "plain\r\n", '-d"\r', '"ours"\n')]
        found = [one.args for one in papiex.read_v2(lines, HEADER_V2, "a.tsv")]
        self.assertEqual(found, ['say "a b"', "plain", '-d"', '"ours"'])
        header = HEADER_V2.replace("\tfinish\t", "\tend\t")  # of papiex
        (found,) = papiex.read_v2(lines[:1], header, "a.tsv")
        self.assertEqual(found.args, '"say ""a b"""\r')

    def test_bytes_that_are_not_utf8_are_stored_as_escapes(self):
        self.assertEqual(v2(LINE_A + "\udce9\0")[0].args, "\\xe9\\x00")

    def test_a_file_without_metrics_is_read(self):
        (record,) = papiex.read_v2([LINE_B.replace("4, 5, 6, 10, 20, 30", "")], "{}\ttags", "a.tsv")
        self.assertEqual((record.names, record.threads), ((), [(), ()]))

    def test_both_versions_give_the_same_process(self):
        (old,) = v1(HEADER_V1, ROW_B, ROW_B2)
        new = v2(LINE_B)[0]
        self.assertEqual([thread[:3] for thread in old.threads], new.threads)
        self.assertEqual((old.pid, old.start, old.end), (new.pid, new.start, new.end))


class MalformedVersion2(unittest.TestCase):
    def rejected(self, reason, *lines):
        with self.assertRaises(papiex.MalformedRecord) as caught:
            v2(*lines)
        self.assertEqual(caught.exception.line, len(lines))
        self.assertIn(reason, str(caught.exception))

    def test_rows_that_papiex_cannot_have_written(self):
        self.rejected("15 fields instead of 16", LINE_A, LINE_A.rpartition("\t")[0])
        self.rejected("2 metrics instead of 3", LINE_A.replace("{1,2,3}", "{1,2}"))
        self.rejected("3 metrics instead of 3 for each of 2", LINE_A.replace("\t1\t17", "\t2\t17"))
        self.rejected("no array", LINE_A.replace("{1,2,3}", "1,2,3"))
        self.rejected("be a number", LINE_A.replace("{1,2,3}", "{1,2,}"))
        self.rejected("64 bits", LINE_A.replace("{1,", "{9223372036854775808,"))
        self.rejected("be a number", LINE_A.replace("\t10\t", "\tx\t"))
        self.rejected("numtids", LINE_A.replace("\t1\t17", "\t0\t17"))
        self.rejected("longer", LINE_A + "x" * papiex.MOST_LINE_CHARACTERS)

    def test_headers_without_metrics_in_braces(self):
        for header in ("", "tags\t{a}", "{a", "{a,,b}\tx", "{a,a}\tx"):
            with self.assertRaises(papiex.MalformedRecord, msg=header):
                list(papiex.read_v2([LINE_A], header, "a.tsv"))


class Lines(unittest.TestCase):
    def test_lines_of_a_stream_come_whole_across_blocks(self):
        text = "".join("é{}\n".format("x" * size) for size in (0, 1, papiex.BLOCK_BYTES, 5))
        found = list(papiex.text_lines(io.BytesIO(text.encode()), "f"))
        self.assertEqual(found, text.split("\n")[:-1])

    def test_a_last_line_without_its_newline_is_malformed_however_whole_it_looks(self):
        def v1_of(raw):
            return list(papiex.read_v1(papiex.text_lines(io.BytesIO(raw), "f"), "f"))

        def v2_of(raw):
            return list(papiex.read_v2(papiex.text_lines(io.BytesIO(raw), "f"), HEADER_V2, "f"))

        for text, read in ((CSV, v1_of), (TSV, v2_of)):
            self.assertEqual(len(read(text.encode())), 2)
            for cut in (1, 2, 3, 7):
                with self.assertRaises(papiex.MalformedRecord) as caught:
                    read(text.encode()[:-cut])
                where = (caught.exception.file, caught.exception.line)
                self.assertEqual(where, ("f", text.count("\n")))
                self.assertIn("ends within this line", str(caught.exception))

    def test_only_newlines_end_lines(self):
        raw = "a\x0b\x1c\u2028b\r\nc\n".encode()
        found = list(papiex.text_lines(io.BytesIO(raw), "f"))
        self.assertEqual(found, ["a\x0b\x1c\u2028b\r", "c"])

    def test_a_line_without_end_is_refused_before_it_is_in_memory(self):
        class Endless:
            given = 0

            def read(self, count):
                self.given += count
                return b"x" * count

        stream = Endless()
        with self.assertRaises(papiex.MalformedRecord):
            list(papiex.text_lines(stream, "f"))
        self.assertLess(stream.given, 3 * papiex.MOST_LINE_CHARACTERS)

    def test_a_tsv_of_bytes_is_read(self):
        lines = papiex.text_lines(io.BytesIO(TSV.encode()), "f")
        self.assertEqual(len(list(papiex.read_v2(lines, HEADER_V2, "f"))), 2)
