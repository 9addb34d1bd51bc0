"""The names of papiex's files say host and version."""

import unittest

from epmtlite.collect import errors, names


class Names(unittest.TestCase):
    def test_the_host_stands_before_papiex(self):
        for name, host in (
            ("pp053-papiex-615503-0.csv", "pp053"),
            ("pp208-collated-papiex-685000-0.csv", "pp208"),
            ("a.b-c.org-papiex.tsv", "a.b-c.org"),
            ("dir/a.b-papiex-header.tsv", "a.b"),
            ("papiex-1-0.csv", "unknown"),
        ):
            self.assertEqual(names.host_of(name), host)

    def test_a_name_with_papiex_twice_is_refused(self):
        with self.assertRaises(errors.MalformedError):
            names.host_of("papiex1-papiex.tsv")

    def test_headers_and_hidden_files_are_no_data(self):
        for name in (
            "a-papiex-header.tsv",
            ".a-papiex.tsv",
            "a-papiex.txt",
            "a.csv",
            "job_metadata",
        ):
            self.assertFalse(names.is_data(name), name)
        for name in ("a-papiex.tsv", "a-papiex-1-0.csv", "a-collated-papiex-1-0.csv"):
            self.assertTrue(names.is_data(name), name)

    def test_a_pattern_of_the_settings_narrows_it(self):
        self.assertFalse(names.is_data("a-papiex.tsv", "*-papiex-[0-9]*-[0-9]*.csv"))
        self.assertTrue(names.is_data("a-papiex-1-0.csv", "*-papiex-[0-9]*-[0-9]*.csv"))

    def test_the_names_written_are_the_names_read(self):
        for name in (names.data_name("h"), names.header_name("h"), names.collated_name("h", "7")):
            self.assertEqual(names.host_of(name), "h")
        self.assertTrue(names.is_header(names.header_name("h")))
        self.assertEqual(names.collated_name("pp053", "csv"), "pp053-collated-papiex-csv-0.csv")
