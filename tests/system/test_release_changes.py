"""An installation that fails leaves nothing; an upgrade keeps data and settings; uninstalling
removes what was installed, and nothing else."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tarfile

import pytest

from tests import services
from tests.conftest import BACKENDS, CHECKOUT, heed_signals, new_site
from tests.epmtlite.made_jobs import made_job, write_job
from tests.older_schema import downgrade, indexes_of, later_steps
from tests.release_site import installer_environment, listing, make_release, run_in
from tests.xaltload.loading import make_records, write_records
from usagedb.schema import known_schemas

NEWER = "99.1"
# The tables as the release before may have made them: {schema: version}.
OLDER = {"lmod": 1, "xalt": 2, "epmt": 2}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A release of this version for this Python."""
    return make_release(tmp_path_factory.mktemp("release"), extras=("postgresql",))


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """The next one."""
    directory = tmp_path_factory.mktemp("newer")
    return make_release(directory, extras=("postgresql",), version=NEWER)


@pytest.fixture
def place(tmp_path):
    """An empty directory: what an installer leaves in it is seen."""
    directory = tmp_path / "place"
    directory.mkdir()
    return directory


def changed(release, directory, change):
    """Return the path of an archive that differs: change(its unpacked directory) has changed it."""
    with tarfile.open(release.archive) as archive:
        archive.extractall(directory)
    (root,) = directory.iterdir()
    change(root)
    names = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    )
    lines = [
        f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}\n" for name in names
    ]
    (root / "SHA256SUMS").write_text("".join(lines))
    path = directory / "hpcusage-changed.tgz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(root, root.name)
    return path


def with_a_command_that_fails(root):
    """Let a release promise a command that it has not."""
    facts = json.loads((root / "release.json").read_text())
    facts["commands"].append("epmt_of_tomorrow")
    (root / "release.json").write_text(json.dumps(facts))


def without_click(root):
    """Take a wheel away that all commands need."""
    for path in root.glob("wheels/click-*"):
        path.unlink()


# What fails


@pytest.mark.parametrize("change", [with_a_command_that_fails, without_click])
def test_a_failed_step_leaves_nothing(release, place, tmp_path, change):
    archive = changed(release, tmp_path / "changed", change)
    done = release.run(archive, "--prefix", place / "a" / "b", "--yes")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    word = "click" if change is without_click else "epmt_of_tomorrow"
    assert word in done.stderr
    assert list(place.iterdir()) == []


def test_an_empty_directory_that_was_there_stays_empty(release, place, tmp_path):
    archive = changed(release, tmp_path / "changed", without_click)
    assert release.run(archive, "--prefix", place, "--yes").returncode == 1
    assert list(place.iterdir()) == []


# How signals come: a terminal sends them to pip as well, and to what tries out the commands.
SENT = {
    "Ctrl-C": (os.killpg, signal.SIGINT),
    "the end of the terminal": (os.killpg, signal.SIGHUP),
    "kill": (os.kill, signal.SIGTERM),
    "kill -INT": (os.kill, signal.SIGINT),
}
# What an installer that is at work has made, and by which ways it is ended there.
MOMENTS = {
    "pyvenv.cfg": SENT,
    "lib/python3*/site-packages/click": ("Ctrl-C", "the end of the terminal", "kill"),
    "commands": ("Ctrl-C", "kill"),
}


@pytest.mark.parametrize("moment, way", [(at, way) for at, ways in MOMENTS.items() for way in ways])
def test_a_signal_leaves_nothing_and_says_one_line(release, place, moment, way):
    send, number = SENT[way]
    process = start(release, place / "hpc")
    wait_for(process, place / "hpc" / "releases", moment)
    send(process.pid, number)
    _output, errors = process.communicate()
    assert process.returncode == 128 + number, errors
    progress, _blank, last = errors.rpartition("\n\n")
    assert last == "Interrupted: nothing was changed.\n"
    assert all(line.startswith(("Installing ", "Checking ")) for line in progress.splitlines())
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # nothing of it still runs
    assert list(place.iterdir()) == []


def start(release, prefix, *arguments, archive=None):
    """Start an installer that has its temporary files in the place that is looked at."""
    options = arguments or ("--prefix", prefix)
    return subprocess.Popen(
        release.command(archive or release.archive, *options, "--yes"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**installer_environment(), "TMPDIR": str(prefix.parent)}, preexec_fn=heed_signals,
        start_new_session=True,
    )  # fmt: skip


def wait_for(process, directory, pattern):
    """Wait until something is there, or the process has ended, which fails the test."""
    services.wait_until(
        lambda: process.poll() is not None or any(directory.glob(f"*/{pattern}")), pattern
    )
    assert process.poll() is None, process.communicate()


