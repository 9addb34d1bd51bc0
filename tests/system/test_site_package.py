"""SitePackage.lua with hostile names, other Lmods and syslogs, and none at all."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import (
    CONF,
    RsyslogProcess,
    collector_configuration,
    free_port,
    require_service,
)
from tests.system.lmod import (
    LmodSite,
    UsageLog,
    lmod_program,
    lua_program,
    parse,
    script_command,
)

STUB_LMOD = Path(__file__).with_name("stub_lmod.lua")

# Each would leave a file `ran` behind if a shell were to read it.
HOSTILE_NAMES = [
    "$(touch ran)",
    "`touch ran`",
    "; touch ran;",
    "'; touch ran; '",
    '"; touch ran; "',
    "' && touch ran #",
    "| touch ran",
    "a blank",
    "-e",
    "%s%n %d",
    "back\\slash",
    "trailing\\",
    'quo"te user=root',
    "gr\u00fc\u00dfe \u20ac",
]
HOSTILE_CONTROLS = ["new\nline user=root", "a\ttab", "bell\x07", "\x1b[31mred", "delete\x7f"]


# Hostile names ----------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_runs_nothing_and_arrives_as_it_is(
    site: LmodSite, usage_log: UsageLog, name: str
) -> None:
    path = site.add_module(f"evil/{name}", "whatis('x')\n")
    done = site.module("load", f"evil/{name}")
    assert done.returncode == 0, done.stderr
    (load,) = usage_log.loads()
    assert (load.module, load.path) == (f"evil/{name}", str(path))
    assert not site.ran()


@pytest.mark.parametrize("name", HOSTILE_CONTROLS)
def test_a_control_character_cannot_make_a_second_line(
    site: LmodSite, usage_log: UsageLog, name: str
) -> None:
    # Lmod's own output holds such names unquoted: here no shell evaluates it.
    site.add_module(f"evil/{name}", "whatis('x')\n")
    site.run_command([lmod_program(), "bash", "load", f"evil/{name}"])
    (message,) = usage_log.messages()
    assert message.isprintable()
    assert parse(message).module == f"evil/{name}"


def test_a_hostile_job_and_host_run_nothing(site: LmodSite, usage_log: UsageLog) -> None:
    hostile = "';touch ran;' $(touch ran) \"x\""
    site.module("load", "zlib", LMOD_SYSHOST=hostile, SLURM_JOB_ID=hostile)
    (load,) = usage_log.loads()
    assert (load.host, load.jobid) == (hostile, hostile)
    assert not site.ran()


def test_a_huge_name_cannot_make_a_line_that_rsyslog_cuts(
    site: LmodSite, usage_log: UsageLog
) -> None:
    huge = "\x01" * 9000
    tree = "/".join(["t" * 200] * 18)
    path = site.add_module("gcc/9", tree=tree)
    site.module("load", "gcc/9", MODULEPATH=str(path.parents[1]), SLURM_JOB_ID=huge)
    (message,) = usage_log.messages()
    load = parse(message)
    assert len(message) <= 8000
    assert load.path == str(path)
    assert load.jobid == "\x01" * 127


# A user's command goes on ----------------------------------------------


def test_a_site_keeps_its_own_hook_and_adds_ours(site: LmodSite, usage_log: UsageLog) -> None:
    shipped = site.package_path / "SitePackage.lua"
    shipped.rename(site.package_path / "module_usage_tracking.lua")
    shipped.write_text(
        'local hook = require("Hook")\n'
        'hook.register("load", function(t) io.stderr:write("own " .. t.modFullName) end)\n'
        'require("module_usage_tracking")\n'
    )
    assert site.module("load", "zlib").stderr == "own zlib/1.3"
    assert usage_log.modules() == {("zlib/1.3", "yes")}


def run_stub(shape: str, *arguments: str) -> list[str]:
    """Run SitePackage.lua under stand-ins for Lmod 8.7; return what it did."""
    command = [lua_program(), str(STUB_LMOD), str(CONF / "SitePackage.lua"), shape, *arguments]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()


@pytest.mark.parametrize("shape", ["new", "old"])
def test_both_styles_of_luaposix_are_served(bare_site: LmodSite, shape: str) -> None:
    said = [line for line in run_stub(shape, "gcc/1", "x/.hidden") if line != "earlier hook"]
    common = "host=node1 time=1767225600.125000"
    assert said == [
        "openlog ModuleUsageTracking",
        f"syslog 134 user=ann module=gcc/1 path=/m/gcc/1 {common} userload=yes",
        f"syslog 134 user=ann module=dependency/1.0 path=/m/dependency/1.0 {common} userload=no",
        "closelog",
    ]


def test_hooks_in_the_lists_of_newer_lmod_are_kept(bare_site: LmodSite) -> None:
    assert run_stub("new", "gcc/1").count("earlier hook") == 2


def test_without_a_syslog_library_the_program_gets_one_quoted_word(bare_site: LmodSite) -> None:
    name = "evil/'$(touch ran)'"
    command = run_stub("none", name)[-2]
    words = shlex.split(command)
    assert words[:2] == ["execute", "/usr/bin/logger"]
    assert words[-5] == "--"
    assert parse(words[-4]).module == name


def test_a_broken_syslog_library_breaks_nothing(bare_site: LmodSite) -> None:
    assert run_stub("broken", "gcc/1") == ["earlier hook", "earlier hook"]


# The node's own syslog --------------------------------------------------

# A private /dev, in a mount namespace of this one command, whose `log` leads to our rsyslogd.
PRIVATE_DEV = """
mkdir dev && touch dev/null dev/urandom && ln -s "$PWD/log.sock" dev/log &&
mount --bind /dev/null dev/null && mount --bind /dev/urandom dev/urandom &&
mkdir dev/shm && mount --rbind /dev/shm dev/shm && mount --rbind dev /dev && exec "$@"
"""
MOUNT_NAMESPACE = ["unshare", "--mount" if os.geteuid() == 0 else "-rm"]


@pytest.fixture
def local_site(bare_site: LmodSite) -> LmodSite:
    """Give a site for commands with a private /dev, in which /dev/log leads nowhere as yet."""
    if subprocess.run([*MOUNT_NAMESPACE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not allow a private mount namespace")
    return bare_site


@pytest.fixture
def local_log(local_site: LmodSite, tmp_path: Path) -> Iterator[UsageLog]:
    """Give the log of a private rsyslogd that also listens where /dev/log leads."""
    require_service("rsyslogd")
    port, log_path = free_port(), tmp_path / "moduleUsage.log"
    own = Path(local_site.directory, "log.sock")
    local = (
        'module(load="imuxsock" SysSock.Use="off")\n'
        f'input(type="imuxsock" Socket="{own}" ruleset="moduleUsage")\n'
    )
    configuration = collector_configuration(log_path, port) + local
    with RsyslogProcess(tmp_path / "rsyslog", configuration, port):
        yield UsageLog(log_path, port, own)


def run_locally(site: LmodSite, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a bash script, in which `module` is defined, with the private /dev."""
    command_line = ["sh", "-c", PRIVATE_DEV, "sh", *script_command(script)]
    return site.run_command([*MOUNT_NAMESPACE, *command_line])


