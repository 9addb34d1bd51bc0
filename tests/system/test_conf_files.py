"""The shipped files of conf/, checked by the programs that read them."""

import configparser
import os
import re
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import (
    CONF,
    Rsyslogd,
    RsyslogProcess,
    find_program,
    free_port,
    replaced,
    require_service,
    wait_until,
)

LINE = "user=ann module=gcc/13.2 path=/apps/gcc/13.2.lua host=login1 time=1767225600.1"
ROTATED = re.compile(r"moduleUsage\.log-\d{8}")
STORE = (
    "/usr/local/bin/store_module_data --delete --reject /var/lib/hpcusage/lmod-rejected.jsonl "
    "--confFn /etc/hpcusage/lmodV2_db.conf /var/log/moduleUsage.log-*"
)


def rules(name: str) -> list[str]:
    """Return the lines of a shipped file that are neither blank nor a comment."""
    lines = (CONF / name).read_text().splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def files_to_copy() -> list[Path]:
    """Return the shipped files but for the package's own and the samples of data."""
    return [path for path in sorted(CONF.glob("[!_]*")) if not path.name.startswith("sample-")]


@pytest.mark.parametrize("path", files_to_copy(), ids=lambda path: path.name)
def test_every_file_says_where_it_goes_and_what_to_change(path: Path) -> None:
    head = path.read_text().partition("\n\n\n")[0]
    assert "Where it goes:" in head
    assert "What to change:" in head


# logrotate --------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give a log with one line, in a directory that nobody else can write to."""
    directory = tmp_path / "log"
    directory.mkdir(mode=0o755)
    path = directory / "moduleUsage.log"
    path.write_text("first\n")
    path.chmod(0o640)
    return path


def rotate(log: Path, tmp_path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run logrotate with the shipped file, for this log, which it last saw years ago."""
    require_service("logrotate")
    conf, state = tmp_path / "moduleUsage", tmp_path / "state"
    shipped = (CONF / "logrotate-moduleUsage").read_text()
    conf.write_text(replaced(shipped, "/var/log/moduleUsage.log", str(log)))
    conf.chmod(0o644)
    if not state.exists():
        state.write_text(f'logrotate state -- version 2\n"{log}" 2020-1-1-0:0:0\n')
        state.chmod(0o600)
    command = [str(find_program("logrotate")), "-s", str(state), *options, str(conf)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_logrotate_names_files_as_cron_expects(log: Path, tmp_path: Path) -> None:
    days = [time.strftime("moduleUsage.log-%Y%m%d", time.gmtime())]
    done = rotate(log, tmp_path)
    days.append(time.strftime("moduleUsage.log-%Y%m%d", time.gmtime()))
    assert (done.returncode, done.stderr) == (0, "")
    (rotated,) = log.parent.glob("moduleUsage.log-*")
    assert ROTATED.fullmatch(rotated.name)
    assert rotated.name in days
    assert rotated.read_text() == "first\n"
    assert stat.S_IMODE(rotated.stat().st_mode) == 0o640


def test_a_program_that_has_the_log_open_writes_on_after_the_rotation(
    log: Path, tmp_path: Path
) -> None:
    with log.open("a") as writer:
        rotate(log, tmp_path)
        assert log.read_text() == ""
        writer.write("second\n")
    assert log.read_text() == "second\n"


def test_logrotate_rotates_once_a_day_and_no_empty_log(log: Path, tmp_path: Path) -> None:
    rotate(log, tmp_path)
    log.write_text("second\n")
    rotate(log, tmp_path)
    assert log.read_text() == "second\n"


def test_logrotate_finds_no_fault_and_misses_no_log(log: Path, tmp_path: Path) -> None:
    log.unlink()
    done = rotate(log, tmp_path, "-d")
    assert done.returncode == 0
    assert "error" not in done.stderr


# rsyslog ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["rsyslog-master.conf", "rsyslog-collector.conf"])
def test_rsyslog_finds_no_fault(name: str) -> None:
    require_service("rsyslogd")
    command = [str(find_program("rsyslogd")), "-N1", "-f", str(CONF / name)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr


def send(port: int, tag: str, text: str) -> None:
    """Send a message as an older syslog does, by UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(f"<134>Jan  1 00:00:00 node1 {tag}: {text}".encode(), ("127.0.0.1", port))


def contains(path: Path, text: str) -> bool:
    """Tell whether a file is there and holds a text."""
    return path.exists() and text in path.read_text()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Rsyslogd]:
    """Give a collecting machine that has not been started."""
    require_service("rsyslogd")
    server = Rsyslogd(tmp_path / "collector", tmp_path / "moduleUsage.log")
    yield server
    server.stop()


