"""A record has what is known of a process, whatever its threads and its end were."""

import resource
import unittest
from unittest import mock

from epmtlite.collect import process, record
from epmtlite.collect.papiex import read_v2
from epmtlite.collect.process import Process

NAMES = ["usertime", "systemtime", "rssmax", "time_oncpu", "syscr"]


def metrics(number):
    """Return what a thread may have used."""
    return {
        "usertime": 0, "systemtime": 0, "rssmax": 100 + number, "time_oncpu": number * 1000,
        "syscr": number,
    }  # fmt: skip


def read_back(threads):
    """Return the ProcessRecord that is read from the line of some threads."""
    fields = ("", "n1", "a", "/a", 0, 0, 5, 0, 1, 5, 5, len(threads), 10, 20, "")
    lines = [record.line(NAMES, threads, fields).rstrip("\n")]
    (found,) = read_v2(lines, record.header(NAMES), "made")
    return found


class Records(unittest.TestCase):
    def setUp(self):
        self.process = Process(5, 1, None, 10)

    def test_threads_beyond_some_thousands_are_added_up_in_the_last_one(self):
        with mock.patch.object(process, "MOST_THREADS", 3):
            for task in range(6, 20):
                self.process.end_thread(task, metrics(task))
            self.process.end_thread(5, metrics(5))
        threads = self.process.finish()
        self.assertEqual([one["syscr"] for one in threads], [5, 6, 7, 8, sum(range(9, 20))])
        self.assertEqual(threads[-1]["rssmax"], 119)
        self.assertEqual(threads[-1]["usertime"] + threads[-1]["systemtime"], sum(range(9, 20)))
        self.assertEqual(self.process.added_up, 11)
        self.assertEqual(read_back(threads).numtids, 5)

    def test_of_a_process_that_nobody_saw_end_the_times_are_known_and_nothing_is_made_up(self):
        usage = mock.Mock(resource.getrusage(resource.RUSAGE_SELF))
        usage.ru_utime, usage.ru_stime = 0.25, 0.5
        threads = self.process.finish(usage)
        self.assertEqual(threads, [{"usertime": 250000, "systemtime": 500000}])
        self.assertEqual(read_back(threads).threads, [(250000, 500000, -1, -1, -1)])
        self.assertEqual(self.process.finish(), [{}])


if __name__ == "__main__":
    unittest.main()
