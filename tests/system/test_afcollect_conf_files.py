"""The shipped files of the metrics collector, run or read as a site would."""

import configparser
import grp
import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from afcollect import host
from afcollect.jobs import Job, Queue, job_document, queue_document
from afcollect.names import Users
from tests.afcollect.serving import Server
from tests.conftest import CHECKOUT
from tests.services import CONF, find_program, open_parents, replaced, require_service

PROGRAM = "/usr/local/bin/afmetrics_collector"
TOKEN, SALT = "the-token-of-the-site", "50%salt"
LOG = "/var/log/afmetrics/afmetrics.log"
UNITS = ("hpcusage-afcollect.service", "hpcusage-afcollect.timer")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd is not installed"
)


# cron -------------------------------------------------------------------


CRON_LINE = re.compile(r"(#?)(\*/5 \* \* \* \*)  (\w+)  (\S.*)")


class CronJob(NamedTuple):
    """A line of the cron file."""

    is_on: bool
    user: str
    command: str


def cron_jobs() -> dict[str, CronJob]:
    """Return the jobs of the cron file by account, also those that are commented out."""
    found = map(CRON_LINE.fullmatch, (CONF / "cron.d-afcollect").read_text().splitlines())
    return {match[3]: CronJob(not match[1], match[3], match[4]) for match in found if match}


def words_of(command: str) -> list[str]:
    """Return the words of the collector's own command line within a line of cron."""
    inner = re.fullmatch(rf"\((?:KUBECONFIG=\S+ )?(.*)\) >> {LOG} 2>&1", command)
    assert inner
    return shlex.split(inner[1])


def test_the_cron_file_holds_settings_jobs_and_comments_only() -> None:
    lines = [line for line in (CONF / "cron.d-afcollect").read_text().splitlines() if line]
    rest = [line for line in lines if not line.startswith("#") and not CRON_LINE.fullmatch(line)]
    assert {line.partition("=")[0] for line in rest} == {"SHELL", "PATH", "MAILTO", "HOME"}
    assert "." not in "hpcusage-afcollect"  # cron passes over a file name with a dot


def test_cron_runs_the_collector_every_five_minutes_without_privileges() -> None:
    jobs = cron_jobs()
    assert {job.user: job.is_on for job in jobs.values()} == {"nobody": True, "root": False}
    assert {words_of(job.command)[0] for job in jobs.values()} == {PROGRAM}


@pytest.mark.parametrize("user", ["nobody", "root"])
def test_no_secret_and_no_percent_stands_in_the_crontab(user: str) -> None:
    command = cron_jobs()[user].command
    words = words_of(command)
    assert "%" not in command  # cron ends a command there
    assert not {"-t", "--token", "-z", "--salt"} & set(words)
    assert "--token-file" in words
    assert ("--salt-file" in words) == ("-o" in words)


class Endpoint:
    """What a line of cron needs, in a scratch directory: a server, secrets, programs, a log."""

    def __init__(self, directory: Path, server: Server) -> None:
        self.directory, self.server = directory, server
        self.log = directory / "afmetrics.log"
        self.programs = directory / "bin"
        self.programs.mkdir()
        for name, secret in (("token", TOKEN), ("salt", SALT)):
            path = directory / f"afmetrics.{name}"
            path.write_text(secret + "\n")
            path.chmod(0o600)
        self.add_program(
            "condor_q",
            'case "$*" in *-totals*) echo "[{}]";; *JobStatus) echo "ann 7.0 12 2";; esac',
        )
        for name in ("condor_history", "squeue", "sacct"):
            self.add_program(name, "true")
        self.add_program("who", "echo ann pts/0")

    def add_program(self, name: str, script: str) -> None:
        """Put a shell script where it is found before the real program."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a line of cron, with the places of this test in place of the system's."""
        options = (
            f"--url {self.server.url} --ca-file {self.server.ca_file}"
            f" --state-dir {self.directory / 'state'}"
        )
        program = f"{sys.executable} {CHECKOUT / 'bin/afmetrics_collector'} {options}"
        command = replaced(command, PROGRAM, program)
        command = command.replace("/etc/hpcusage", str(self.directory))
        command = command.replace("/etc/kubernetes", str(self.directory))
        command = command.replace(LOG, str(self.log))
        environment = {"PATH": f"{self.programs}:/usr/bin:/bin", "HOME": str(self.directory)}
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    """Give a place where lines of cron run, with a server that takes all documents."""
    directory = tmp_path / "server"
    directory.mkdir()
    server = Server(directory).start()
    yield Endpoint(tmp_path, server)
    server.stop()


