"""The files and databases that the examples of each README take for granted."""

import base64
import datetime
import json
from pathlib import Path
from typing import Any, Callable

from tests.conftest import CHECKOUT
from tests.lmodtrack.logs import make_loads
from tests.readme_examples import Session
from tests.readme_records import epmt_archives, xalt_records
from tests.xaltload.samples import written
from tests.xaltload.test_load_syslog import lines_of
from usagedb.config import DatabaseConfig, read_config
from usagedb.database import Database

SAMPLE = CHECKOUT / "conf" / "sample-moduleUsage.log"
DATABASE, OLDER, PASSWORD = "lmodV2", "lmod", "test623"
SOCKET = "run/mysqld/mysqld.sock"
# Not the present: the figures of the demo are always the same.
DEMO_NOW = 1_795_176_017  # 2026-11-20 12:00:17, UTC

GetFixture = Callable[[str], Any]


def prepare(session: Session, package: str, heading: str, fixture: GetFixture) -> None:
    """Make what the section of a package's README ('': the main one) needs.

    fixture returns a fixture of pytest by its name; a server is started only where it is used.
    """
    (session.home / "conf").symlink_to(CHECKOUT / "conf")
    make = {
        "": nothing, "usagedb": usagedb, "lmodtrack": lmodtrack, "xaltload": xaltload,
        "afcollect": afcollect, "epmtlite": epmtlite, "userportal": userportal,
    }[package]  # fmt: skip
    embedded(session)
    make(session, heading, fixture)


def embedded(session: Session) -> None:
    """Let the commands use the embedded database of an ordinary user, root's own ones too."""
    path = session.home / ".local" / "share" / "hpcusage" / "usage.db"
    path.parent.mkdir(parents=True)
    configuration = session.root / "embedded.conf"
    use(session, write_configuration(configuration, f"[SQLITE]\nDB = {path}\n"))


def use(session: Session, configuration: Path) -> None:
    """Let the commands use the database of a configuration file."""
    session.environment["HPCUSAGE_CONF"] = str(configuration)


def write_configuration(path: Path, text: str) -> Path:
    """Write a configuration file for its owner alone; return its path."""
    path.write_text(text)
    path.chmod(0o600)
    return path


def nothing(session: Session, _heading: str, _fixture: GetFixture) -> None:
    """The main README begins with a clone alone."""


def write_logs(session: Session) -> None:
    """Write the sample log as logrotate leaves it: one file for January, one for February."""
    lines = SAMPLE.read_text().splitlines(keepends=True)
    february = next(at for at, line in enumerate(lines) if line.startswith("2026-02"))
    logs = session.root / "var" / "log"
    logs.mkdir()
    (logs / "moduleUsage.log-20260201").write_text("".join(lines[:february]))
    (logs / "moduleUsage.log-20260301").write_text("".join(lines[february:]))


def open_as_root(fixture: GetFixture) -> Database:
    """Return the private MariaDB, opened by its root."""
    server = fixture("mariadb")
    return Database(
        DatabaseConfig(
            "mysql", "", "test", ("localhost",), server.port, user="root",
            socket=str(server.socket), select_database=False,
        )
    )  # fmt: skip


def on_server(session: Session, fixture: GetFixture) -> None:
    """Let /etc/hpcusage/lmodV2_db.conf name an empty MariaDB; what was there is dropped."""
    root = open_as_root(fixture)
    for statement in (
        f"DROP DATABASE IF EXISTS {DATABASE}",
        f"CREATE OR REPLACE USER 'lmodUser'@'localhost' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT ALL ON {DATABASE}.* TO 'lmodUser'@'localhost'",
    ):
        root.run_ddl(statement)
    root.close()
    shown = session.root / SOCKET
    shown.parent.mkdir()
    shown.symlink_to(fixture("mariadb").socket)
    use(session, name_database(session, "lmodV2_db.conf", DATABASE))


