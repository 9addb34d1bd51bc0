"""A private Lmod site for tests: module tree, SitePackage.lua, and real `module` commands."""

import os
import re
import shlex
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

from tests.services import CONF, find_program, wait_until

TAG = "ModuleUsageTracking"
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?: |$)')
ESCAPE = re.compile(r'\\(x[0-9a-f]{2}|["\\])')


class Load(NamedTuple):
    """What one line of the log says."""

    user: str
    module: str
    path: str
    host: str
    time: str
    userload: str
    jobid: Optional[str] = None


class UsageLog:
    """The log file that rsyslog writes, read with the help of marks."""

    def __init__(self, path: Path, port: int, local: Optional[Path] = None) -> None:
        """Remember the log and the UDP port that leads to it; or the socket of this machine's own
        messages: what comes by two ways may come in any order."""
        self.path = path
        self.port = port
        self.local = local
        self.marks = 0

    def messages(self) -> list[str]:
        """Return the messages since the last call, without their syslog headers.

        A message of our own is sent after them: when it has arrived, so have they.
        """
        before = f"mark={self.marks}"
        self.marks += 1
        mark = f"mark={self.marks}"
        self._send(mark)
        wait_until(lambda: any(line.endswith(mark) for line in self._lines()), mark)
        messages = [line.partition(f" {TAG}")[2].lstrip(": ") for line in self._lines()]
        start = messages.index(before) + 1 if before in messages else 0
        return messages[start : messages.index(mark)]

    def loads(self) -> list[Load]:
        """Return the loads reported since the last call."""
        return [parse(message) for message in self.messages()]

    def modules(self) -> set[tuple[str, str]]:
        """Return name and userload of the loads since the last call; each is there once."""
        loads = [(load.module, load.userload) for load in self.loads()]
        assert len(loads) == len(set(loads)), loads
        return set(loads)

    def _send(self, text: str) -> None:
        if self.local:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
                client.sendto(f"<134>Jan  1 00:00:00 {TAG}: {text}".encode(), str(self.local))
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            packet = f"<134>Jan  1 00:00:00 here {TAG}: {text}"
            client.sendto(packet.encode(), ("127.0.0.1", self.port))

    def _lines(self) -> list[str]:
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8", errors="surrogateescape")
        return text.split("\n")[:-1]


def parse(message: str) -> Load:
    """Take a message to pieces; it must be fields with single blanks between, and no more."""
    fields = FIELD.findall(message)
    assert " ".join(f"{name}={value}" for name, value in fields) == message, message
    values = {name: _unquote(value) for name, value in fields}
    assert list(values) == [*Load._fields[: len(values)]], message
    return Load(**values)


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value
    return ESCAPE.sub(_unescape, value[1:-1])


def _unescape(match: "re.Match[str]") -> str:
    text = match.group(1)
    return chr(int(text[1:], 16)) if text.startswith("x") else text


class LmodSite:
    """A module tree, a home directory, and the shipped SitePackage.lua."""

    def __init__(self, directory: Path) -> None:
        """Make the directories; SitePackage.lua comes with `install`."""
        self.directory = directory
        self.modules = directory / "modules"
        self.package_path = directory / "site"
        self.home = directory / "home"
        for path in (self.modules, self.package_path, self.home):
            path.mkdir(parents=True)
        self.environment = self._clean_environment()

    def _clean_environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "USER": "not-me",
            "LANG": "C.UTF-8",
            "MODULEPATH": str(self.modules),
            "LMOD_PACKAGE_PATH": str(self.package_path),
            "LMOD_PAGER": "none",
        }

    def install(self, **settings: object) -> None:
        """Install conf/SitePackage.lua with these settings of its head changed."""
        text = (CONF / "SitePackage.lua").read_text()
        for name, value in settings.items():
            text = with_setting(text, name, value)
        (self.package_path / "SitePackage.lua").write_text(text)

    def ran(self) -> bool:
        """Tell whether a shell ran the `touch ran` of a hostile name."""
        return (self.directory / "ran").exists()

    def add_module(self, name: str, text: str = "", tree: str = "modules") -> Path:
        """Write a modulefile `name`.lua, or a Tcl one if the text begins with #%Module."""
        suffix = "" if text.startswith("#%Module") else ".lua"
        path = self.directory / tree / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or f"whatis([==[Name: {name}]==])\n")
        return path

    def run(
        self, script: str, account: Optional[str] = None, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a bash script in which `module` is defined, in the site's directory."""
        return self.run_command(script_command(script), account, **environment)

    def run_command(
        self, command: Sequence[str], account: Optional[str] = None, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program with the site's environment, in the site's directory."""
        as_account: dict[str, Any] = {"user": account, "extra_groups": []} if account else {}
        return subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            cwd=self.directory,
            env={**self.environment, **environment},
            **as_account,
        )

    def module(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run one `module` command."""
        words = " ".join(shlex.quote(argument) for argument in arguments)
        return self.run(f"module {words}", **environment)


def with_setting(text: str, name: str, value: object) -> str:
    """Return SitePackage.lua with one of the settings at its head changed."""
    literal = str(value) if isinstance(value, int) else f'"{value}"'
    setting = re.search(rf"^local {name} *= (.*)$", text, re.MULTILINE)
    assert setting, f"SitePackage.lua has no setting {name}"
    return text[: setting.start(1)] + literal + text[setting.end(1) :]


def script_command(script: str) -> list[str]:
    """Return the command line that runs a bash script in which `module` is defined."""
    return ["bash", "--noprofile", "--norc", "-c", f"source {lmod_init()} && {script}"]


def lua_program() -> str:
    """Return the Lua interpreter that Lmod runs under, from the first line of its program."""
    return Path(lmod_program()).read_text().splitlines()[0].removeprefix("#!").split()[0]


def lmod_program() -> str:
    """Return the path of the program behind the `module` command."""
    path = find_program("lmod")
    assert path
    return path


def lmod_init() -> str:
    """Return the path of the file that defines `module` for bash."""
    return str(Path(lmod_program()).parent.parent / "init" / "bash")
