"""A release is whole, and what its installer makes of it is what an administrator expects."""

import hashlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests import services
from tests.conftest import CHECKOUT
from tests.release_site import (
    PYTHON,
    delivered_names,
    installer_environment,
    listing,
    make_release,
    run_in,
)

LMOD = Path("/usr/share/lmod/lmod/init/bash")
OLD_PYTHON, OLDEST_PYTHON = "3.6", "3.9"


def find_python(version):
    """Return the path of a Python, or None."""
    command = [CHECKOUT / "tests" / "find_python.sh", version]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or None


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A release with the usual extras, for this Python and the oldest."""
    pythons = dict.fromkeys((OLDEST_PYTHON, PYTHON))
    extras = ("mysql8", "portal", "postgresql")
    return make_release(tmp_path_factory.mktemp("release"), pythons, extras)


@pytest.fixture(scope="module")
def prefix(release, tmp_path_factory):
    """An install directory with it."""
    return release.install(tmp_path_factory.mktemp("installed") / "hpcusage")


def test_every_file_has_its_checksum(release):
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=release.directory,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    names = {path.name for path in release.directory.iterdir()} - {"SHA256SUMS"}
    assert names == {line.partition(": ")[0] for line in done.stdout.splitlines()}
    assert names == delivered_names(release.version)


def test_the_archive_has_nothing_of_the_machine_that_made_it(release):
    with tarfile.open(release.archive) as archive:
        members = archive.getmembers()
    assert {(one.uid, one.gid, one.uname, one.gname) for one in members} == {(0, 0, "root", "root")}
    assert {one.mode for one in members} <= {0o644, 0o755}


def test_the_source_archive_builds_the_same_wheel(release, tmp_path):
    with tarfile.open(release.source) as archive:
        archive.extractall(tmp_path)
    (tree,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "built", tree]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "built").iterdir()
    assert wheel.name == release.wheel.name
    assert contents(wheel) == contents(release.wheel)


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def test_the_source_archive_stands_alone(release, tmp_path):
    with tarfile.open(release.source) as archive:
        archive.extractall(tmp_path)
    (tree,) = tmp_path.iterdir()
    for name in ("Makefile", "tests/conftest.py", ".ci/run", "conf/demo.sh", "LICENSE"):
        assert (tree / name).is_file(), name
    names = {path.name for path in (CHECKOUT / "bin").iterdir()}
    assert {path.name for path in (tree / "bin").iterdir()} >= names
    files = ("tests/usagedb/test_dates.py", "tests/release/test_settings_files.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    shutil.rmtree(tmp_path)


def test_every_command_runs_in_an_empty_directory(prefix, tmp_path, release):
    (tmp_path / "epmt_db.conf").write_text("[SQLITE]\nDB = usage.db\n")
    names = {path.name for path in (CHECKOUT / "bin").iterdir()}
    assert {path.name for path in (prefix / "bin").iterdir()} == names | {"hpcusage-uninstall"}
    for name in names:
        done = run_in(tmp_path, prefix / "bin" / name, "--version")
        assert (done.returncode, done.stderr) == (0, ""), name
        assert release.version in done.stdout


def test_the_demo_runs_from_it(prefix, tmp_path):
    done = run_in(tmp_path, "sh", prefix / "conf" / "demo.sh", prefix / "bin", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert "/apps/gcc13/modulefiles/fftw3/3.3.10.lua" in done.stdout
    assert "2989 loads" in done.stderr


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the portal needs Python 3.10")
def test_the_extras_are_whole(prefix, tmp_path):
    names = "django, rest_framework, gunicorn, ldap3, plotly, whitenoise, psycopg, cryptography"
    done = run_in(tmp_path, prefix / "current" / "bin" / "python3", "-c", f"import {names}")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_site_files_lead_to_the_installation(prefix):
    names = sorted((path.name for path in (CHECKOUT / "bin").iterdir()), reverse=True)
    elsewhere = re.compile(
        rf"/usr/local/bin/({'|'.join(map(re.escape, names))})(?![\w.-])|/opt/\w+"
    )
    files = {path.name: path for path in (prefix / "conf").iterdir()}
    assert set(files) == {path.name for path in (CHECKOUT / "conf").iterdir()
                          if path.is_file() and path.name != "__init__.py"}  # fmt: skip
    for name, path in files.items():
        text = path.read_text()
        found = [match.group() for match in elsewhere.finditer(text)]
        assert [one for one in found if not one.startswith("/opt/xalt")] == [], name
        if text.startswith("#!"):
            assert os.access(path, os.X_OK)
        if name.endswith(".sh"):
            assert subprocess.run(["bash", "-n", path]).returncode == 0, name
        for command in re.findall(rf"{re.escape(str(prefix))}/bin/([\w.]+)", text):
            assert (prefix / "bin" / command).exists(), (name, command)


def test_the_job_scripts_record_a_job_without_anything_on_path(prefix, tmp_path):
    settings = f"[EPMT]\nepmt_output_prefix = {tmp_path}/\nstage_command_dest = {tmp_path}\n"
    (tmp_path / "epmt.ini").write_text(settings)
    (tmp_path / "db.conf").write_text(f"[SQLITE]\nDB = {tmp_path}/usage.db\n")
    (tmp_path / "db.conf").chmod(0o600)
    variables = {"EPMT_SETTINGS": str(tmp_path / "epmt.ini"),
                 "HPCUSAGE_CONF": str(tmp_path / "db.conf"), "USER": "ibex"}  # fmt: skip
    for name in ("prepare", "model"):
        (tmp_path / name).write_text("#!/bin/sh\ntrue\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "srun").write_text('#!/bin/sh\nexec "$@"\n')
    (tmp_path / "srun").chmod(0o755)
    services.require_service("tcsh")
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for job, shell in (("4711", "bash"), ("4712", "tcsh")):
        script = prefix / "conf" / f"epmt-job.{'sh' if shell == 'bash' else 'csh'}"
        done = run_in(tmp_path, shell, script, SLURM_JOB_ID=job, **variables, **path)
        assert done.returncode == 0, done.stderr
    done = run_in(tmp_path, prefix / "bin" / "epmt", "list", "jobs", **variables)
    assert done.stdout == "['4711', '4712']\n"


def test_the_task_prolog_begins_a_job(prefix, tmp_path):
    """Its settings are those beside the installation, if there are any."""
    settings = prefix / "conf" / "epmt.ini"
    settings.write_text(f"[EPMT]\nepmt_output_prefix = {tmp_path}/\n")
    done = run_in(tmp_path, "sh", prefix / "conf" / "epmt-task-prolog.sh", PATH="/usr/bin:/bin",
                  SLURM_JOB_ID="4713", SLURM_LOCALID="0", USER="ibex")  # fmt: skip
    settings.unlink()
    assert (done.returncode, done.stderr) == (0, "")
    assert "export EPMT_BEGUN=4713\n" in done.stdout
    assert list(tmp_path.glob("*/4713"))


@pytest.mark.parametrize("kept", ["hpcusage/*.lua", "hpcusage/*[0-9]"])
def test_its_module_puts_the_commands_on_path_and_no_python(prefix, tmp_path, kept):
    if not LMOD.is_file():
        services.require_service("lmod")
    target = tmp_path / "modulefiles" / "hpcusage"
    target.mkdir(parents=True)
    (module,) = (prefix / "modulefiles").glob(kept)
    shutil.copy(module, target)
    script = f"""source {LMOD}; module use {target.parent}; module load hpcusage
        command -v epmt; command -v python3; module list -t 2>&1; man -w epmt-run"""
    done = run_in(tmp_path, "bash", "-c", script, PATH="/usr/bin:/bin")
    home = (prefix / "current").resolve()
    assert f"{home}/commands/epmt\n/usr/bin/python3\n" in done.stdout, done.stderr
    assert f"{home}/share/man/man1/epmt-run.1\n" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "tcsh"])
def test_the_lines_that_it_prints_are_right(release, prefix, tmp_path, shell):
    services.require_service(shell)
    sys.path.insert(0, str(CHECKOUT / "release" / "installer"))
    try:
        import modulefiles
    finally:
        sys.path.pop(0)
    text = modulefiles.final_text(prefix, release.version)
    word = "export" if shell == "bash" else "setenv"
    (line,) = [line.strip() for line in text.splitlines() if line.strip().startswith(word)]
    script = f"{line}\nepmt --version\nman -w createDB hpcusage-uninstall"
    done = run_in(tmp_path, shell, "-c", script)
    pages = [f"{prefix}/share/man/man1/{name}.1" for name in ("createDB", "hpcusage-uninstall")]
    assert done.stdout.splitlines() == [f"EPMT {release.version}", *pages]


def talk(command, answers, directory):
    """Run a command on a terminal, answer its questions, and return (status, what it showed).

    An answer is text, or a number: the signal of the foreground.
    """
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(directory)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execvpe(command[0], command, installer_environment())
    shown = b""
    waiting = list(answers)
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            part = b""
        if not part:
            break
        shown += part
        if waiting and shown.endswith((b"]: ", b"abort: ")):
            os.write(terminal, waiting.pop(0))
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()


def test_on_a_terminal_it_asks(release, tmp_path):
    answer = f"{tmp_path}/asked\n".encode()
    command = release.command(release.archive, "--extras", "none", "--python", sys.executable)
    status, shown = talk(command, [answer, b"\n"], tmp_path)
    default = "/opt/hpcusage" if os.geteuid() == 0 else f"{tmp_path}/hpcusage"
    assert f"Enter full path to an empty install directory [{default}]: " in shown
    assert f"Install directory: {tmp_path}/asked\r\nPress ENTER to continue" in shown
    assert (status, "Installation successful." in shown) == (0, True), shown
    assert (tmp_path / "asked" / "bin" / "epmt").exists()


def test_ctrl_c_at_its_questions_leaves_nothing(release, tmp_path):
    answer = f"{tmp_path}/asked\n".encode()
    for answers in ([b"\x03"], [answer, b"\x03"]):
        status, shown = talk(release.command(release.archive), answers, tmp_path)
        assert (status, "Traceback" in shown) == (130, False)
        assert "nothing was changed" in shown
        assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_it_says_which_option_answers(release, tmp_path):
    done = release.run(release.archive)
    assert done.returncode == 2 and "say --prefix DIR --yes" in done.stderr
    done = release.run(release.archive, "--prefix", tmp_path / "new")
    assert done.returncode == 2 and "say --yes" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_python_gets_what_it_can_have(release, tmp_path):
    python = find_python(OLDEST_PYTHON)
    if not python:
        services.give_up(f"no Python {OLDEST_PYTHON} is here")
    arguments = (release.archive, "--prefix", tmp_path / "new", "--yes", "--python", python)
    done = release.run(*arguments, "--extras", "portal")
    assert done.returncode == 2
    assert "for Python 3.9 this archive has mysql8,postgresql" in done.stderr
    assert list(tmp_path.iterdir()) == []
    done = release.run(*arguments)
    assert done.returncode == 0, done.stderr
    done = run_in(tmp_path, "sh", tmp_path / "new/conf/demo.sh", tmp_path / "new/bin", "demo")
    assert done.returncode == 0 and "fftw3" in done.stdout


def test_the_installer_itself_runs_on_an_old_python(release, tmp_path):
    python = find_python(OLD_PYTHON)
    if not python:
        services.give_up(f"no Python {OLD_PYTHON} is here")
    done = release.run(release.archive, "--prefix", tmp_path / "new", "--yes", "--extras", "none",
                       python=python)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "Installation successful.\n" in done.stdout
    target = tmp_path / "new"
    for line in (f'export PATH="{target}/bin:$PATH"', f'setenv PATH "{target}/bin:$PATH"',
                 f"module use {target}/modulefiles"):  # fmt: skip
        assert f"    {line}\n" in done.stdout
    before = listing(tmp_path / "new")
    done = release.run("--uninstall", tmp_path / "new", "--dry-run", python=python)
    assert done.returncode == 0 and listing(tmp_path / "new") == before
    done = release.run("--uninstall", tmp_path / "new", "--yes", python=python)
    assert done.returncode == 0 and not (tmp_path / "new").exists(), done.stderr