def name_database(session: Session, name: str, database: str) -> Path:
    """Write a configuration file below /etc/hpcusage for a database of the server."""
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    return write_configuration(
        session.root / "etc/hpcusage" / name,
        f"[MYSQL]\nUSER = lmodUser\nPASSWD = {encoded}\nDB = {database}\n"
        f"SOCKET = {session.root / SOCKET}\n",
    )


def usagedb(session: Session, heading: str, fixture: GetFixture) -> None:
    """A password for conf_create, a server for createDB, a loaded database for the others."""
    (session.home / "pw").write_text(f"{PASSWORD}\n")
    (session.home / "pw").chmod(0o600)
    (session.root / "var/lib/prometheus/node-exporter").mkdir(parents=True)
    if heading in ("Where the data are", "createDB"):
        on_server(session, fixture)
    elif heading == "Backup and restore":
        write_logs(session)
        on_server(session, fixture)
        client = f"[client]\nuser=lmodUser\npassword={PASSWORD}\nsocket={session.root / SOCKET}\n"
        write_configuration(session.home / ".my.cnf", client)
    elif heading != "conf_create":
        write_logs(session)
        if heading == "usage_person":
            session.prepare("sed -i s/user=ibex/user=anna/ /var/log/moduleUsage.log-*")
        session.prepare("store_module_data -q /var/log/moduleUsage.log-*", (0, 3))
        if heading == "usage_copy":
            on_server(session, fixture)
        if heading == "delete_old_records":
            session.prepare("createDB -q --schema xalt")
            text = (session.root / "embedded.conf").read_text()
            text += "[RETENTION]\nlmod = 24\nxalt = 12\nusage = 6\n"
            write_configuration(session.root / "etc/hpcusage/lmodV2_db.conf", text)


def lmodtrack(session: Session, heading: str, fixture: GetFixture) -> None:
    """Logs of two months and an empty database; for the commands also an older database."""
    write_logs(session)
    on_server(session, fixture)
    if heading != "The commands":
        return
    session.prepare("createDB -q --schema lmod")
    modules = session.root / "srv/modulefiles"
    (modules / "vasp").mkdir(parents=True)
    (modules / "vasp" / "6.4.lua").write_text("-- a modulefile\n")
    loads = make_loads(300, seed=31)
    (session.home / "dump").mkdir()
    lines = [
        {"user": one.user, "path": one.path, "module": one.module, "syshost": "aurora",
         "date": str(int(one.time))}
        for one in make_loads(20, seed=32)
    ]  # fmt: skip
    (session.home / "dump/2024.json").write_text("".join(json.dumps(one) + "\n" for one in lines))
    add_older_database(session, fixture, loads)


def add_older_database(session: Session, fixture: GetFixture, loads: "list[Any]") -> None:
    """Let /etc/hpcusage/old_db.conf name a database of gen_2 with these loads."""
    root = open_as_root(fixture)
    statements = (f"DROP DATABASE IF EXISTS {OLDER}", f"CREATE DATABASE {OLDER}")
    for statement in (*statements, f"GRANT ALL ON {OLDER}.* TO 'lmodUser'@'localhost'"):
        root.run_ddl(statement)
    root.close()
    database = Database(read_config(name_database(session, "old_db.conf", OLDER)))
    database.run_ddl(
        "CREATE TABLE moduleT (id INT PRIMARY KEY AUTO_INCREMENT, user VARCHAR(64),"
        " path VARCHAR(1024), module VARCHAR(64), syshost VARCHAR(32), date DATETIME)"
    )
    for one in loads:
        moment = datetime.datetime.fromtimestamp(int(one.time), datetime.timezone.utc)
        database.execute(
            "INSERT INTO moduleT (user, path, module, syshost, date) VALUES (?, ?, ?, ?, ?)",
            (one.user, one.path, one.module, "aurora", str(moment)[:19]),
        )
    database.close()