def test_the_line_of_nobody_sends_users_and_machine_under_other_names(endpoint: Endpoint) -> None:
    job = cron_jobs()["nobody"]
    for _ in range(2):
        done = endpoint.run(job.command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), endpoint.log.read_text()
    taken = endpoint.server.taken
    assert {one["kind"] for one in taken} >= {"ssh", "CPU", "MEM", "NETWORK", "condorjob"}
    assert {(one["token"], one["cluster"]) for one in taken} == {(TOKEN, "MY-AF")}
    hashed = Users(True, SALT).shown("ann")
    assert {one["users"] for one in taken if one["kind"] == "condorjob"} == {hashed}
    nodes = {one["login_node"] for one in taken if "login_node" in one}
    assert len(nodes) == 1
    assert re.fullmatch(r"atlas\d*\.example\.org", nodes.pop())
    log = endpoint.log.read_text()
    assert "documents sent" in log
    assert TOKEN not in log
    assert SALT not in log


def test_the_line_of_root_sends_all_but_what_is_not_there(endpoint: Endpoint) -> None:
    done = endpoint.run(cron_jobs()["root"].command)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
    (warning,) = [line for line in endpoint.log.read_text().splitlines() if "Warning" in line]
    assert "Warning: jupyter: " in warning  # there is no Kubernetes here
    users = [one["users"] for one in endpoint.server.taken if "users" in one]
    assert "ann" in users  # of the batch job
    assert TOKEN not in endpoint.log.read_text()


def test_a_run_while_the_endpoint_is_away_loses_nothing(endpoint: Endpoint) -> None:
    job = cron_jobs()["nobody"]
    endpoint.server.stop()
    assert endpoint.run(job.command).returncode == 75
    endpoint.server.start()
    assert endpoint.run(job.command).returncode == 0
    late = [one for one in endpoint.server.taken if "collected_at" in one]
    assert {"ssh", "CPU", "MEM", "condorjob"} <= {one["kind"] for one in late}


# logrotate --------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give a log of nobody, in a directory of nobody."""
    account = pwd.getpwnam("nobody")
    directory = tmp_path / "log"
    directory.mkdir(mode=0o750)
    path = directory / "afmetrics.log"
    path.write_text("first\n")
    path.chmod(0o640)
    for one in (directory, path):
        os.chown(one, account.pw_uid, account.pw_gid)
    open_parents(path)
    return path


