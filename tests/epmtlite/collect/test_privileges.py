"""Programs with privileges keep them, though an ordinary user follows what starts them."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from epmtlite.collect.again import is_possible
from epmtlite.collect.privileges import in_sight_of, interpreter_of, is_privileged
from epmtlite.collect.untraced import pattern_of, processes_in
from tests.epmtlite.collect.following import CHECKOUT, FOLLOWED, Followed
from tests.epmtlite.collect.small_programs import program_32, program_64

SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin")
HAS_EFFECT = "uid=0(root)"
# Becomes a program, with a filter that refuses prctl; see seccomp(2).
FILTERED = """
import ctypes, os, struct
libc = ctypes.CDLL(None)
code = (0x20, 0, 0, 0), (0x15, 0, 1, 157), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000)
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
program = struct.pack("HxxxxxxP", 4, ctypes.addressof(code))
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
os.execv({0!r}, ["licensed", "-u"])
"""


def copied_tree(directory):
    """Copy the package to where every account can read it."""
    ignored = shutil.ignore_patterns("__pycache__")  # it changes while other tests run
    shutil.copytree(str(CHECKOUT / "epmtlite"), str(directory / "epmtlite"), ignore=ignored)
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


class FollowedByNobody(unittest.TestCase):
    """Commands of an ordinary account, some of them with privileges."""

    before = ""  # what the collector's process does first

    @classmethod
    def setUpClass(cls):
        cls.place = Path(tempfile.mkdtemp())
        cls.place.chmod(0o755)
        (cls.place / "library").mkdir()
        copied_tree(cls.place / "library")
        cls.privileged = cls.place / "privileged"
        shutil.copy(shutil.which("id"), str(cls.privileged))
        cls.privileged.chmod(0o4755)
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
            [SYSTEM_PYTHON, "-c", self.before + FOLLOWED, str(directory), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
            cwd=str(self.place),
            env={"PYTHONPATH": str(self.place / "library"), "PATH": "/usr/bin:/bin"},
            preexec_fn=become_nobody,
        )  # fmt: skip
        return Followed(done, directory)

    def assert_privileged(self, *arguments):
        followed = self.run_as_nobody(*arguments)
        self.assertIn(HAS_EFFECT, followed.stdout, followed.stderr)
        self.assertEqual(followed.states(), {"privileged": "privileged"})


CAN_TRY = unittest.skipUnless(
    os.geteuid() == 0 and SYSTEM_PYTHON,
    "only root can make a program with privileges, for a Python that every account can run",
)


class KeepTheirPrivileges:
    """What both ways of keeping them can do."""

    def test_a_shell_starts_one(self):
        for shell in ("dash", "bash"):
            if shutil.which(shell):
                self.assert_privileged(shell, "-c", f"{self.privileged}; exit 0")

    def test_a_shell_becomes_one(self):
        for shell in ("dash", "bash"):
            if shutil.which(shell):
                self.assert_privileged(shell, "-c", f"exec {self.privileged}")
                self.assert_privileged("sh", "-c", f"{shell} -c {self.privileged}; exit 0")
                self.assert_privileged(shell, "-c", f"/bin/true; /bin/true; {self.privileged}")

    def test_a_launcher_becomes_one(self):
        self.assert_privileged("sh", "-c", f"env A=1 nice {self.privileged}; exit 0")

    def test_python_starts_one(self):
        text = f"import subprocess; subprocess.run(['{self.privileged}'])"
        self.assert_privileged(SYSTEM_PYTHON, "-c", text)

    def test_one_of_a_relative_name_and_one_found_on_the_path(self):
        self.assert_privileged("sh", "-c", "./privileged; exit 0")
        self.assert_privileged("sh", "-c", f"PATH=/nowhere:{self.place}; privileged; exit 0")

    def test_all_others_are_followed(self):
        followed = self.run_as_nobody("sh", "-c", "id; id; exit 3")
        self.assertEqual((followed.status, followed.states()), (3, {}))
        self.assertEqual(len(followed.named("id")), 2)


@CAN_TRY
class WatchedUntilTheyBegin(KeepTheirPrivileges, FollowedByNobody):
    before = "from epmtlite.collect import again; again.is_possible = lambda: False; "


@CAN_TRY
@unittest.skipUnless(is_possible(), "on this processor programs are watched until they begin")
class BegunAgain(KeepTheirPrivileges, FollowedByNobody):
    def program(self, name, mode):
        """Make a copy of the program with another mode; return its path."""
        path = self.place / name
        shutil.copy(str(self.privileged), str(path))
        self.addCleanup(path.unlink)
        path.chmod(mode)
        return path

    def test_a_program_becomes_one_after_a_long_time(self):
        text = "import os\nfor _ in range(5000): os.getppid()\nos.execv({!r}, ['privileged', '-u'])"
        followed = self.run_as_nobody(SYSTEM_PYTHON, "-c", text.format(str(self.privileged)))
        self.assertEqual((followed.status, followed.stdout), (0, "0\n"), followed.stderr)
        self.assertEqual(followed.states(), {"privileged": "privileged"})

    def test_one_that_nobody_may_read(self):
        path = self.program("unreadable", 0o4111)
        followed = self.run_as_nobody("sh", "-c", f"{path} -u; {path} -un; exit 5")
        self.assertEqual((followed.status, followed.stdout), (5, "0\nroot\n"), followed.stderr)
        self.assertEqual(followed.states(), {"unreadable": "privileged"})
        self.assertEqual([one.arguments for one in followed.named("unreadable")], ["-u", "-un"])

    def test_one_that_nobody_may_read_and_that_has_none_is_followed(self):
        path = self.program("licensed", 0o111)
        followed = self.run_as_nobody("sh", "-c", f"{path} -u; exit 5")
        uid = f"{self.account.pw_uid}\n"
        self.assertEqual((followed.status, followed.stdout), (5, uid), followed.stderr)
        self.assertEqual(followed.states(), {})
        (record,) = followed.named("licensed")
        self.assertEqual(record.arguments, "-u")
        self.assertGreater(record.total("rssmax"), 0)

    def test_one_of_a_file_that_its_execution_closes(self):
        text = "import os\nos.execve(os.open({!r}, os.O_RDONLY), ['one', '-u'], {{}})"
        followed = self.run_as_nobody(SYSTEM_PYTHON, "-c", text.format(str(self.privileged)))
        self.assertEqual((followed.status, followed.stdout), (0, "0\n"), followed.stderr)

    def test_one_that_interprets_a_script(self):
        script = self.place / "script"
        script.write_text(f"#!{self.privileged} -u\n")
        script.chmod(0o755)
        self.addCleanup(script.unlink)
        followed = self.run_as_nobody(str(script))
        self.assertEqual(followed.status, 1)
        self.assertIn("/script': no such user", followed.stderr)  # an argument of id
        self.assertEqual(followed.states(), {"privileged": "privileged"})

    def test_its_arguments_and_environment_are_those_that_it_was_given(self):
        program = self.place / "environment"
        shutil.copy(shutil.which("env"), str(program))
        self.addCleanup(program.unlink)
        program.chmod(0o4755)
        words = ["-i", "A=b c", "E=", f"Z={'z' * 100000}", str(program), "-u", "E"]
        followed = self.run_as_nobody("sh", "-c", 'exec "$@"', "sh", str(program), *words)
        self.assertEqual(followed.stdout, f"A=b c\nZ={'z' * 100000}\n", followed.stderr)

    def test_one_that_has_given_up_all_privileges_to_come_is_followed(self):
        text = (
            "import ctypes, os\nctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS\n"
            "os.execv({!r}, ['privileged', '-u'])"
        )
        followed = self.run_as_nobody(SYSTEM_PYTHON, "-c", text.format(str(self.privileged)))
        self.assertEqual(followed.stdout, f"{self.account.pw_uid}\n", followed.stderr)
        self.assertEqual(followed.states(), {})

    def test_one_without_any_library_and_one_of_32_bits(self):
        for code in (program_64(), program_32()):
            for mode, status in ((0o4755, 0), (0o4111, 0), (0o111, self.account.pw_uid & 0xFF)):
                path = self.program("small", mode)
                path.write_bytes(code)
                path.chmod(mode)
                try:
                    subprocess.run([str(path)], check=False)
                except OSError:
                    self.skipTest("this kernel runs no programs of 32 bits")
                followed = self.run_as_nobody(str(path))
                self.assertEqual(followed.status, status)
                self.assertEqual(bool(followed.states()), not status)
                self.doCleanups()

    def test_one_that_begins_while_the_command_ends(self):
        for name, mode in (("privileged", 0o4755), ("unreadable", 0o4111)):
            path = self.program(name, mode) if name != "privileged" else self.privileged
            for _again in range(20):
                followed = self.run_as_nobody("sh", "-c", f"{path} -u & exit 0")
                self.assertEqual((followed.status, followed.stdout), (0, "0\n"), followed.stderr)

    def test_one_that_cannot_be_read_nor_opened_goes_on(self):
        path = self.program("licensed", 0o111)
        followed = self.run_as_nobody(SYSTEM_PYTHON, "-c", FILTERED.format(str(path)))
        uid = f"{self.account.pw_uid}\n"
        self.assertEqual((followed.status, followed.stdout), (0, uid), followed.stderr)

    def test_signals_that_come_meanwhile_reach_it(self):
        text = (
            "import os, signal\nfor _ in range(300):\n"
            " child = os.fork()\n"
            " if not child:\n"
            "  signal.setitimer(signal.ITIMER_REAL, 0.0005)\n"
            "  os.execv({0!r}, ['privileged', '-u'])\n"
            " status = os.waitpid(child, 0)[1]\n"
            " assert status in (0, signal.SIGALRM), status\n"
        )
        followed = self.run_as_nobody(SYSTEM_PYTHON, "-c", text.format(str(self.privileged)))
        self.assertEqual((followed.status, followed.stderr), (0, ""))
        self.assertEqual(set(followed.stdout.split()) | {"0"}, {"0"})
        self.assertEqual(len(followed.lines), 301)


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
        pattern = pattern_of(["/opt/tv/*", "mydbg*"])
        for path in ("/usr/bin/gdb", "/opt/tv/bin/totalview", "/a/b/mydbg2", "/x/arm-none-gdb"):
            self.assertTrue(pattern.match(path), path)
        for path in ("/usr/bin/gdbx", "/opt/tw", "/gdb/ls", "/usr/bin/mydb", "", "/gdb "):
            self.assertFalse(pattern.match(path), path)

    def test_the_numbers_of_processes_in_the_arguments_of_a_debugger(self):
        for text in ("-p 123", "-p123", "--pid=123", "--pid 123", "./program 123"):
            self.assertEqual(processes_in(text), {123}, text)
        self.assertEqual(processes_in("-o /tmp/a1 -s 80 -f ls x123"), {80})


if __name__ == "__main__":
    unittest.main()