def test_what_a_killed_installer_leaves_is_taken_up(release, place):
    process = start(release, place / "hpc")
    wait_for(process, place / "hpc" / "releases", "lib/python3*/site-packages/click")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert (place / "hpc" / "releases").is_dir() and not (place / "hpc" / "bin").exists()
    done = release.run(release.archive, "--prefix", place / "hpc", "--yes")
    assert done.returncode == 0, done.stderr
    assert not (place / "hpc" / ".installing").exists()
    assert run_in(place, place / "hpc" / "bin" / "epmt", "--version").returncode == 0


def test_a_full_disk_ends_it_with_74_and_leaves_nothing(release, place):
    if os.geteuid() != 0:
        services.give_up("only root can make a small disk")
    script = f"""mount -t tmpfs -o size=12m none {place} || exit 99
        "$@" --prefix {place}/hpc --yes; status=$?; ls -A {place}; exit $status"""
    command = release.command(release.archive)
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *command], text=True,
                          capture_output=True, env=installer_environment())  # fmt: skip
    assert done.returncode == 74, done.stderr
    assert "No space left on device" in done.stderr and "Traceback" not in done.stderr
    assert "hpc\n" not in done.stdout.replace(f"{place}/hpc\n", "")


def test_a_damaged_archive_is_refused(release, place, tmp_path):
    content = bytearray(release.archive.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / release.archive.name
    damaged.write_bytes(content)
    done = release.run(damaged, "--prefix", place / "hpc", "--yes")
    assert done.returncode == 65 and "copy it here anew" in done.stderr
    shutil.copy(release.directory / "SHA256SUMS", tmp_path)
    done = release.run(damaged, "--prefix", place / "hpc", "--yes")
    assert done.returncode == 65 and "not the file of" in done.stderr
    assert list(place.iterdir()) == []


def test_a_file_that_was_slipped_in_is_refused(release, place, tmp_path):
    def slip(root):
        (root / "SHA256SUMS").unlink()

    archive = changed(release, tmp_path / "changed", slip)
    with tarfile.open(archive) as old, tarfile.open(tmp_path / "more.tgz", "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
        new.add(__file__, f"hpcusage-{release.version}/wheels/click-999-py3-none-any.whl")
    done = release.run(tmp_path / "more.tgz", "--prefix", place / "hpc", "--yes")
    assert done.returncode == 65 and "click-999" in done.stderr
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name, kind", [("../evil", "file"), ("hpcusage-1/link", "link")])
def test_an_archive_cant_write_elsewhere(release, place, tmp_path, name, kind):
    with tarfile.open(tmp_path / "evil.tgz", "w:gz") as archive:
        member = tarfile.TarInfo(name)
        if kind == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(member)
    done = release.run(tmp_path / "evil.tgz", "--prefix", place / "hpc", "--yes")
    assert done.returncode == 65 and "no release of hpcusage" in done.stderr
    assert list(place.iterdir()) == []


def test_the_source_archive_is_not_taken_for_the_release(release, place):
    done = release.run(release.source, "--prefix", place / "hpc", "--yes")
    assert done.returncode == 65 and "no release of hpcusage" in done.stderr
    done = release.run("missing.tgz", "--prefix", place / "hpc", "--yes", cwd=place)
    assert done.returncode == 66 and "no such file" in done.stderr


@pytest.mark.parametrize(
    "name, text",
    [("with space", "letters, digits"), ("$(id)", "letters, digits"), ("a" * 130, "too long"),
     ("%h", "letters, digits")],
)  # fmt: skip
def test_a_directory_that_scripts_could_not_name_is_refused(release, place, name, text):
    done = release.run(release.archive, "--prefix", place / name, "--yes")
    assert done.returncode == 2 and text in done.stderr
    assert list(place.iterdir()) == []


def test_a_directory_that_is_not_empty_is_refused_and_stays(release, place):
    (place / "of another").write_text("kept")
    before = listing(place)
    done = release.run(release.archive, "--prefix", place, "--yes")
    assert done.returncode == 2 and "not empty" in done.stderr
    (place / "file").write_text("")
    done = release.run(release.archive, "--prefix", place / "file", "--yes")
    assert done.returncode == 2 and "not a directory" in done.stderr
    (place / "file").unlink()
    assert listing(place) == before


def test_a_directory_where_others_may_write_is_refused(release, place):
    place.chmod(0o777)
    done = release.run(release.archive, "--prefix", place, "--yes")
    assert done.returncode == 77 and "may write there" in done.stderr


def test_a_second_installer_ends_with_75(release, place):
    descriptor = os.open(place, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    done = release.run(release.archive, "--prefix", place, "--yes")
    os.close(descriptor)
    assert done.returncode == 75 and "another installer" in done.stderr
    assert list(place.iterdir()) == []


# Upgrade

REPORTS = (
    ("xalt_usage_report", "--start", "2020-01-01", "--format", "json"),
    ("analyzeLmodDB", "counts", "--format", "json"),
    ("epmt", "list", "--format", "json"),
)


def test_an_upgrade_keeps_the_data_of_every_backend_and_what_was_changed(
    request, release, newer, tmp_path
):
    prefix = release.install(tmp_path / "hpc")
    write_records(tmp_path / "tree", make_records(20, seed=3))
    write_job(made_job(jobid="4711"), tmp_path / "4711")
    sites, before = {}, {}
    for backend in BACKENDS:
        (tmp_path / backend).mkdir()
        sites[backend] = site = new_site(request, backend, tmp_path / backend)
        fill(site, prefix, tmp_path)
        for name, version in OLDER.items():
            downgrade(site, name, version)
        before[backend] = content(site)
        filled = {table for table, rows in before[backend].items() if rows}
        assert filled >= {"lmod_use", "lmod_log", "xalt_run", "xalt_link", "epmt_job",
                          "epmt_process", "usage_run"}  # fmt: skip
    (prefix / "conf" / "cron.d-lmodtrack").write_text("# ours\n")
    done = newer.run(newer.archive, "--upgrade", prefix, "--yes")
    assert done.returncode == 0, done.stderr
    assert f"Upgrading {prefix}: {release.version} to {NEWER}\n" in done.stdout
    assert f"bring the tables up to date: {prefix}/bin/createDB\n" in done.stdout
    assert f"Kept as it is: {prefix}/conf/cron.d-lmodtrack; " in done.stdout
    assert (prefix / "conf" / "cron.d-lmodtrack").read_text() == "# ours\n"
    assert "store_module_data" in (prefix / "conf" / "cron.d-lmodtrack.new").read_text()
    for backend, site in sites.items():
        options = ("--confFn", site.conf_path)
        done = run_in(tmp_path, prefix / "bin" / "createDB", *options)
        assert (done.returncode, done.stderr) == (0, "")
        for name, version in OLDER.items():
            assert done.stdout.count(f"{name} ") >= len(later_steps(name, version)), name
        after = content(site)
        for table, rows in before[backend].items():
            assert of_columns(rows, after[table]) == of_columns(rows, rows), (backend, table)
        assert "xalt_run_by_user_id" in indexes_of(site, "xalt_run")
        assert "epmt_job_by_user" in indexes_of(site, "epmt_job")
        for words in REPORTS:
            done = run_in(tmp_path, prefix / "bin" / words[0], *words[1:], *options)
            assert done.returncode == 0 and json.loads(done.stdout), done.stderr
    assert NEWER in run_in(tmp_path, prefix / "bin" / "createDB", "--version").stdout
    assert names_in(prefix / "modulefiles" / "hpcusage") == sorted(
        name + end for name in (release.version, NEWER) for end in ("", ".lua")
    )


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


def fill(site, prefix, directory):
    """Store runs, module loads and a job with the installed commands."""
    options = ("--confFn", site.conf_path)
    done = run_in(directory, prefix / "bin" / "createDB", *options)
    assert done.returncode == 0, done.stderr
    done = run_in(directory, prefix / "bin" / "xalt_file_to_db", *options, directory / "tree")
    assert done.returncode == 0, done.stderr
    log = CHECKOUT / "conf" / "sample-moduleUsage.log"
    done = run_in(directory, prefix / "bin" / "store_module_data", *options, log)
    assert done.returncode == 3
    done = run_in(directory, prefix / "bin" / "epmt", "submit", *options, directory / "4711")
    assert done.returncode == 0, done.stderr


def content(site):
    """Return {table: its rows, each as {column: value}} of all tables, but for the one that says
    which steps of an upgrade were taken.
    """
    database = site.connect()
    names = [name for tool in known_schemas().values() for kind, name in tool.tables()
             if kind == "TABLE" and database.dialect.has_table(database, name)]  # fmt: skip
    found = {}
    for name in names:
        cursor = database.connection.cursor()
        cursor.execute(f"SELECT * FROM {name}")
        columns = [one[0] for one in cursor.description]
        found[name] = [dict(zip(columns, row)) for row in cursor.fetchall()]
    database.close()
    del found["usage_schema"]
    return found


def of_columns(old, rows):
    """Return rows as sorted texts, without the columns that old ones do not have."""
    columns = list(old[0]) if old else []
    return sorted(str([row[name] for name in columns]) for row in rows)


def test_the_release_before_last_goes_and_one_can_go_back(release, newer, place):
    prefix = release.install(place / "hpc")
    assert newer.run(newer.archive, "--upgrade", prefix, "--yes").returncode == 0
    assert names_in(prefix / "releases") == sorted([release.version, NEWER])
    done = newer.run(newer.archive, "--upgrade", prefix, "--yes")
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True)
    done = release.run(release.archive, "--upgrade", prefix, "--yes")
    assert done.returncode == 2 and "is newer than" in done.stderr
    subprocess.run(["ln", "-sfn", f"releases/{release.version}", prefix / "current"], check=True)
    assert release.version in run_in(place, prefix / "bin" / "epmt", "--version").stdout
    assert newer.run("--uninstall", prefix, "--yes").returncode == 0
    assert list(place.iterdir()) == []


def test_an_upgrade_that_fails_changes_nothing(release, newer, place, tmp_path):
    prefix = release.install(place / "hpc")
    (prefix / "conf" / "cron.d-lmodtrack").write_text("# ours\n")
    before = listing(place)
    archive = changed(newer, tmp_path / "changed", with_a_command_that_fails)
    done = newer.run(archive, "--upgrade", prefix, "--yes")
    assert done.returncode == 1 and "epmt_of_tomorrow" in done.stderr
    assert listing(place) == before
    process = start(newer, place / "hpc", "--upgrade", prefix)
    services.wait_until(
        lambda: (prefix / "releases" / NEWER / "commands").exists(), "the new release"
    )
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 143
    assert listing(place) == before
    assert run_in(place, prefix / "bin" / "epmt", "--version").returncode == 0


def test_an_upgrade_that_was_killed_can_be_done_again(release, newer, place):
    prefix = release.install(place / "hpc")
    process = start(newer, place / "hpc", "--upgrade", prefix)
    services.wait_until(
        lambda: (prefix / "releases" / NEWER / "commands").exists(), "the new release"
    )
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert release.version in run_in(place, prefix / "bin" / "epmt", "--version").stdout
    done = newer.run(newer.archive, "--upgrade", prefix, "--yes")
    assert done.returncode == 0, done.stderr
    assert NEWER in run_in(place, prefix / "bin" / "epmt", "--version").stdout


# Uninstall


def test_uninstalling_removes_what_was_installed_and_nothing_else(release, place):
    prefix = release.install(place / "hpc")
    demo = run_in(place, "sh", prefix / "conf" / "demo.sh", prefix / "bin", place / "demo")
    assert demo.returncode == 0
    before = listing(place)
    uninstall = prefix / "bin" / "hpcusage-uninstall"
    done = run_in(place, uninstall)
    assert done.returncode == 2 and "say --yes" in done.stderr
    done = run_in(place, uninstall, "--dry-run")
    assert done.returncode == 0 and listing(place) == before
    (prefix / "conf" / "epmt-collect.ini").write_text("[EPMT]\n")
    (prefix / "conf" / "epmt.ini").write_text("[EPMT]\n")
    done = run_in(place, uninstall, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Changed here, stays: {prefix}/conf/epmt-collect.ini\n" in done.stdout
    assert f"Not of the installer, stays: {prefix}/conf/epmt.ini\n" in done.stdout
    kept = {path for path in listing(place) if path.startswith("hpc/") and "." in path}
    assert kept == {"hpc/conf/epmt-collect.ini", "hpc/conf/epmt.ini"}
    assert (place / "demo" / "usage.db").is_file()


def test_it_removes_no_directory_of_others(release, place):
    (place / "manifest.json").write_text("{}")
    for directory in (place, place / "missing"):
        done = release.run("--uninstall", directory, "--yes")
        assert done.returncode == 2 and "Traceback" not in done.stderr
    assert (place / "manifest.json").is_file()


def test_a_manifest_cant_lead_elsewhere(release, place):
    """Who can write it can remove files already, but root need not do it for somebody."""
    (place / "victim").write_text("kept")
    prefix = place / "hpc"
    prefix.mkdir()
    content = {"conf": {}, "releases": {"1": {"paths": ["../victim", str(place / "victim")]}}}
    (prefix / "manifest.json").write_text(json.dumps(content))
    done = release.run("--uninstall", prefix, "--yes")
    assert done.returncode == 2 and "not as the installer wrote it" in done.stderr
    assert (place / "victim").read_text() == "kept"


def test_another_account_cannot_install_where_it_may_not_write(release, place, nobody):
    account = {name: nobody[name] for name in ("user", "group", "extra_groups")}
    services.open_parents(release.archive)
    done = subprocess.run(
        [*release.command(release.archive, python="/usr/bin/python3"), "--prefix", place / "hpc",
         "--yes"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/",
        env={"PATH": "/usr/bin:/bin"}, **account,
    )  # fmt: skip
    assert done.returncode == 77 and "Traceback" not in done.stderr, done.stderr
    assert list(place.iterdir()) == []
