"""A settings.py of EPMT is taken over without running it, and what cannot be is told."""

import stat
import unittest

from epmtlite.collect import errors, python_settings, settings
from tests.epmtlite.collect.site import Site

SETTINGS = """\
'''Of our site.'''
import os
jobid_env_list = ["SLURM_JOB_ID", "PBS_JOBID"]
db_params = {"url": "postgresql://epmt:pa%ss@db/EPMT", "echo": False}
epmt_output_prefix: str = "/scratch/epmt/"
ingest_remove_on_success = False
retire_jobs_ndays = retire_models_ndays = 30
outlier_thresholds = {"z_score": 3.5}
papiex_options_bycpu = {}
error_dest = "first"
error_dest = "/data/errors"
orm = "sqlalchemy"
"""
LEFT = """\
logfile = os.path.join("/tmp", "epmt.log")
retire_jobs_ndays = "ten"
jobid_env_list = ["one", 2]
unknown = 1
db_params["url"] = "sqlite://"
if True:
    verbose = 2
verbose = 1; verbose = open("/etc/passwd").read()
"""


class TakenOver(Site):
    def setUp(self):
        super().setUp()
        self.new = self.place / "new.ini"

    def write(self, text):
        path = self.place / "settings.py"
        path.write_text(text)
        return str(path)

    def test_literals_mean_the_same_in_the_file_that_is_written(self):
        done = self.epmt("settings", "--from", self.write(SETTINGS), "-o", str(self.new))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(stat.S_IMODE(self.new.stat().st_mode), 0o600)
        self.assertEqual(
            settings.read_file(str(self.new)),
            {
                "jobid_env_list": ["SLURM_JOB_ID", "PBS_JOBID"],
                "db_params": {"url": "postgresql://epmt:pa%ss@db/EPMT", "echo": False},
                "epmt_output_prefix": "/scratch/epmt/", "ingest_remove_on_success": False,
                "retire_jobs_ndays": 30, "retire_models_ndays": 30,
                "outlier_thresholds": {"z_score": 3.5}, "papiex_options_bycpu": {},
                "error_dest": "/data/errors",
            },
        )  # fmt: skip

    def test_what_is_no_literal_is_told_with_its_line_and_nothing_of_it_is_run(self):
        marker = self.place / "marker"
        text = LEFT + f"import os\nverbose = os.mkdir({str(marker)!r})\n"
        done = self.epmt("settings", "--from", self.write(text))
        self.assertEqual((done.returncode, done.stdout), (3, "[EPMT]\n"))
        told = [line.partition("line ")[2] for line in done.stderr.splitlines()]
        self.assertEqual(
            told,
            [
                "1: logfile is no literal: set it by hand",
                "2: retire_jobs_ndays is not of the kind that it should be",
                "3: jobid_env_list is not of the kind that it should be",
                "4: unknown is no setting",
                "5: it is no plain assignment",
                "6: it is no plain assignment",
                "8: verbose is no literal: set it by hand",
                "10: verbose is no literal: set it by hand",
            ],
        )
        self.assertFalse(marker.exists())

    def test_passwords_are_not_printed(self):
        done = self.epmt("settings", "--from", self.write(SETTINGS))
        self.assertNotIn("pa%ss", done.stdout + done.stderr)
        self.assertIn("postgresql://epmt:***@db/EPMT", done.stdout)
        self.assertIn("-o FILE", done.stderr)

    def test_a_file_that_is_there_is_not_written_over(self):
        self.new.write_text("mine")
        done = self.epmt("settings", "--from", self.write(SETTINGS), "-o", str(self.new))
        self.assertEqual((done.returncode, self.new.read_text()), (2, "mine"))

    def test_what_is_not_python_is_refused(self):
        for text in ("a = (", "\0", "x = " + "(" * 5000, "a" * (2 << 20)):
            with self.assertRaises(errors.MalformedError):
                python_settings.read(self.write(text))
        with self.assertRaises(errors.MissingError):
            python_settings.read(str(self.place / "nothing.py"))

    def test_settings_alone_prints_what_is_in_effect_as_a_file(self):
        self.configure(retire_jobs_ndays=7)
        self.new.write_text(self.epmt("settings").stdout)
        self.assertEqual(
            settings.load({"EPMT_SETTINGS": str(self.new)}).lines(),
            settings.load({"EPMT_SETTINGS": str(self.place / "epmt.ini")}).lines(),
        )


if __name__ == "__main__":
    unittest.main()
