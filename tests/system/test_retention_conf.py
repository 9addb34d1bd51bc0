"""The shipped job that removes what is old: its command works as it stands in cron and systemd."""

import os
import pwd
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, Site, run_command
from tests.services import CONF, open_parents, require_service
from tests.system.test_conf_files import rules
from tests.usagedb.person_site import counts, fill
from usagedb.config import DatabaseConfig

PROGRAM = "/usr/local/bin/delete_old_records"
SERVICE, TIMER = "hpcusage-retention.service", "hpcusage-retention.timer"
RETENTION = "[RETENTION]\nlmod = 0\nepmt = 0\nusage = 600\nportal = 1\noutbox = 1\n"
# What SQLite makes beside a database belongs to whom the database belongs to.
OWNERS = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("CREATE TABLE of_root (one INTEGER)")
print(*(os.stat(sys.argv[1] + end).st_uid for end in ("-wal", "-shm")))
"""


def service(name: str) -> str:
    """Return a setting of the service."""
    (line,) = [one for one in rules(SERVICE) if one.startswith(f"{name}=")]
    return line.partition("=")[2]


def command() -> "list[str]":
    """Return the words behind the program of the shipped command."""
    program, *words = shlex.split(service("ExecStart"))
    assert program == PROGRAM
    return words


def test_cron_and_systemd_run_the_same_command_at_the_same_time() -> None:
    settings = [line for line in rules("cron.d-retention") if "=" in line.split()[0]]
    (job,) = [line.split(None, 6) for line in rules("cron.d-retention") if line not in settings]
    assert {line.partition("=")[0] for line in settings} == {"SHELL", "PATH", "MAILTO"}
    assert (job[:6], job[6]) == (["11", "0", "1", "*", "*", "root"], service("ExecStart"))
    assert "OnCalendar=*-*-01 00:11:00" in rules(TIMER)
    assert "." not in "hpcusage-retention"  # cron passes over a file name with a dot


def test_no_other_shipped_job_deletes_by_months_of_its_own() -> None:
    """Else [RETENTION] would say 24 months, and another line delete after 12."""
    jobs = [
        f"{path.name}: {line}"
        for path in CONF.iterdir()
        if path.suffix == ".service" or path.name.startswith("cron.d-")
        for line in rules(path.name)
        if PROGRAM in line and "--configured" not in line
    ]
    assert jobs == []


def test_every_way_that_is_off_is_a_command_that_runs(tmp_path: Path) -> None:
    lines = [
        line
        for name in ("cron.d-xaltload", "cron.d-afcollect", "hpcusage-afcollect.service")
        for line in (CONF / name).read_text().splitlines()
        if re.match(r"#\S.*" + PROGRAM, line)
    ]
    assert len(lines) == 3
    site = Site(DatabaseConfig("sqlite", str(tmp_path / "usage.db"), "test"), tmp_path)
    site.create("xalt")
    (tmp_path / "state").mkdir(0o700)
    for line in lines:
        words = shlex.split(line.partition(PROGRAM)[2].partition(") >> ")[0])
        words = [str(tmp_path / "state") if word == "${STATE_DIRECTORY}" else word
                 for word in words if not word.endswith("_db.conf")]  # fmt: skip
        words = [word for word in words if word != "--confFn"]
        done = site.run("delete_old_records", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), line


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a directory with configurations as they are in /etc/hpcusage, and a database."""
    database = tmp_path / "usage.db"
    fill(Site(DatabaseConfig("sqlite", str(database), "test"), tmp_path), tmp_path / "inputs")
    for name in ("lmodV2", "xalt", "epmt"):
        (tmp_path / f"{name}_db.conf").write_text(f"[SQLITE]\nDB = {database}\n")
        (tmp_path / f"{name}_db.conf").chmod(0o600)
    return tmp_path


def left(place: Path) -> "dict[str, int]":
    """Return how many rows the tables still have."""
    return counts(Site(DatabaseConfig("sqlite", str(place / "usage.db"), "test"), place))


def test_without_a_configured_time_nothing_goes_and_one_line_says_so(place: Path) -> None:
    before = left(place)
    done = run_command("delete_old_records", *command(), cwd=place)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (78, "", 1)
    assert "no section [RETENTION]" in done.stderr
    assert "78" in service("RestartPreventExitStatus").split()
    assert left(place) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take capabilities away")
@pytest.mark.skipif(sys.version_info < (3, 10), reason="Django needs Python 3.10")
def test_with_its_capabilities_alone_it_removes_what_is_old_of_every_account(place: Path) -> None:
    require_service("setpriv", modules=["django"])
    (place / "lmodV2_db.conf").write_text(f"[SQLITE]\nDB = {place}/usage.db\n{RETENTION}")
    portal = made_portal(place)
    owner = pwd.getpwnam("nobody").pw_uid
    for path in (place / "usage.db", place / "state", *(place / "state").iterdir()):
        shutil.chown(path, "nobody")
    open_parents(place / "usage.db")
    names = service("CapabilityBoundingSet").lower().replace("cap_", "+").split()
    limited = ["setpriv", "--bounding-set", ",".join(["-all", *names]), "--no-new-privs",
               sys.executable]  # fmt: skip
    done = subprocess.run(
        [*limited, CHECKOUT / "bin" / "delete_old_records", *command()], cwd=place,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = left(place)
    assert (found["lmod_use"], found["epmt_job"], found["xalt_run"]) == (0, 0, 2)
    with sqlite3.connect(portal) as database:
        assert database.execute("SELECT session_key FROM django_session").fetchall() == [("new",)]
    done = subprocess.run([*limited, "-c", OWNERS, place / "usage.db"], capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert done.stdout.split() == [str(owner), str(owner)]


def made_portal(place: Path) -> Path:
    """Make a portal with an old session and one of today; return the path of its database."""
    (place / "state").mkdir()
    (place / "portal.conf").write_text(f"[portal]\ncluster = birch\nstate = {place}/state\n")
    done = run_command("userportal", "migrate", "-v", "0", cwd=place)
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(place / "state" / "portal.db") as database:
        database.execute(
            "INSERT INTO django_session (session_key, session_data, expire_date) VALUES"
            " ('old', '', '2020-01-01 00:00:00'), ('new', '', '2999-01-01 00:00:00')"
        )
    database.close()
    return place / "state" / "portal.db"
