"""No password and no token is shown: in output, errors, the process list, rows or the outbox."""

import base64
import concurrent.futures
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import services
from tests.conftest import BACKENDS, CHECKOUT
from tests.usagedb.conftest import drop_anonymous
from usagedb.config import write_config

SECRET = "marked-S3cret-of-the-site"
FORMS = (SECRET, base64.b64encode(SECRET.encode()).decode())
AT_ONCE = 4
AWAY, REFUSED, UNREADY = 75, 77, 78
CRITICAL = 2  # as usage_status says it to a monitor
NEVER = 1  # a port on which nobody listens
# Every command that reads the configuration of a database, and arguments with which it connects;
# {dir} is a directory with the files of `place`.
COMMANDS = (
    ("analyzeLmodDB", "counts"),
    ("convert_lmod_db",),
    ("createDB",),
    ("delete_old_records", "--end", "2020-01-01", "--yes"),
    ("store_module_data", "{dir}/moduleUsage.log"),
    ("usage_person", "export", "anna"),
    ("usage_status",),
    ("xalt_file_to_db", "{dir}"),
    ("xalt_find_records", "--user", "anna"),
    ("xalt_library_usage", "--start", "2026-01-01"),
    ("xalt_load_fos", "{dir}/fos.csv"),
    ("xalt_scalar_bins_usage_report",),
    ("xalt_syslog_to_db", "{dir}/xalt.log"),
    ("xalt_update_modules", "--reverseMapD", "{dir}"),
    ("xalt_usage_report",),
    ("epmt", "list", "jobs"),
    ("epmt", "submit", "{dir}/job"),
    ("epmt", "dbsize"),
)


@pytest.fixture
def place(tmp_path):
    """A directory with an input for each command."""
    from tests.epmtlite.made_jobs import made_job, write_job

    for name in ("moduleUsage.log", "xalt.log"):
        (tmp_path / name).write_text("")
    (tmp_path / "fos.csv").write_text("account,field_of_science,directorate\nabc,Physics,MPS\n")
    (tmp_path / "jsonReverseMapT.json").write_text('{"reverseMapT": {"/apps/gcc": "gcc/12"}}')
    write_job(made_job(), tmp_path / "job")
    return tmp_path


def words_of(command, conf, place, *options):
    """Return the command line of one of COMMANDS."""
    name, *arguments = (word.format(dir=place) for word in command)
    if name == "epmt":
        first, *rest = arguments
        verbose = [word for word in options if word == "-vv"]
        return [name, *verbose, first, "--confFn", conf, *rest]
    return [name, "--confFn", conf, *options, *arguments]


def seen(words):
    """Run a command; return (exit code, stdout, stderr, all that the process list showed)."""
    shown = set()
    environment = {name: value for name, value in os.environ.items() if SECRET not in value}
    with subprocess.Popen(
        [sys.executable, str(CHECKOUT / "bin" / words[0]), *map(str, words[1:])],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment,
    ) as process:  # fmt: skip
        while True:
            for pid in (process.pid, *services._children(process.pid)):
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        shown.add(Path(f"/proc/{pid}/{name}").read_text(errors="replace"))
            try:
                output, messages = process.communicate(timeout=0.05)
                return process.returncode, output, messages, "".join(shown)
            except subprocess.TimeoutExpired:
                continue


def assert_silent(*texts):
    """Make sure that no text has the secret, in any form."""
    for text in texts:
        for form in FORMS:
            assert form not in text, text