@pytest.fixture
def master(collector: Rsyslogd, tmp_path: Path) -> Iterator[RsyslogProcess]:
    """Give a running master that sends to the collecting machine and keeps a log of all."""
    port = free_port()
    inputs = "".join(
        f'module(load="{name}")\ninput(type="{name}" address="127.0.0.1" port="{port}")\n'
        for name in ("imudp", "imtcp")
    )
    seen = f'action(type="omfile" file="{tmp_path / "seen"}")\n'
    shipped = (CONF / "rsyslog-master.conf").read_text()
    shipped = replaced(shipped, 'target="module_usage_tracking"', 'target="127.0.0.1"')
    shipped = replaced(shipped, 'port="514"', f'port="{collector.port}"')
    shipped = replaced(shipped, 'action.resumeInterval="10"', 'action.resumeInterval="1"')
    rest = f'action(type="omfile" file="{tmp_path / "rest"}")\n'
    configuration = inputs + seen + shipped + rest
    with RsyslogProcess(tmp_path / "master", configuration, port) as server:
        yield server


def test_the_collector_writes_whole_lines_of_our_tag_only(collector: Rsyslogd) -> None:
    long = LINE + " jobid=" + "1" * 7800
    collector.start()
    send(collector.port, "sshd[1]", "not ours")
    send(collector.port, "ModuleUsageTracking", LINE)
    send(collector.port, "ModuleUsageTracking", long)
    wait_until(lambda: contains(collector.log_path, long), "the last line")
    lines = collector.log_path.read_text().splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [LINE, long]
    assert re.match(r"\d{4}-01-01T00:00:00\S+ node1 ModuleUsageTracking: user=", lines[0])
    assert stat.S_IMODE(collector.log_path.stat().st_mode) == 0o640


def test_the_master_sends_our_messages_and_keeps_them_out_of_its_logs(
    master: RsyslogProcess, collector: Rsyslogd, tmp_path: Path
) -> None:
    collector.start()
    send(master.port, "ModuleUsageTracking", LINE)
    send(master.port, "sshd[1]", "not ours")
    wait_until(lambda: contains(collector.log_path, LINE), "the line at the collector")
    wait_until(lambda: contains(tmp_path / "rest", "not ours"), "the other line")
    assert "module=" not in (tmp_path / "rest").read_text()
    assert "not ours" not in collector.log_path.read_text()


def test_nothing_is_lost_while_the_collector_is_away(
    master: RsyslogProcess, collector: Rsyslogd, tmp_path: Path
) -> None:
    messages = [f"{LINE} jobid={number}" for number in range(50)]
    for message in messages:
        send(master.port, "ModuleUsageTracking", message)
    wait_until(lambda: contains(tmp_path / "seen", messages[-1]), "the master to see all")
    master.stop()
    master.start()
    collector.start()
    wait_until(
        lambda: all(contains(collector.log_path, message + "\n") for message in messages),
        "the kept messages",
    )


# cron and systemd -------------------------------------------------------


def test_the_cron_lines_are_those_of_step_7() -> None:
    settings = [line for line in rules("cron.d-lmodtrack") if "=" in line.split()[0]]
    jobs = [line.split(None, 6) for line in rules("cron.d-lmodtrack") if line not in settings]
    assert {line.partition("=")[0] for line in settings} == {"SHELL", "PATH", "MAILTO"}
    assert [(" ".join(job[:5]), job[5]) for job in jobs] == [
        ("13 4 * * *", "root"),
        ("*/10 * * * *", "root"),
    ]
    assert jobs[0][6] == STORE
    assert "/usr/local/bin/usage_status " in jobs[1][6]
    assert "%" not in "".join(job[6] for job in jobs)  # cron ends a command there
    assert "." not in "hpcusage-lmodtrack"  # cron passes over a file name with a dot


