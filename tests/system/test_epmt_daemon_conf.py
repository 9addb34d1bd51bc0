"""The unit of the daemon of epmt: systemd takes it, and its command works with what it leaves."""

import configparser
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from epmtlite.collect import parsing
from epmtlite.storing_line import add_storing_commands
from tests.conftest import CHECKOUT
from tests.epmtlite.made_jobs import archived, made_job, write_job
from tests.services import CONF, open_parents, wait_until

UNIT, PROGRAM, SPOOL = "epmt-daemon.service", "/usr/local/bin/epmt", "/var/spool/epmt"
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd is not installed"
)


def service() -> "configparser.SectionProxy":
    """Return the section [Service] of the unit."""
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(CONF / UNIT)
    return parser["Service"]


def with_true(tmp_path: Path) -> Path:
    """Return a copy of the unit whose program is there."""
    path = tmp_path / UNIT
    path.write_text((CONF / UNIT).read_text().replace(PROGRAM, "/bin/true"))
    return path


@needs_systemd
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(with_true(tmp_path))],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    ours = [line for line in done.stderr.splitlines() if "epmt" in line]
    assert (done.returncode, ours) == (0, [])


@needs_systemd
def test_the_service_is_closed_to_most(tmp_path: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=40"]
    done = subprocess.run(
        [*command, str(with_true(tmp_path))], check=False, capture_output=True, text=True
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout[-200:]


def test_its_command_is_one_of_epmt() -> None:
    program, *words = shlex.split(service()["ExecStart"])
    assert program == PROGRAM
    parser, subparsers = parsing.make_parser("")
    add_storing_commands(subparsers, lambda module, function: (module, function))
    options = parser.parse_args(words)
    assert options.handler == ("daemon_command", "run")
    assert (options.foreground, options.ingest) == (True, SPOOL)
    assert options.post_process and options.retire and not options.keep


def test_it_uses_the_settings_and_directories_of_the_samples() -> None:
    assert service()["Environment"] == "EPMT_SETTINGS=/etc/hpcusage/epmt.ini"
    assert service()["ReadWritePaths"] == SPOOL
    for name in ("epmt-sqlite.ini", "epmt-postgresql.ini"):
        settings = configparser.RawConfigParser()
        settings.read(CONF / name)
        assert settings["EPMT"]["ingest_failed_dir"] == f"{SPOOL}/failed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take capabilities away")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed (util-linux)")
def test_with_its_capabilities_alone_it_takes_what_others_have_staged(tmp_path: Path) -> None:
    owner = pwd.getpwnam("nobody").pw_uid
    spool = tmp_path / "spool"
    spool.mkdir()
    spool.chmod(0o1777)
    os.chown(spool, owner, -1)
    (spool / "failed").mkdir(0o700)
    job = archived(write_job(made_job(job_pl_username="nobody"), tmp_path / "100"))
    good, bad = job.rename(spool / "100.tgz"), spool / "bad.tgz"
    bad.write_text("bad")
    for path in (good, bad):
        path.chmod(0o600)
        os.chown(path, owner, -1)
    (tmp_path / "epmt.ini").write_text(
        f'[EPMT]\ndb_params = {{"url": "sqlite:///{tmp_path}/epmt.db"}}\n'
        f"ingest_failed_dir = {spool}/failed\nretire_jobs_ndays = 100000\n"
    )
    open_parents(spool / "file")
    names = service()["CapabilityBoundingSet"].lower().replace("cap_", "+").split()
    words = shlex.split(service()["ExecStart"].replace(SPOOL, str(spool)))[1:]
    process = subprocess.Popen(
        [
            "setpriv", "--bounding-set", ",".join(["-all", *names]), "--no-new-privs",
            sys.executable, str(CHECKOUT / "bin" / "epmt"), *words, "--interval", "0.2",
        ],
        env={**os.environ, "EPMT_SETTINGS": str(tmp_path / "epmt.ini"),
             "XDG_STATE_HOME": str(tmp_path / "state")},
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        wait_until(lambda: [path.name for path in spool.iterdir()] == ["failed"], "the archives")
    finally:
        process.send_signal(signal.SIGTERM)
        _output, messages = process.communicate()
    assert process.returncode == 0
    assert messages.count("\n") == 1 and f"it was moved to {spool}/failed/bad.tgz" in messages
    moved = (spool / "failed" / "bad.tgz").stat()
    assert (moved.st_uid, moved.st_mode & 0o777) == (owner, 0o600)
