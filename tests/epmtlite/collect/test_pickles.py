"""Pickles of plain data are read; nothing of any other is executed."""

import datetime
import os
import pickle
import time
import unittest

from epmtlite.collect import pickles

MOMENT = datetime.datetime(2020, 6, 8, 10, 33, 54, 355139)
ZONE = datetime.timezone(datetime.timedelta(hours=5, minutes=30), "IST")
PLAIN = {
    "text": "é\n'\"\\",
    "numbers": [0, -1, 255, 70000, 1 << 40, -(1 << 70), 1.5, True, False, None],
    "empty": [{}, [], (), ""],
    "nested": {"a": {"b": [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]}},
    "naive": MOMENT,
    "aware": MOMENT.replace(tzinfo=ZONE),
}
# As Python 2 wrote dictionaries of texts with a naive time.
PYTHON_2 = (
    b"(dp0\nS'job_pl_id'\np1\nS'6850'\np2\nsS'job_pl_start_ts'\np3\ncdatetime\ndatetime\np4\n"
    b"(S'\\x07\\xe3\\x06\\x0f\\x074\\x04\\x01 \\xed'\np5\ntp6\nRp7\nsS'env'\np8\n(dp9\nV\\u00e9\n"
    b"p10\nS'it\\'s'\np11\nssS'n'\nI5\nsS'b'\nI01\nsS'l'\n(lp12\nL7L\naF2.5\nasS'z'\nNs."
)


class Evil:
    """What an attacker pickles."""

    def __init__(self, call, *arguments):
        self.reduced = call, arguments

    def __reduce__(self):
        return self.reduced


class Reading(unittest.TestCase):
    def test_plain_data_of_every_protocol_come_back(self):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            expected = pickle.loads(pickle.dumps(PLAIN, protocol))
            with self.subTest(protocol=protocol):
                if protocol < 2:
                    # These name copyreg for times: a file of Python 2 does not.
                    data = {key: PLAIN[key] for key in ("text", "numbers", "empty", "nested")}
                    self.assertEqual(pickles.loads(pickle.dumps(data, protocol)), data)
                else:
                    self.assertEqual(pickles.loads(pickle.dumps(PLAIN, protocol)), expected)

    def test_what_dumps_writes_every_python_3_reads(self):
        self.assertEqual(pickle.loads(pickles.dumps(PLAIN)), PLAIN)
        self.assertEqual(pickles.loads(pickles.dumps(PLAIN)), PLAIN)

    def test_texts_of_python_2_are_bytes(self):
        found = pickles.loads(PYTHON_2)
        self.assertEqual(found[b"job_pl_id"], b"6850")
        self.assertEqual(found[b"job_pl_start_ts"], datetime.datetime(2019, 6, 15, 7, 52, 4, 73965))
        self.assertEqual(found[b"env"], {"é": b"it's"})
        self.assertEqual((found[b"n"], found[b"b"], found[b"z"]), (5, True, None))
        self.assertEqual(found[b"l"], [7, 2.5])

    def test_keys_that_are_numbers_become_texts(self):
        self.assertEqual(pickles.loads(pickle.dumps({1: 2, None: 3})), {"1": 2, "None": 3})


class Refusing(unittest.TestCase):
    def refused(self, raw):
        with self.assertRaises(pickles.Unreadable):
            pickles.loads(raw)

    def test_nothing_that_a_pickle_names_is_called(self):
        marker = "epmt-pickle-was-executed"
        os.environ.pop(marker, None)
        calls = [
            Evil(os.putenv, marker, "1"), Evil(os.system, "exit 1"), Evil(eval, "1"),
            Evil(datetime.datetime.strptime, "1", "%d"), Evil(getattr, "x", "upper"),
            Evil(bytearray, 5), datetime.date(2020, 1, 1), {1, 2}, object(), Reading,
        ]  # fmt: skip
        for call in calls:
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                self.refused(pickle.dumps({"x": call}, protocol))
        self.assertNotIn(marker, os.environ)

    def test_dotted_names_and_other_modules_are_refused(self):
        for name in (
            b"datetime\ndatetime.now",
            b"builtins\neval",
            b"os\nsystem",
            b"_codecs\nlookup",
        ):
            self.refused(b"c" + name + b"\n(tR.")

    def test_odd_arguments_of_allowed_names_are_refused(self):
        for arguments in (b"(I1\nt", b"(t", b"I1\n", b"(S'short'\nt", b"(cdatetime\ndatetime\nt"):
            for name in (b"datetime", b"timezone", b"timedelta"):
                if (name, arguments) != (b"timedelta", b"(I1\nt"):
                    self.refused(b"cdatetime\n" + name + b"\n" + arguments + b"R.")

    def test_a_pickle_cut_anywhere_is_refused(self):
        for raw in (pickle.dumps(PLAIN), PYTHON_2):
            for end in range(len(raw)):
                self.refused(raw[:end])

    def test_any_changed_byte_gives_data_or_a_refusal(self):
        raw = pickle.dumps(PLAIN, 4)
        for at in range(len(raw)):
            for value in (0, 0x28, 0x52, 0x71, 0xFF):
                try:
                    pickles.loads(raw[:at] + bytes([value]) + raw[at + 1 :])
                except pickles.Unreadable:
                    pass

    def test_more_instructions_than_metadata_need_are_refused(self):
        most = pickles.MOST_INSTRUCTIONS
        self.assertEqual(pickles.loads(b"N" * (most - 1) + b"."), None)
        for code in (b"N", b"]", b"(", b"}", b"N\x94", b"K\x00"):
            raw = b"N" + code * most + b"."
            with self.assertRaises(pickles.Unreadable) as caught:
                pickles.loads(raw)
            self.assertIn("instructions", str(caught.exception))
        environment = {f"VARIABLE_{number}": "x" for number in range(10000)}
        found = {"begin": environment, "end": environment.copy(), "changes": dict(environment)}
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            self.assertEqual(pickles.loads(pickle.dumps(found, protocol)), found)

    def test_huge_claims_take_neither_memory_nor_time(self):
        begin = time.process_time()
        self.refused(b"\x80\x04Nr\xff\xff\xff\x7fj\xff\xff\xff\x7e.")
        self.refused(b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.")
        self.refused(b"I" + b"9" * 3000000 + b"\n.")
        self.refused(b"L" + b"9" * 3000000 + b"L\n.")
        self.refused(b"\x8b\xff\xff\x0f\x00" + b"\xff" * (1 << 20) + b".")
        self.refused(b"(" * 100000 + b".")
        shared = b"})q\x01" + b"h\x01h\x01\x86q\x01" * 60 + b"Ns."  # a key of 2**60 parts
        self.refused(shared)
        self.assertLess(time.process_time() - begin, 5)
