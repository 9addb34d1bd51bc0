"""Programs with privileges keep them, though an ordinary user follows what starts them."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from epmtlite.collect.privileges import in_sight_of, interpreter_of, is_privileged, matches
from epmtlite.collect.watch import processes_in
from tests.epmtlite.collect.following import CHECKOUT, FOLLOWED, Followed

SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin")
HAS_EFFECT = "uid=0(root)"


def copied_tree(directory):
    """Copy the package to where every account can read it."""
    shutil.copytree(str(CHECKOUT / "epmtlite"), str(directory / "epmtlite"))
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@unittest.skipUnless(os.geteuid() == 0, "only root can make a program with privileges")
@unittest.skipUnless(SYSTEM_PYTHON, "there is no Python that every account can run")
class ProgramsWithPrivileges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Path(tempfile.mkdtemp())
        cls.place.chmod(0o755)
        (cls.place / "library").mkdir()
        copied_tree(cls.place / "library")
        cls.program = cls.place / "privileged"
        shutil.copy(shutil.which("id"), str(cls.program))
        cls.program.chmod(0o4755)
        cls.account = pwd.getpwnam("nobody")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(str(cls.place))

    def run_as_nobody(self, *arguments):
        """Run a command, followed by an ordinary user; return the Followed."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, str(directory))
        os.chown(str(directory), self.account.pw_uid, self.account.pw_gid)

        def become_nobody():
            os.setgroups([])
            os.setgid(self.account.pw_gid)
            os.setuid(self.account.pw_uid)

        done = subprocess.run(
            [SYSTEM_PYTHON, "-c", FOLLOWED, str(directory), *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True, cwd=str(self.place),
            env={"PYTHONPATH": str(self.place / "library"), "PATH": "/usr/bin:/bin"},
            preexec_fn=become_nobody,
        )  # fmt: skip
        return Followed(done, directory)

    def assert_privileged(self, *arguments):
        followed = self.run_as_nobody(*arguments)
        self.assertIn(HAS_EFFECT, followed.stdout, followed.stderr)
        self.assertEqual(followed.states(), {"privileged": "privileged"})

    def test_a_shell_starts_one(self):
        for shell in ("dash", "bash"):
            if shutil.which(shell):
                self.assert_privileged(shell, "-c", f"{self.program}; exit 0")

    def test_a_shell_becomes_one(self):
        for shell in ("dash", "bash"):
            if shutil.which(shell):
                self.assert_privileged(shell, "-c", f"exec {self.program}")
                self.assert_privileged("sh", "-c", f"{shell} -c {self.program}; exit 0")
                self.assert_privileged(shell, "-c", f"/bin/true; /bin/true; {self.program}")

    def test_a_launcher_becomes_one(self):
        self.assert_privileged("sh", "-c", f"env A=1 nice {self.program}; exit 0")

    def test_python_starts_one(self):
        text = f"import subprocess; subprocess.run(['{self.program}'])"
        self.assert_privileged(SYSTEM_PYTHON, "-c", text)

    def test_one_of_a_relative_name_and_one_found_on_the_path(self):
        self.assert_privileged("sh", "-c", "./privileged; exit 0")
        self.assert_privileged("sh", "-c", f"PATH=/nowhere:{self.place}; privileged; exit 0")

    def test_all_others_are_followed(self):
        followed = self.run_as_nobody("sh", "-c", "id; id; exit 3")
        self.assertEqual((followed.status, followed.states()), (3, {}))
        self.assertEqual(len(followed.named("id")), 2)


class WhatIsLookedAt(unittest.TestCase):
    def setUp(self):
        self.place = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, str(self.place))

    def file(self, name, mode, text="\x7fELF"):
        path = self.place / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def test_bits_count_and_only_those_that_have_an_effect(self):
        self.assertTrue(is_privileged(self.file("user", 0o4755)))
        self.assertTrue(is_privileged(self.file("group", 0o2755)))
        self.assertFalse(is_privileged(self.file("locking", 0o2644)))  # of a group that cannot run
        self.assertFalse(is_privileged(self.file("plain", 0o755)))
        self.assertFalse(is_privileged(str(self.place / "missing")))

    def test_of_a_script_the_interpreter_counts(self):
        interpreter = self.file("interpreter", 0o4755)
        script = self.file("script", 0o755, f"#! {interpreter} -x\n")
        self.assertEqual(interpreter_of(script), interpreter)
        self.assertTrue(is_privileged(script))
        self.assertFalse(is_privileged(self.file("loop", 0o755, f"#!{self.place}/loop\n")))

    @unittest.skipUnless(os.geteuid() == 0, "only root can give capabilities to a file")
    def test_capabilities_count(self):
        path = self.file("capable", 0o755)
        # struct vfs_cap_data, revision 2: cap_net_raw, permitted and effective.
        data = bytes.fromhex("0100000200200000" + "0" * 24)
        try:
            os.setxattr(path, "security.capability", data)
        except OSError as error:
            self.skipTest(f"no capabilities on this file system: {error}")
        self.assertFalse(os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID))
        self.assertTrue(is_privileged(path))

    def test_a_process_is_followed_into_its_own_root(self):
        me = os.getpid()
        self.assertTrue(os.path.samefile(in_sight_of(me, "/usr"), "/usr"))
        self.assertTrue(os.path.samefile(in_sight_of(me, "."), os.getcwd()))
        descriptor = os.open("/usr", os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        self.assertTrue(os.path.samefile(in_sight_of(me, "bin", descriptor), "/usr/bin"))
        self.assertTrue(os.path.samefile(in_sight_of(me, "", descriptor), "/usr"))

    def test_patterns_are_of_names_or_of_whole_paths(self):
        self.assertTrue(matches("/usr/bin/gdb", ["gdb"]))
        self.assertTrue(matches("/opt/tv/bin/totalview", ["/opt/tv/*"]))
        self.assertFalse(matches("/usr/bin/gdbx", ["gdb", "/opt/*"]))

    def test_the_numbers_of_processes_in_the_arguments_of_a_debugger(self):
        for text in ("-p 123", "-p123", "--pid=123", "--pid 123", "./program 123"):
            self.assertEqual(processes_in(text), {123}, text)
        self.assertEqual(processes_in("-o /tmp/a1 -s 80 -f ls x123"), {80})


if __name__ == "__main__":
    unittest.main()
