"""Metadata survive being written, as JSON and as a pickle, and hostile ones are refused."""

import datetime
import json
import os
import pickle
import subprocess
import sys
import unittest

from epmtlite.collect import errors, metaformat
from tests.epmtlite.collect.jobs import CHECKOUT, STOP, metadata

NAIVE = datetime.datetime(2019, 6, 15, 7, 52, 4, 73965)
ODD_ZONE = datetime.timezone(-datetime.timedelta(hours=5, minutes=53))


class RoundTrips(unittest.TestCase):
    def test_both_formats_give_back_what_was_written(self):
        found = metadata(
            naive=NAIVE, odd=NAIVE.replace(tzinfo=ODD_ZONE), annotations={"x": [1, None]}
        )
        for as_pickle in (False, True):
            raw = metaformat.dumps(found, as_pickle)
            self.assertEqual(metaformat.loads(raw, "f"), found)
            self.assertEqual(metaformat.is_pickle(raw), as_pickle)

    def test_offsets_and_their_absence_are_kept(self):
        found = metaformat.loads(metaformat.dumps({"a": STOP, "n": NAIVE}), "f")
        self.assertEqual(found["a"].utcoffset(), datetime.timedelta(hours=5, minutes=30))
        self.assertIsNone(found["n"].tzinfo)

    def test_json_says_times_as_iso_8601(self):
        found = json.loads(metaformat.dumps({"a": STOP}).decode())
        self.assertEqual(found, {"a": {"__datetime__": "2024-02-29T11:00:00+05:30"}})

    def test_texts_of_python_2_become_texts_of_python_3(self):
        raw = b"(dS'a'\n(dS'b'\n(lS'\\xff'\nassS'c'\n(I1\nts."
        self.assertEqual(metaformat.loads(raw, "f"), {"a": {"b": ["\\xff"]}, "c": [1]})

    def test_texts_that_no_database_stores_become_escapes(self):
        raw = json.dumps({"a\0": "\udcff\ud800"}).encode()
        self.assertEqual(metaformat.loads(raw, "f"), {"a\\x00": "\\xff\\ud800"})

    def test_other_times_of_iso_8601_are_read(self):
        for text, expected in (
            ("2019-06-15T07:52:04.073965", NAIVE),
            ("2019-06-15 07:52:04.073965", NAIVE),
            (
                "2019-06-15T07:52:04+00:00",
                NAIVE.replace(microsecond=0, tzinfo=datetime.timezone.utc),
            ),
        ):
            self.assertEqual(metaformat.parsed_time(text), expected)


class Refusals(unittest.TestCase):
    def refused(self, raw):
        with self.assertRaises(errors.MalformedError) as caught:
            metaformat.loads(raw, "the file")
        self.assertEqual(caught.exception.exit_code, 65)
        self.assertIn("the file", str(caught.exception))

    def test_what_is_no_dictionary_of_plain_data(self):
        for raw in (
            b"", b" ", b"[1]", b"{", b'{"a": NaN}', b"\xff\xfe", b'{"a": "\xff"}',
            pickle.dumps([1]), pickle.dumps("x"), pickle.dumps({"a": object}),
            b"\x80\x03}cdatetime\ndatetime\n.",
            b"}S'a'\ncdatetime\ndatetime\ns.", b'{"a": {"__datetime__": "yesterday"}}',
            b'{"a": {"__datetime__": "2019-13-01T00:00:00"}}',
            b'{"a": {"__datetime__": "2019-01-01T00:00:00+25:00"}}',
            b'{"a": ' + b"9" * 100000 + b"}",
        ):  # fmt: skip
            with self.subTest(raw=raw[:40]):
                self.refused(raw)

    def test_what_is_nested_too_deep(self):
        self.refused(b'{"a": ' + b"[" * 100000 + b"]" * 100000 + b"}")
        self.refused(b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}")
        self.refused(b"}S'a'\n" + b"]" * 100000 + b"a" * 99999 + b"s.")

    def test_what_names_one_value_a_billion_times(self):
        lists = b"".join(
            b"](h" + bytes([n]) + b"h" + bytes([n]) + b"eq" + bytes([n + 1]) for n in range(50)
        )
        self.refused(b"}S'x'\n(]q\x00" + lists + b"ls.")

    def test_what_repeats_a_long_text_without_end(self):
        text = b"X" + (1 << 20).to_bytes(4, "little") + b"x" * (1 << 20) + b"q\x00"
        for count in (20, 1000000):
            self.refused(b"}S'x'\n(" + text + b"h\x00" * count + b"ls.")

    def test_more_values_than_metadata_have(self):
        for part in (b"{},", b"[],", b"1,", b'"",'):
            self.refused(b'{"a": [' + part * (1 << 18) + b"1]}")
        found = {str(number): {str(one): "a,b" for one in range(30)} for number in range(500)}
        raw = json.dumps(found).encode()
        self.assertEqual(metaformat.loads(raw, "f"), found)


# Prints how much memory a process took at most, in kilobytes, and what became of some metadata.
MEASURE = """
from epmtlite.collect import errors, metaformat
try:
    what = len(metaformat.loads({}, "f"))
except errors.MalformedError as error:
    what = "refused"
with open("/proc/self/status") as file:
    print(next(line for line in file if line.startswith("VmHWM:")).split()[1], what)
"""
MOST_KILOBYTES = 180000  # of which 10,000 are Python's, and 8,000 the file's


class Memory(unittest.TestCase):
    """Metadata of the greatest size that is read take little memory, whatever they hold."""

    def measured(self, expression):
        """Return what MEASURE prints: of an expression, since its bytes should be there once."""
        environment = dict(os.environ, PYTHONPATH=str(CHECKOUT))
        program = MEASURE.format(expression)
        out = subprocess.check_output([sys.executable, "-c", program], env=environment)
        kilobytes, what = out.decode().split()
        return int(kilobytes), what

    def check(self, expression, expected):
        kilobytes, what = self.measured(expression)
        self.assertLess(kilobytes, MOST_KILOBYTES, expression)
        self.assertEqual(what, expected, expression)

    def test_of_pickles(self):
        for code in ("]", "}", "(", "N\\x94", "]\\x94", ")", "K\\x01"):
            size = len(code.encode().decode("unicode_escape"))
            self.check(f"b'N' + b'{code}' * ({metaformat.MOST_BYTES} // {size}) + b'.'", "refused")

    def test_of_json(self):
        for part in ("{},", "[],", "1,", '"",', '"ab",', "1e9,"):
            count = (metaformat.MOST_BYTES - 20) // len(part)
            self.check(f"""b'{{"a": [' + b'{part}' * {count} + b'1]}}'""", "refused")

    def test_of_texts(self):
        for part in ("x", "\\xf0\\x9f\\x98\\x80", "\\\\u0000", "\\\\udcff", '\\\\"'):
            size = len(part.encode().decode("unicode_escape"))
            count = (metaformat.MOST_BYTES - 40) // size
            self.check(f"""b'{{"a": "' + b'{part}' * {count} + b'"}}'""", "1")
        size = metaformat.MOST_BYTES - 40
        text = f"""b'T' + ({size}).to_bytes(4, 'little') + b'\\xff' * {size}"""
        self.check(f"""b"}}S'a'\\n" + {text} + b's.'""", "1")
