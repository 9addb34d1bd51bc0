"""Tags are read and written as EPMT has them."""

import unittest

from epmtlite.collect import tags


class Tags(unittest.TestCase):
    def test_keys_and_values_are_texts_without_blanks_around(self):
        expected = {"a": "1", "b c": "x y", "d": ""}
        self.assertEqual(tags.parse(" a : 1 ;b c:x y;d:;"), expected)

    def test_a_part_without_a_colon_has_the_value_1(self):
        self.assertEqual(tags.parse("a;b:2"), {"a": "1", "b": "2"})

    def test_a_part_with_two_colons_or_without_key_is_left_out_with_a_warning(self):
        with self.assertLogs("epmtlite", "WARNING") as logged:
            self.assertEqual(tags.parse("a:b:c;k:v;:x"), {"k": "v"})
        self.assertEqual(len(logged.output), 2)

    def test_nothing_and_an_empty_text_differ(self):
        self.assertIsNone(tags.parse(None))
        self.assertEqual(tags.parse(""), {})

    def test_they_are_written_in_the_order_of_the_keys(self):
        self.assertEqual(tags.written({"b": "2", "a": "1"}), "a:1;b:2")
        self.assertEqual(tags.parse(tags.written({"x": "y", "a": "1"})), {"x": "y", "a": "1"})
        self.assertEqual((tags.written({}), tags.written(None)), ("", ""))
