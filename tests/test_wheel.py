"""What is installed works away from the checkout."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A new virtual environment with the wheel, and an empty directory beside it."""
    directory = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", directory, CHECKOUT], check=True)
    venv.create(directory / "venv", with_pip=True)
    (wheel,) = directory.glob("hpcusage-*.whl")
    python = directory / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "-q", "install", wheel], check=True)
    (directory / "empty").mkdir()
    return directory


def run(installed, *command):
    return subprocess.run(
        [str(part) for part in command],
        cwd=installed / "empty",
        env={"PATH": "/usr/bin:/bin", "HOME": str(installed / "empty")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_wheel_runs_the_demo_in_an_empty_directory(installed):
    binaries = installed / "venv" / "bin"
    where = "import usagedb.conf; print(usagedb.conf.__file__)"
    conf = Path(run(installed, binaries / "python", "-c", where).stdout.strip()).parent
    assert conf.is_relative_to(installed)
    done = run(installed, "sh", conf / "demo.sh", binaries, installed / "empty" / "demo")
    assert done.returncode == 0, done.stderr
    assert "/apps/gcc13/modulefiles/fftw3/3.3.10.lua" in done.stdout
    assert "2989 loads" in done.stderr


def test_the_wheel_has_every_command_and_the_site_files(installed):
    names = {path.name for path in (CHECKOUT / "bin").iterdir()}
    assert names <= {path.name for path in (installed / "venv" / "bin").iterdir()}
    conf = installed / "empty" / "lmodV2_db.conf"  # root's embedded file is that of the machine
    conf.write_text("[SQLITE]\nDB = usage.db\n")
    conf.chmod(0o600)
    done = run(installed, installed / "venv" / "bin" / "createDB", "--schema", "lmod", "--dry-run")
    assert (done.returncode, "CREATE TABLE lmod_use" in done.stdout) == (0, True)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the portal needs Python 3.10")
def test_an_installed_portal_makes_its_demo_and_serves_it(installed):
    python = installed / "venv" / "bin" / "python"
    (wheel,) = installed.glob("hpcusage-*.whl")
    subprocess.run([python, "-m", "pip", "-q", "install", f"{wheel}[portal]"], check=True)
    binary = installed / "venv" / "bin" / "userportal"
    done = run(installed, binary, "demo", "--make-only", "--directory", "portal")
    assert done.returncode == 0, done.stderr
    conf = installed / "empty" / "portal" / "portal.conf"
    checked = run(installed, binary, "--conf", conf, "check", "--format", "json")
    assert checked.returncode == 0, checked.stderr
    assert {row["state"] for row in json.loads(checked.stdout)} == {"ok"}
    shown = run(installed, python, "-c", SHOW_PAGES, conf)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == "200 200\n", shown.stdout


SHOW_PAGES = """
import os, sys
os.environ["HPCUSAGE_PORTAL_CONF"] = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = "userportal.settings"
import django
django.setup()
from django.test import Client
browser = Client(headers={"host": "localhost"})
answers = [browser.get(path) for path in ("/", "/static/portal/base.css")]
print(*(answer.status_code for answer in answers))
"""