def rotate(log: Path, tmp_path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run logrotate with the shipped file, for this log, which it last saw years ago."""
    require_service("logrotate")
    conf, state = tmp_path / "afmetrics", tmp_path / "state"
    shipped = replaced((CONF / "logrotate-afmetrics").read_text(), LOG + " {", f"{log} {{")
    group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name  # not the same on all systems
    conf.write_text(replaced(shipped, "su nobody nogroup\n", f"su nobody {group}\n"))
    conf.chmod(0o644)
    if not state.exists():
        state.write_text(f'logrotate state -- version 2\n"{log}" 2020-1-1-0:0:0\n')
        state.chmod(0o600)
    command = [str(find_program("logrotate")), "-s", str(state), *options, str(conf)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@needs_root
def test_logrotate_rotates_a_log_of_nobody(log: Path, tmp_path: Path) -> None:
    with log.open("a") as writer:
        days = [time.strftime("afmetrics.log-%Y%m%d", time.gmtime())]
        done = rotate(log, tmp_path)
        days.append(time.strftime("afmetrics.log-%Y%m%d", time.gmtime()))
        assert (done.returncode, done.stderr) == (0, "")
        (rotated,) = log.parent.glob("afmetrics.log-*")
        assert rotated.name in days
        writer.write("of the run that had it open\n")
    assert rotated.read_text() == "first\nof the run that had it open\n"
    owner = pwd.getpwnam("nobody").pw_uid
    found = [(path.stat().st_uid, path.stat().st_mode & 0o777) for path in (log, rotated)]
    assert found == [(owner, 0o640), (owner, 0o640)]
    assert log.read_text() == ""


@needs_root
def test_logrotate_leaves_the_log_of_this_week_and_misses_none(log: Path, tmp_path: Path) -> None:
    rotate(log, tmp_path)
    log.write_text("second\n")
    rotate(log, tmp_path)
    assert log.read_text() == "second\n"
    log.unlink()
    done = rotate(log, tmp_path, "-d")
    assert done.returncode == 0
    assert "error" not in done.stderr


# systemd ----------------------------------------------------------------


def unit(name: str) -> configparser.RawConfigParser:
    """Return a shipped unit, for what is not given several times."""
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(CONF / name)
    return parser


@needs_systemd
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    for name in UNITS:
        text = (CONF / name).read_text().replace(PROGRAM, "/bin/true")
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    ours = [line for line in done.stderr.splitlines() if "hpcusage" in line]
    assert (done.returncode, ours) == (0, [])


def test_systemd_runs_what_cron_runs_with_the_credential_in_place_of_the_file() -> None:
    words = shlex.split(unit(UNITS[0])["Service"]["ExecStart"])
    cron = words_of(cron_jobs()["nobody"].command)
    assert words[:4] == cron[:4]
    assert words[words.index("--token-file") + 1] == "${CREDENTIALS_DIRECTORY}/token"
    assert words[words.index("--state-dir") + 1] == "${STATE_DIRECTORY}"
    assert unit(UNITS[0])["Service"]["LoadCredential"] == "token:/etc/hpcusage/afmetrics.token"


def test_the_command_of_the_service_sends_with_its_credential_and_state(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    command = unit(UNITS[0])["Service"]["ExecStart"]
    credentials, state = tmp_path / "credentials", tmp_path / "of the service"
    for one in (credentials, state):
        one.mkdir(mode=0o700)
    (credentials / "token").write_text(TOKEN)
    (credentials / "token").chmod(0o440)  # as systemd gives them to a dynamic user
    # As systemd replaces them: each is one word, whatever is in it.
    command = command.replace("${CREDENTIALS_DIRECTORY}", shlex.quote(str(credentials)))
    done = endpoint.run(command.replace("${STATE_DIRECTORY}", shlex.quote(str(state))))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert {one["token"] for one in endpoint.server.taken} == {TOKEN}
    assert [path.name for path in state.glob("*.db")] == ["outbox.db"]


def test_a_run_of_the_service_ends_before_the_next_and_sees_home() -> None:
    service, timer = unit(UNITS[0])["Service"], unit(UNITS[1])["Timer"]
    assert timer["OnCalendar"] == "*:0/5"
    seconds = [int(service[name].rstrip("s")) for name in ("TimeoutStartSec", "TimeoutStopSec")]
    assert sum(seconds) < 300
    assert service["ProtectHome"] == "read-only"
    assert "ProcSubset" not in service  # it would hide the load, the memory and the network


@needs_systemd
def test_the_service_is_closed_to_most(tmp_path: Path) -> None:
    path = tmp_path / UNITS[0]
    path.write_text((CONF / UNITS[0]).read_text().replace(PROGRAM, "/bin/true"))
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout[-200:]


# Logstash ---------------------------------------------------------------


WORD = re.compile(r'\s+|#[^\n]*|(?P<word>"[^"\n]*"|=>|[{}\[\],!]|[^\s{}\[\],!"#=]+|==)')


def words_in(text: str) -> list[str]:
    """Return the words of a configuration of Logstash; texts keep their quotes."""
    words, place = [], 0
    while place < len(text):
        found = WORD.match(text, place)
        assert found, text[place : place + 40]
        if found["word"]:
            words.append(found["word"])
        place = found.end()
    return words


def logstash() -> list[str]:
    """Return the words of the shipped configuration."""
    return words_in((CONF / "logstash-afmetrics.conf").read_text())


def value_at(words: list[str], place: int) -> tuple[Any, int]:
    """Return the value that begins at a place, a text, list or dict, and where it ends."""
    if words[place] not in "[{":
        return words[place].strip('"'), place + 1
    closing = {"[": "]", "{": "}"}[words[place]]
    items: list[str] = []
    end = place + 1
    while words[end] != closing:
        items += [words[end].strip('"')] if words[end] not in {",", "=>"} else []
        end += 1
    return (dict(zip(items[::2], items[1::2])) if closing == "}" else items), end + 1


def settings(words: list[str], name: str) -> list[Any]:
    """Return all values of the settings of one name."""
    places = [place for place in range(len(words) - 1) if words[place] == name]
    return [value_at(words, at + 2)[0] for at in places if words[at + 1] == "=>"]


def test_the_brackets_of_the_logstash_file_are_balanced() -> None:
    words = logstash()
    opened = []
    for word in words:
        if word in {"{", "["}:
            opened.append({"{": "}", "[": "]"}[word])
        elif word in {"}", "]"}:
            assert opened.pop() == word
    assert opened == []
    parts = [words[at] for at in range(len(words)) if words[at] in {"input", "filter", "output"}]
    assert parts == ["input", "filter", "output"]


def documents() -> list[dict[str, Any]]:
    """Return a document of each kind."""
    node = {"cluster": "MY-AF", "login_node": "login1"}
    counters = [
        {"boot": "a", "seconds": second, "interfaces": {"eth0": [second, second]}}
        for second in (0.0, 300.0)
    ]
    job, queue = Job("ann", "7.0", 12, "running"), Queue("gpu", 1, 2, 3, 4, 5)
    usage = {"total": 2, "used": 1, "free": 1, "device": "/dev/sda1"}
    return [
        {"kind": "ssh", **node, "ssh_user_count": 1, "users": ["ann"]},
        {"kind": "jupyter-ml", "cluster": "MY-AF", "jupyter_user_count": 1, "users": ["ann"]},
        *({"cluster": "MY-AF", **job_document(f"{one}job", job, Users())} for one in BATCH),
        *({"cluster": "MY-AF", **queue_document(f"{one}queue", queue)} for one in BATCH),
        {"kind": "CPU", **node, **host.load()},
        {"kind": "MEM", **node, **host.memory()},
        {"kind": "NETWORK", **node, **(host.network(*counters) or {})},
        {"kind": "DISK", **node, **host.disk_document("/", usage)},
    ]


BATCH = ("condor", "slurm")


def test_the_logstash_file_changes_no_field_of_any_document() -> None:
    words = logstash()
    written = {*settings(words, "target"), *settings(words, "remote_host_target_field")}
    written |= set(settings(words, "request_headers_target_field"))
    for copied in settings(words, "copy"):
        written |= set(copied.values())
    removed = {name for names in settings(words, "remove_field") for name in names}
    assert "token" in removed
    fields = {key for document in documents() for key in json.loads(json.dumps(document))}
    assert len(fields) > 20
    assert not fields & (written | removed)
    for name in ("rename", "replace", "update", "add_field", "gsub", "convert", "merge"):
        assert settings(words, name) == []


def test_the_logstash_file_takes_the_forms_in_which_documents_are_sent() -> None:
    words = logstash()
    assert settings(words, "additional_codecs") == [
        {"application/json": "json", "application/x-ndjson": "json_lines"}
    ]
    assert settings(words, "ssl_enabled") == ["true"]
    assert settings(words, "match") == [["collected_at", "ISO8601"]]
    assert settings(words, "document_id") == ["%{[@metadata][id]}"]


def test_no_sender_can_say_itself_whose_its_documents_are() -> None:
    words = logstash()
    first, *others = settings(words, "remove_field")
    assert set(first) == {"[@metadata][site]", "[@metadata][id]"}
    assert words.index('"[@metadata][site]"') < words.index("translate")
    assert others == [["token"]]
    # A token that is no longer in the list would otherwise count until Logstash is started again.
    assert settings(words, "refresh_behaviour") == ["replace"]
