"""dump shows the metadata of a job, wherever they are."""

import os

from tests.epmtlite.collect.jobs import JobTest, files_v1, write_archive


class Dump(JobTest):
    def setUp(self):
        super().setUp()
        self.write_settings()
        self.job = self.write_job(files_v1())

    def test_every_kind_of_target_shows_the_same(self):
        write_archive("77.tgz", files_v1().items())
        write_archive("77.tar", files_v1().items(), "w")
        shown = {
            self.epmt("dump", name)
            for name in (self.job, self.job + "/job_metadata", "77.tgz", "77.tar")
        }
        self.assertEqual(len(shown), 1)
        ((status, out, err),) = shown
        self.assertEqual((status, err), (0, ""))
        lines = out.splitlines()
        self.assertEqual(lines[0], "job_el_env".ljust(24) + str(
            {"A": "1", "C": "3", "EPMT_JOB_TAGS": "k:v", "USER": "ada"}).ljust(56))  # fmt: skip
        self.assertEqual(lines[1], "job_el_exitcode".ljust(24) + "0".ljust(56))
        self.assertIn("job_pl_start_ts".ljust(24) + "2024-02-29 10:00:00.000250+05:30", out)
        self.assertEqual(lines, sorted(lines))

    def test_a_key_shows_its_value_only(self):
        self.assertEqual(self.epmt("dump", "-k", "job_pl_id", self.job), (0, "77\n", ""))

    def test_an_unknown_key_is_told_with_those_there_are(self):
        status, out, err = self.epmt("dump", "-k", "nope", self.job)
        self.assertEqual((status, out), (66, ""))
        self.assertIn("job_pl_id", err)

    def test_the_current_job_is_shown_while_it_runs_and_afterwards(self):
        os.environ["PBS_JOBID"] = "5.server"
        self.assertEqual(self.epmt("dump")[0], 66)
        self.epmt("start")
        self.assertEqual(self.epmt("dump", "-k", "job_pl_id"), (0, "5.server\n", ""))
        self.epmt("stop")
        self.assertEqual(self.epmt("dump", "-k", "job_el_exitcode"), (0, "0\n", ""))
        self.assertEqual(self.epmt("dump", "--jobid", "6")[0], 66)

    def test_control_characters_do_not_reach_the_terminal(self):
        job = self.write_job(files_v1(job_pl_id="\x1b[31m", **{"a\nb": 1}), "odd")
        _status, out, _err = self.epmt("dump", job)
        self.assertNotIn("\x1b", out)
        self.assertIn("\\x1b[31m", out)
        self.assertIn("a\\x0ab", out)

    def test_what_is_not_there_is_told(self):
        write_archive("no.tgz", [("other", b"x")])
        for name, status in (("a/b", 66), ("x.tgz", 66), ("12345", 66), ("no.tgz", 65)):
            self.assertEqual(self.epmt("dump", name)[:2], (status, ""), name)

    def test_metadata_of_a_size_that_no_job_has_are_refused(self):
        raw = b'{"a": "' + b"x" * (8 << 20) + b'"}'
        job = self.write_job({"job_metadata": raw}, "big")
        for target in (
            job,
            job + "/job_metadata",
            write_archive("big.tgz", [("job_metadata", raw)]),
        ):
            status, out, err = self.epmt("dump", target)
            self.assertEqual((status, out), (65, ""))
            self.assertIn("larger than 8388608 bytes", err)

    def test_several_targets_come_one_after_the_other(self):
        status, out, _err = self.epmt("dump", "-k", "job_pl_id", self.job, self.job)
        self.assertEqual((status, out), (0, "77\n77\n"))
