"""What the portal keeps is for no other account of the machine: sessions, notes, its key."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from userportal.access.files import keep_private

ROOT = Path(__file__).resolve().parents[3]


def mode_of(path):
    """Return the rights of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_portals_own_files_are_private_whatever_the_mask(tmp_path):
    conf = tmp_path / "portal.conf"
    conf.write_text(f"[portal]\nstate = {tmp_path / 'state'}\n")

    subprocess.run(
        [sys.executable, "-c",
         "import os; os.umask(0); from userportal.django_commands import run_django;"
         " run_django('migrate', ['--verbosity', '0'])"],
        check=True, cwd=ROOT, env={**os.environ, "HPCUSAGE_PORTAL_CONF": str(conf),
                                   "DJANGO_SETTINGS_MODULE": "userportal.settings"},
    )  # fmt: skip

    found = {path.name: mode_of(path) for path in (tmp_path / "state").iterdir()}
    assert found["portal.key"] == 0o600
    assert found["portal.db"] == 0o600
    assert set(found.values()) == {0o600}


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o640), (0o666, 0o660), (0o600, 0o600)])
def test_a_file_that_is_there_loses_the_rights_of_others(tmp_path, before, after):
    path = tmp_path / "portal.db"
    path.write_text("kept")
    path.chmod(before)

    keep_private(path)

    assert (mode_of(path), path.read_text()) == (after, "kept")


def test_a_file_that_cannot_be_made_is_no_failure(tmp_path):
    keep_private(tmp_path / "not there" / "portal.db")

    assert list(tmp_path.iterdir()) == []
