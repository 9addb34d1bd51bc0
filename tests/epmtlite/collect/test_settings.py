"""Settings come from an INI file and variables, never from a program."""

import os
import re
import unittest

from epmtlite.collect import errors, settings
from tests.epmtlite.collect.jobs import JobTest


class Places(JobTest):
    def load(self, **variables):
        return settings.load(dict({"XDG_CONFIG_HOME": str(self.folder / "config")}, **variables))

    def test_without_a_file_the_defaults_hold(self):
        found = self.load()
        for key, value in settings.DEFAULTS.items():
            self.assertEqual(getattr(found, key), value)
        self.assertIn(found.source, ("", settings.SYSTEM_FILE))

    def test_the_named_file_goes_before_this_directory_and_that_before_the_account(self):
        self.write("config/hpcusage/epmt.ini", "[EPMT]\nerror_dest = account\n")
        self.assertEqual(self.load().error_dest, "account")
        self.write("epmt.ini", "[EPMT]\nerror_dest = here\n")
        self.assertEqual(self.load().error_dest, "here")
        named = self.write("named.ini", "[EPMT]\nerror_dest = named\n")
        self.assertEqual(self.load(EPMT_SETTINGS=named).error_dest, "named")

    def test_a_file_here_that_others_can_have_written_is_not_read(self):
        path = self.write("epmt.ini", "[EPMT]\nstage_command = rm -rf /\n")
        os.chmod(path, 0o666)
        with self.assertLogs("epmtlite", "WARNING"):
            self.assertEqual(self.load().stage_command, "mv")
        if not os.geteuid():
            os.chmod(path, 0o600)
            os.chown(path, 65534, 65534)
            with self.assertLogs("epmtlite", "WARNING"):
                self.assertEqual(self.load().stage_command, "mv")

    def test_a_named_file_that_is_not_there_is_an_error(self):
        with self.assertRaises(errors.ConfigurationError):
            self.load(EPMT_SETTINGS="nothing.ini")


class Values(JobTest):
    def of(self, text):
        self.write("epmt.ini", text)
        return settings.load({})

    def test_every_kind_is_read(self):
        found = self.of(
            "[EPMT]\nverbose = 2\ningest_remove_on_success = Yes\njobid_env_list = A, B,\n  C\n"
            'outlier_thresholds = {"z_score": 2.5}\nstage_command = cp -p "%x"\n'
            "RETIRE_JOBS_NDAYS=-1"
        )
        self.assertEqual((found.verbose, found.ingest_remove_on_success), (2, True))
        self.assertEqual(found.jobid_env_list, ["A", "B", "C"])
        self.assertEqual(found.outlier_thresholds, {"z_score": 2.5})
        self.assertEqual((found.stage_command, found.retire_jobs_ndays), ('cp -p "%x"', -1))

    def test_a_wrong_value_is_told_with_file_and_key(self):
        for line in (
            "verbose = many", "ingest_remove_on_success = perhaps", "db_params = [1]",
            "db_params = {", "collector = strace",
        ):  # fmt: skip
            with self.assertRaises(errors.ConfigurationError) as caught:
                self.of("[EPMT]\n" + line)
            self.assertIn(line.split()[0], str(caught.exception))
            self.assertIn("epmt.ini", str(caught.exception))
            self.assertEqual(caught.exception.exit_code, 78)

    def test_keys_that_do_nothing_are_warned_about(self):
        with self.assertLogs("epmtlite", "WARNING") as logged:
            self.of("[EPMT]\nstage_comand = x\norm = sqlalchemy\n")
        self.assertIn("there is no setting stage_comand", logged.output[0])
        self.assertIn("orm has no effect here", logged.output[1])

    def test_what_is_no_settings_file_is_told_without_its_text(self):
        for text in (
            "db_params = secret",
            "[OTHER]\na=1\n",
            "[EPMT]\nsecret",
            "\0[",
            "[EPMT]\n\ud800",
        ):
            with self.assertRaises(errors.ConfigurationError) as caught:
                self.of(text.encode("utf-8", "surrogatepass"))
            self.assertNotIn("secret", str(caught.exception))

    def test_variables_go_before_the_keys_of_db_params(self):
        self.write("epmt.ini", '[EPMT]\ndb_params = {"url": "sqlite:///a", "echo": true}\n')
        found = settings.load({"EPMT_DB_URL": "sqlite:///b", "EPMT_DB_USER": ""})
        self.assertEqual(found.db_params, {"url": "sqlite:///b", "echo": True})

    def test_values_of_one_load_are_not_those_of_the_next(self):
        settings.load({"EPMT_DB_URL": "sqlite:///b"})
        self.assertEqual(settings.load({}).db_params, {})


class Showing(unittest.TestCase):
    def test_there_is_one_line_for_each_setting_in_order(self):
        lines = settings.Settings().lines()
        self.assertEqual([line.split(":")[0] for line in lines], sorted(settings.DEFAULTS))

    def test_passwords_are_never_shown(self):
        secret = "p@s:s/w'rd"
        values = {
            "url": f"postgresql://me:{secret}@host:5432/EPMT",
            "password": secret,
            "other": f"mysql://h/x?user=me&password={secret}&a=1",
        }
        shown = "\n".join(settings.Settings({"db_params": values}).lines())
        variables = {"EPMT_DB_PASSWORD": secret, "EPMT_DB_URL": values["url"], "PATH": "/bin"}
        shown += "\n".join(settings.environment_lines(variables))
        self.assertIsNone(re.search("s/w'rd|s:s", shown))
        self.assertIn("postgresql://me:***@host:5432/EPMT", shown)
        self.assertIn("EPMT_DB_PASSWORD:***", shown)
        self.assertNotIn("PATH", shown)