@pytest.mark.parametrize("transport", ["auto", "syslog", "logger"])
def test_the_nodes_own_syslog_gets_the_lines(
    local_site: LmodSite, local_log: UsageLog, transport: str
) -> None:
    name = "evil/$(touch ran) \u20ac"
    local_site.install(transport=transport)
    local_site.add_module(name, "whatis('x')\n")
    done = run_locally(local_site, f"module load gcc '{name}'")
    assert (done.returncode, done.stderr) == (0, "")
    assert local_log.modules() == {("gcc/13.2", "yes"), ("zlib/1.3", "no"), (name, "yes")}
    assert not local_site.ran()


@pytest.mark.parametrize("host", ["x;touch ran", "$(touch ran)", "-x", "a b", "'"])
def test_a_server_that_is_no_host_name_is_not_used(
    local_site: LmodSite, local_log: UsageLog, host: str
) -> None:
    local_site.install(server_host=host, server_port=local_log.port, transport="logger")
    done = run_locally(local_site, "module load zlib")
    assert (done.returncode, done.stderr) == (0, "")
    assert local_log.modules() == {("zlib/1.3", "yes")}
    assert not local_site.ran()


@pytest.mark.parametrize("transport", ["syslog", "logger"])
def test_a_load_succeeds_without_a_syslog(local_site: LmodSite, transport: str) -> None:
    local_site.install(transport=transport)
    done = run_locally(local_site, "module load gcc && module -t list 2>&1")
    assert done.returncode == 0, done.stderr
    assert "gcc/13.2" in done.stdout