def xaltload(session: Session, heading: str, _fixture: GetFixture) -> None:
    """Records below /data/xalt/json, a reverse map, and the same records in a log of syslog."""
    json_directory, records = session.root / "data/xalt/json", xalt_records()
    json_directory.mkdir(parents=True)
    for name, one in records:
        (json_directory / name).write_bytes(written(one))
    maps = session.root / "apps/xalt/reverseMapD"
    maps.mkdir(parents=True)
    modules = {
        "/apps/gromacs/2026.1/bin": "gromacs/2026.1", "/apps/fftw3/3.3.10/lib": "fftw3/3.3.10",
        "/apps/python/3.12/bin": "python/3.12", "/apps/vasp/6.4/bin": "vasp/6.4",
    }  # fmt: skip
    (maps / "xalt_rmapT.json").write_text(json.dumps({"reverseMapT": modules}))
    (session.root / "etc/hpcusage/fields.csv").write_text(
        "account,field_of_science,directorate\nchem01,Chemistry,Sciences\nbio07,Biology,Sciences\n"
    )
    (session.root / "var/log").mkdir()
    (session.root / "var/log/xalt.log-20261121").write_bytes(b"\n".join(lines_of(records)) + b"\n")
    with_map = "--reverseMapD /apps/xalt/reverseMapD"
    stored = {"Reports": with_map, "xalt_find_records": with_map, "Keeping the database": ""}
    if heading in stored:
        session.prepare(f"xalt_file_to_db {stored[heading]} /data/xalt/json")


def afcollect(session: Session, _heading: str, _fixture: GetFixture) -> None:
    """A token, a salt, and a directory for the outbox that nobody else can write."""
    (session.home / "state").mkdir(mode=0o700)
    for name in ("token", "salt"):
        path = session.root / "etc/hpcusage" / f"afmetrics.{name}"
        path.write_text(f"the-{name}\n")
        path.chmod(0o600)


def epmtlite(session: Session, heading: str, _fixture: GetFixture) -> None:
    """Settings that keep jobs below the scratch directory, programs, and archives of jobs."""
    settings = session.home / ".config/hpcusage/epmt.ini"
    settings.parent.mkdir(parents=True)
    (session.root / "tmp").mkdir()
    settings.write_text(
        f"[EPMT]\nepmt_output_prefix = {session.root}/tmp/epmt/\n"
        f"ingest_failed_dir = {session.root}/tmp\n"
    )
    for name, text in (("prepare", "mkdir -p work"), ("model", 'cp "$1" copy; echo done')):
        program = session.home / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    (session.home / "input.nml").write_text("&model steps = 3 /\n")
    session.add_program("srun", 'exec "$@"')
    if heading == "Storing jobs":
        epmt_archives(session)
    (session.root / "srv/epmt").mkdir()
    (session.root / "srv/epmt/settings.py").write_text(
        "import os\njob_tags_env = 'SITE_TAGS'\nretire_jobs_ndays = 30\n"
        "stage_command_dest = os.getcwd()\n"
    )


def userportal(session: Session, heading: str, _fixture: GetFixture) -> None:
    """The made-up cluster, smaller than that of `make portal-demo`, and a script that waits."""
    from tests.userportal.demo.recorded import QUICK
    from userportal.demo.make import make_demo

    if heading == "Try it":  # it makes its own, in a clone
        (session.home / ".venv").mkdir()
        (session.home / ".venv" / "bin").symlink_to(session.programs)
        return
    demo = make_demo(session.home / "portal-demo", DEMO_NOW, 1, QUICK)
    session.environment["HPCUSAGE_PORTAL_CONF"] = str(demo.configuration)
    (session.home / "token-of-the-old-portal").write_text("0123456789abcdef" * 2 + "01234567\n")
    script = session.root / "var/spool/slurmctld/hash.1/job.4711/script"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/bash\nhostname\n")
    write_configuration(session.home / "token", "0123456789abcdef0123456789abcdef01234567\n")
    (session.home / "slurm_jobscripts.ini").write_text(
        f"[api]\nhost = https://127.0.0.1:9\ntoken_file = {session.home}/token\n"
        f"[slurm]\nspool = {session.root}/var/spool/slurmctld\n"
        f"[collector]\nstate = {session.home}/state\n"
    )
