"""A real `module load`, through SitePackage.lua and rsyslog, to the log and the reports."""

import base64
import csv
import io
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Union

import pytest

from tests.services import (
    CONF,
    MariaDBServer,
    PostgreSQLServer,
    open_parents,
    require_service,
)
from tests.system.lmod import LmodSite, UsageLog, parse

ROOT = CONF.parent
PLAIN_LINE = re.compile(
    r"user=\S+ module=gcc/13\.2 path=\S+/gcc/13\.2\.lua host=\S+ time=\d{10}\.\d{6} userload=yes"
)

# What is reported -------------------------------------------------------


def test_a_load_gives_one_plain_line_per_module(site: LmodSite, usage_log: UsageLog) -> None:
    before = time.time()
    done = site.module("load", "gcc")
    assert (done.returncode, done.stderr) == (0, "")
    zlib, gcc = usage_log.messages()
    assert PLAIN_LINE.fullmatch(gcc)
    load = parse(gcc)
    assert load.path == str(site.modules / "gcc/13.2.lua")
    assert load.host == os.uname().nodename
    assert before - 1 <= float(load.time) <= time.time() + 1
    assert parse(zlib).module == "zlib/1.3"


def test_the_user_is_the_real_one_whatever_the_environment_says(
    site: LmodSite, usage_log: UsageLog
) -> None:
    site.module("load", "zlib", USER="someone-else", LOGNAME="someone-else")
    assert [load.user for load in usage_log.loads()] == [pwd.getpwuid(os.getuid()).pw_name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_reported_by_name(site: LmodSite, usage_log: UsageLog) -> None:
    open_parents(site.modules)
    done = site.run("module load zlib", account="nobody", USER="root")
    assert done.returncode == 0, done.stderr
    assert [load.user for load in usage_log.loads()] == ["nobody"]


def test_a_tcl_module_is_reported(site: LmodSite, usage_log: UsageLog) -> None:
    site.module("load", "old")
    assert [load.path for load in usage_log.loads()] == [str(site.modules / "old/1.0")]


def test_the_syshost_of_lmod_is_the_host(site: LmodSite, usage_log: UsageLog) -> None:
    site.module("load", "zlib", LMOD_SYSHOST="alder")
    assert [load.host for load in usage_log.loads()] == ["alder"]


@pytest.mark.parametrize("variable", ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"])
def test_the_job_is_named_in_a_job(site: LmodSite, usage_log: UsageLog, variable: str) -> None:
    site.module("load", "zlib", **{variable: "4711[3].master"})
    site.module("load", "zlib")
    assert [load.jobid for load in usage_log.loads()] == ["4711[3].master", None]


def test_a_module_that_a_command_loads_twice_is_reported_once(
    site: LmodSite, usage_log: UsageLog
) -> None:
    site.module("load", "gcc", "zlib", "gcc/13.2")
    assert usage_log.modules() == {("gcc/13.2", "yes"), ("zlib/1.3", "yes")}


@pytest.mark.parametrize("command", ["load secret/.1.0", "load toolkit"])
def test_a_hidden_module_is_not_reported(site: LmodSite, usage_log: UsageLog, command: str) -> None:
    done = site.run(f"module {command}")
    assert done.returncode == 0, done.stderr
    assert not [module for module, _ in usage_log.modules() if module.startswith("secret")]


@pytest.mark.parametrize("command", ["load broken", "load gcc nothere", "load nothere"])
def test_a_failed_load_reports_nothing(site: LmodSite, usage_log: UsageLog, command: str) -> None:
    assert site.run(f"module {command}").returncode != 0
    assert usage_log.messages() == []


@pytest.mark.parametrize(
    "command",
    [
        "avail",
        "show gcc",
        "help gcc",
        "whatis gcc",
        "spider gcc",
        "list",
        "unload gcc",
        "--checkSyntax load old",
    ],
)
def test_a_command_that_loads_nothing_reports_nothing(
    site: LmodSite, usage_log: UsageLog, command: str
) -> None:
    site.run(f"module load gcc; module {command}")
    assert usage_log.modules() == {("gcc/13.2", "yes"), ("zlib/1.3", "no")}


# Who asked for it -------------------------------------------------------


def test_a_dependency_is_no_user_load(site: LmodSite, usage_log: UsageLog) -> None:
    site.module("load", "gcc")
    assert usage_log.modules() == {("gcc/13.2", "yes"), ("zlib/1.3", "no")}


@pytest.mark.parametrize(
    "command",
    [
        "module load gcc/13.2",
        "module load gcc/13",
        "module load gcc/13.2.lua",
        "module add +gcc/",
        "module --latest load gcc/13",
        "module try-load nothere gcc",
        "module load compiler",
        "ml gcc",
        "ml load gcc",
    ],
)
def test_what_the_user_typed_is_a_user_load(
    site: LmodSite, usage_log: UsageLog, command: str
) -> None:
    (site.modules / ".modulerc.lua").write_text(
        'module_alias("compiler", "gcc/13.2")\nmodule_version("gcc/13.2", "13")\n'
    )
    done = site.run(command)
    assert done.returncode == 0, done.stderr
    assert usage_log.modules() == {("gcc/13.2", "yes"), ("zlib/1.3", "no")}


def test_a_swapped_in_module_is_a_user_load(site: LmodSite, usage_log: UsageLog) -> None:
    site.module("load", "zlib")
    usage_log.messages()
    site.run("module load zlib; module swap zlib old")
    assert usage_log.modules() == {("zlib/1.3", "yes"), ("old/1.0", "yes")}


def test_another_version_that_came_along_is_no_user_load(
    site: LmodSite, usage_log: UsageLog
) -> None:
    site.add_module("gcc/1")
    site.add_module("gcc/12.1")
    site.add_module("legacy/1.0", 'load("gcc/12.1")\n')
    site.module("load", "gcc/1", "legacy")
    assert ("gcc/12.1", "no") in usage_log.modules()


def test_a_name_that_begins_alike_is_no_user_load(site: LmodSite, usage_log: UsageLog) -> None:
    site.add_module("gcc-libs/13.2")
    site.add_module("gcc/14.1", 'load("gcc-libs")\n')
    site.module("load", "gcc/14.1")
    assert usage_log.modules() == {("gcc/14.1", "yes"), ("gcc-libs/13.2", "no")}


def test_a_reload_because_the_module_path_changed_is_no_user_load(
    site: LmodSite, usage_log: UsageLog
) -> None:
    for compiler in ("intel", "nvhpc"):
        tree = site.directory / compiler
        site.add_module(
            f"{compiler}/1", f'family("compiler")\nprepend_path("MODULEPATH", "{tree}")'
        )
        site.add_module("openmpi/4.1", tree=compiler)
    done = site.run("module load intel openmpi; module load nvhpc")
    assert done.returncode == 0, done.stderr
    loads = usage_log.loads()
    assert [(load.module, load.userload) for load in loads[:2]] == [
        ("intel/1", "yes"),
        ("openmpi/4.1", "yes"),
    ]
    assert {(load.module, load.userload) for load in loads[2:]} == {
        ("nvhpc/1", "yes"),
        ("openmpi/4.1", "no"),
    }


def test_a_collection_holds_user_loads_and_what_they_brought_along(
    site: LmodSite, usage_log: UsageLog
) -> None:
    site.run("module load gcc; module save mine; module purge")
    usage_log.messages()
    done = site.run("module restore mine")
    assert done.returncode == 0, done.stderr
    assert usage_log.modules() == {("gcc/13.2", "yes"), ("zlib/1.3", "no")}


@pytest.mark.parametrize("command", ["--initial_load restore", "reset"])
def test_what_the_site_loads_is_no_user_load(
    site: LmodSite, usage_log: UsageLog, command: str
) -> None:
    site.run(f"module {command}", LMOD_SYSTEM_DEFAULT_MODULES="gcc")
    assert usage_log.modules() == {("gcc/13.2", "no"), ("zlib/1.3", "no")}


def test_the_users_default_collection_at_login_is_no_user_load(
    site: LmodSite, usage_log: UsageLog
) -> None:
    site.run("module load gcc; module save")
    usage_log.messages()
    done = site.run("module --initial_load restore")
    assert done.returncode == 0, done.stderr
    assert usage_log.modules() == {("gcc/13.2", "no"), ("zlib/1.3", "no")}


# To the database and the reports ---------------------------------------


def command(name: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a command of the suite as a bare clone has it."""
    return subprocess.run(
        [sys.executable, str(ROOT / "bin" / name), *map(str, arguments)],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def succeed(name: str, *arguments: object) -> str:
    """Run a command of the suite that must succeed without a word on stderr."""
    done = command(name, *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def server_section(name: str, server: Union[MariaDBServer, PostgreSQLServer]) -> str:
    """Return the section of a configuration file for a private server."""
    password = base64.b64encode(b"").decode()
    return (
        f"[{name}]\nHOST = 127.0.0.1\nPORT = {server.port}\nUSER = {server.user}\n"
        f"PASSWD = {password}\nDB = lmodV2\n"
    )


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def conf_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Give the configuration file of an empty database with all tables."""
    path = tmp_path / "lmodV2_db.conf"
    path.touch(mode=0o600)
    if request.param == "sqlite":
        path.write_text(f"[SQLITE]\nDB = {tmp_path / 'usage.db'}\n")
        yield path
        return
    if request.param == "mariadb":
        require_service("mariadbd", "mariadb-install-db")
        server, section = MariaDBServer(tmp_path / "db"), "MYSQL"
    else:
        require_service("postgres", "initdb", modules=["psycopg"])
        server, section = PostgreSQLServer(tmp_path / "db"), "POSTGRESQL"
    with server:
        path.write_text(server_section(section, server))
        created = command("createDB", "--confFn", path)
        assert created.returncode == 0, created.stderr
        yield path


def report(conf_file: Path, *arguments: str) -> list[list[str]]:
    """Return the rows of a report, without its head."""
    text = succeed("analyzeLmodDB", "--confFn", conf_file, *arguments, "--format", "csv")
    return list(csv.reader(io.StringIO(text)))[1:]


def rotated(usage_log: UsageLog) -> Path:
    """Return a copy of the log as a rotation leaves it, without the marks of the tests."""
    usage_log.messages()
    lines = usage_log.path.read_text().splitlines(keepends=True)
    path = usage_log.path.with_name("moduleUsage.log-20260131")
    path.write_text("".join(line for line in lines if "mark=" not in line))
    return path


def test_a_module_load_reaches_the_three_reports(
    site: LmodSite, usage_log: UsageLog, conf_file: Path
) -> None:
    name = "evil/$(touch ran) 'x'"
    paths = [site.modules / "gcc/13.2.lua", site.modules / "zlib/1.3.lua"]
    paths.append(site.add_module(name, "whatis('x')\n"))
    site.module("load", "gcc")
    site.module("load", "gcc", name)

    assert succeed("store_module_data", "--confFn", conf_file, rotated(usage_log)) == ""

    user = pwd.getpwuid(os.getuid()).pw_name
    used = sorted([str(path), user] for path in paths)
    assert sorted(report(conf_file, "counts")) == sorted([str(path), "1"] for path in paths)
    assert sorted(report(conf_file, "usernames")) == used
    assert sorted(report(conf_file, "modules_used_by", "--sqlPattern", user)) == used
    assert report(conf_file, "modules_used_by", "--sqlPattern", "nobody-here") == []
    assert report(conf_file, "counts", "--sqlPattern", "%/gcc/%") == [[str(paths[0]), "1"]]
    assert not site.ran()


def test_the_same_log_again_changes_nothing(
    site: LmodSite, usage_log: UsageLog, conf_file: Path
) -> None:
    site.module("load", "gcc")
    log = rotated(usage_log)
    copy = shutil.copy(log, log.with_name("moduleUsage.log-20260201"))
    succeed("store_module_data", "--confFn", conf_file, log)
    first = report(conf_file, "counts", "--loads")
    succeed("store_module_data", "--confFn", conf_file, log, copy)
    assert report(conf_file, "counts", "--loads") == first
    assert len(first) == 2


def test_the_sample_map_and_ignore_file_are_understood(
    site: LmodSite, usage_log: UsageLog, conf_file: Path
) -> None:
    site.add_module("settarg/8.6")
    site.module("load", "old", "settarg", LMOD_SYSHOST="node17")
    options = ["--syshost-map", CONF / "syshost-map", "--ignoreFn", CONF / "ignore-modules"]
    succeed("store_module_data", "--confFn", conf_file, *options, rotated(usage_log))
    ((path, *columns),) = report(conf_file, "counts", "--by-syshost")
    assert path == str(site.modules / "old/1.0")
    assert "alder" in columns