def test_systemd_runs_the_same_command_as_cron() -> None:
    (line,) = [line for line in rules("hpcusage-lmod-store.service") if "ExecStart" in line]
    assert STORE in line


@pytest.mark.parametrize("path", sorted(CONF.glob("*.service")), ids=lambda path: path.name)
def test_no_service_writes_its_memory_to_disk(path: Path) -> None:
    """No unit starts what users' jobs inherit from: `epmt run` has no unit."""
    text = path.read_text()
    assert "epmt run" not in text
    _before, _heading, section = text.partition("\n[Service]\n")
    assert "\nLimitCORE=0\n" in section.partition("\n[")[0]


@pytest.mark.parametrize(
    "path",
    sorted(path for path in CONF.iterdir() if path.suffix in (".service", ".timer", ".socket")),
    ids=lambda path: path.name,
)
def test_what_is_to_be_enabled_begins_with_the_machine_and_nothing_else(path: Path) -> None:
    """A service of a timer must not begin with the machine as well."""
    is_of_a_timer = path.suffix == ".service" and path.with_suffix(".timer").exists()
    assert ("\n[Install]\nWantedBy=" in path.read_text()) is not is_of_a_timer
    enabled = re.findall(r"systemctl enable --now (.*)", path.read_text())
    named = [name for line in enabled for name in line.split()]
    assert all((CONF / (name if "." in name else f"{name}.service")).exists() for name in named)
    assert is_of_a_timer or path.suffix == ".socket" or path.name in named or path.stem in named


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("store_module_data", "delete_old_records"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    units = []
    for unit in sorted((*CONF.glob("hpcusage-lmod-*"), *CONF.glob("hpcusage-retention.*"))):
        units.append(tmp_path / unit.name)
        units[-1].write_text(unit.read_text().replace("/usr/local/bin", str(programs)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    assert len(units) == 4
    ours = [line for line in done.stderr.splitlines() if "hpcusage" in line]
    assert (done.returncode, ours) == (0, [])


# What our own programs read --------------------------------------------


def test_the_sample_configuration_has_the_documented_keys() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(CONF / "lmodV2_db.conf.sample")
    assert dict(parser["MYSQL"]) == {
        "host": "localhost",
        "user": "lmodUser",
        "passwd": "dGVzdDYyMw==",
        "db": "lmodV2",
    }


def test_the_commented_parts_of_the_sample_configuration_are_well_formed() -> None:
    text = (CONF / "lmodV2_db.conf.sample").read_text()
    text = re.sub(r"^# (\[|[A-Za-z_]+ = |CLUSTERS =|    )", r"\1", text, flags=re.MULTILINE)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    assert set(parser.sections()) == {
        "MYSQL", "SQLITE", "POSTGRESQL", "SITE", "RETENTION",
    }  # fmt: skip
    assert {"port", "socket", "ssl_ca", "ssl_cert", "ssl_key"} <= set(parser["MYSQL"])
    assert set(parser["SITE"]) == {
        "timezone", "clusters", "syshost_map", "redact", "keep_secrets",
    }  # fmt: skip
    assert set(parser["RETENTION"]) == {"lmod", "xalt", "epmt", "usage", "outbox", "portal"}
    clusters = [line for line in parser["SITE"]["clusters"].splitlines() if line]
    assert [line.partition(":")[0] for line in clusters] == ["alder", "elm6"]


@pytest.mark.parametrize(
    ("host", "cluster"),
    [
        ("node17", "alder"),
        ("c301-112", "larch3"),
        ("login2.elm6.big.edu", "elm6"),
        ("willow-login1.example.org", "willow"),
        ("node17.other.org", None),
    ],
)
def test_the_sample_syshost_map_does_what_its_comments_say(host: str, cluster: str) -> None:
    matches = [
        re.fullmatch(expression, host).expand(name)
        for expression, name in (line.split() for line in rules("syshost-map"))
        if re.fullmatch(expression, host)
    ]
    assert (matches or [None])[0] == cluster


def test_the_sample_ignore_file_holds_expressions() -> None:
    expressions = [re.compile(line) for line in rules("ignore-modules")]
    assert any(expression.match("settarg/8.6") for expression in expressions)
    assert not any(expression.match("gcc/13.2") for expression in expressions)