def run_all(conf, place, *options):
    """Return [(command, what seen() returns)] of all COMMANDS, some at a time."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        lines = [words_of(command, conf, place, *options) for command in COMMANDS]
        return list(zip(COMMANDS, pool.map(seen, lines)))


def useless_conf(site, place, fault):
    """Return the path of a configuration with SECRET, with which no server lets anybody in."""
    if site.config.backend == "sqlite":
        pytest.skip("a file has no password")
    config = site.config.replaced(user="stranger", password=SECRET, socket="")
    conf = place / "marked.conf"
    write_config(conf, config.replaced(port=NEVER) if fault == "server down" else config)
    return conf


@pytest.mark.parametrize("fault", ["wrong password", "server down"])
def test_no_command_shows_the_password_when_it_cannot_connect(site, place, fault):
    conf = useless_conf(site, place, fault)
    for command, (code, *texts) in run_all(conf, place, "-vv", "--debug"):
        codes = (AWAY, CRITICAL) if fault == "server down" else (REFUSED, UNREADY, CRITICAL)
        assert code in codes, (command, texts)
        assert_silent(*texts)


PORTAL = """[portal]
https = no
hosts = 127.0.0.1
state = {place}
[database]
conf_file = {conf}
[slurm]
conf_file = {conf}
[lmod]
conf_file = {conf}
[prometheus]
url = http://127.0.0.1:1
headers_file = {place}/headers
"""


@pytest.mark.parametrize("fault", ["wrong password", "server down"])
def test_no_command_with_two_databases_shows_a_password_or_a_header(site, place, fault):
    conf, portal, headers = (
        useless_conf(site, place, fault),
        place / "portal.conf",
        place / "headers",
    )
    portal.write_text(PORTAL.format(place=place, conf=conf))
    headers.write_text(f"Authorization: Bearer {SECRET}\n")
    for path in (portal, headers):
        path.chmod(0o600)
    for words in (
        ("usage_copy", "-vv", "--debug", "--from", conf, "--to", site.conf_path),
        ("usage_copy", "-vv", "--debug", "--from", site.conf_path, "--to", conf),
        ("userportal", "--conf", portal, "check"),
        ("userportal", "--conf", portal, "job", "1"),
        ("userportal", "--conf", portal, "top"),
        ("userportal", "--conf", portal, "token", "anna"),
        ("userportal", "--conf", portal, "migrate", "--traceback"),
        ("usage_person", "export", "anna", "--schema", "portal", "--portal", portal, "--debug"),
    ):
        code, *texts = seen(words)
        assert code != 0, (words, texts)
        assert_silent(*texts)


def test_what_conf_create_writes_is_told_without_the_password(tmp_path):
    (tmp_path / "pw").write_text(SECRET)
    words = [sys.executable, str(CHECKOUT / "bin" / "conf_create"), "-vv", "--debug"]
    words += ["--dbhost", "db1", "--dbuser", "load", "--dbname", "own", "--passwd-file"]
    for file, code in ((tmp_path / "pw", 0), (tmp_path / "pw", 2), (tmp_path / "none", 66)):
        done = subprocess.run(
            [*words, str(file)], check=False, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert_silent(done.stdout, done.stderr)
    assert FORMS[1] in (tmp_path / "own_db.conf").read_text()
    assert (tmp_path / "own_db.conf").stat().st_mode & 0o077 == 0


def test_what_show_config_prints_has_stars(site, place):
    if site.config.backend == "sqlite":
        pytest.skip("a file has no password")
    conf = place / "marked.conf"
    write_config(conf, site.config.replaced(password=SECRET))
    for command, (code, *texts) in run_all(conf, place, "--show-config", "-vv"):
        assert_silent(*texts)
        if command[0] not in ("epmt", "xalt_find_records"):  # these have other ways to show it
            assert (code, "PASSWD = ***" in texts[0]) == (0, True), (command, texts)


def test_a_broken_configuration_file_is_told_without_its_lines(run, tmp_path):
    conf = tmp_path / "broken.conf"
    for text in (f"PASSWD = {SECRET}\n", f"[MYSQL]\nDB = x\nPASSWD {SECRET}\n",
                 f"[MYSQL]\nDB = x\nPASSWD = {SECRET}\n"):  # fmt: skip
        conf.write_text(text)
        for option in ("--debug", "-vv", "--show-config"):
            done = run("usage_status", "--confFn", conf, option)
            assert done.returncode == UNREADY
            assert_silent(done.stdout, done.stderr)


def test_no_row_of_a_run_has_the_password(site, place, request):
    """The account has the password, and all work is done with it."""
    if site.config.backend == "sqlite":
        pytest.skip("a file has no password")
    site.create()
    database, name = site.connect(), f"marked_{site.config.database}"
    if site.config.backend == "mysql":
        statements = (f"CREATE USER '{name}'@'%' IDENTIFIED BY '{SECRET}'",
                      f"GRANT ALL ON {site.config.database}.* TO '{name}'@'%'")  # fmt: skip
        request.addfinalizer(lambda: run_ddl(site, f"DROP USER '{name}'@'%'"))
        drop_anonymous(database)
    else:
        statements = (f"CREATE ROLE {name} SUPERUSER LOGIN PASSWORD '{SECRET}'",)
        request.addfinalizer(lambda: run_ddl(site, f"DROP ROLE {name}"))
    for statement in statements:
        database.run_ddl(statement)
    database.close()
    conf = place / "marked.conf"
    write_config(conf, site.config.replaced(user=name, password=SECRET))
    for _command, (_code, *texts) in run_all(conf, place, "-vv", "--debug"):
        assert_silent(*texts)
    assert site.rows("SELECT COUNT(*) FROM usage_run")[0][0] >= 3
    rows = site.rows("SELECT command, host, message FROM usage_run")
    assert_silent(str(rows))


def run_ddl(site, statement):
    """Run a statement as the owner of a server."""
    database = site.connect()
    database.run_ddl(statement)
    database.close()


@pytest.mark.parametrize("how", ["file", "variable"])
def test_no_token_is_in_the_outbox_or_in_a_message(tmp_path, how):
    token = tmp_path / "token"
    token.write_text(SECRET + "\n")
    token.chmod(0o600)
    state = tmp_path / "state"
    words = ["afmetrics_collector", "-vv", "--host", "-u", "https://127.0.0.1:1/", "-c", "SITE"]
    words += ["--state-dir", state]
    environment = {**os.environ, "HOME": str(tmp_path)}
    if how == "file":
        words += ["--token-file", token]
    else:
        environment["AFMETRICS_TOKEN"] = SECRET
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "bin" / words[0]), *map(str, words[1:])], check=False,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == AWAY, done.stderr
    assert_silent(done.stdout, done.stderr)
    (outbox, *others) = sorted(path for path in state.iterdir() if path.is_file())
    for path in (outbox, *others):
        assert SECRET.encode() not in path.read_bytes()


def test_every_command_with_a_database_is_listed_here():
    named = {command[0] for command in COMMANDS}
    others = {"afmetrics_collector", "conf_create", "usage_copy", "userportal"}
    there = {path.name for path in (CHECKOUT / "bin").iterdir() if not path.name.endswith(".py")}
    assert named | others == there
    assert set(BACKENDS) == {"sqlite", "mysql", "postgresql"}
