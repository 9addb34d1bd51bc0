"""What a compute node gets: one file that collects, and settings that are ready to be copied."""

import shutil
import subprocess
import sys

import pytest

from epmtlite.collect import settings
from epmtlite.database_url import config_of_params
from tests.conftest import CHECKOUT, run_command

PRESETS = {"epmt-sqlite.ini": "sqlite", "epmt-postgresql.ini": "postgresql"}


@pytest.fixture
def node(tmp_path):
    """Return a function that runs the one file, in an empty directory and without packages."""
    subprocess.run(["make", "-s", "-C", CHECKOUT, "zipapp"], check=True, stdout=subprocess.DEVNULL)
    program = shutil.copy(CHECKOUT / "build" / "epmt.pyz", tmp_path)
    configuration = tmp_path / "epmt.ini"
    configuration.write_text(f"[EPMT]\nepmt_output_prefix = {tmp_path}/jobs/\n")

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-I", "-S", program, *arguments], cwd=tmp_path, check=False,
            env={"EPMT_SETTINGS": str(configuration), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True,
        )  # fmt: skip

    return run


def test_the_one_file_collects_and_stages_a_job_that_epmt_stores(node, tmp_path):
    work = node("run", "-a", "--jobid", "12", "--", "sh", "-c", "/bin/true; /bin/true; exit 3")
    assert (work.returncode, work.stderr) == (3, "")
    staged = node("stage", "--jobid", "12")
    assert (staged.returncode, staged.stdout) == (0, "./12.tgz\n"), staged.stderr
    database = {"EPMT_DB_URL": f"sqlite:///{tmp_path}/epmt.db"}
    done = run_command("epmt", "submit", tmp_path / "12.tgz", env=database)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Imported successfully - job: 12 processes: 3 ")


def test_the_one_file_ends_with_the_status_of_its_error(node):
    assert node("stage", "--jobid", "nothing").returncode == 66


@pytest.mark.parametrize(
    "name", sorted(path.name for path in (CHECKOUT / "conf").glob("epmt*.ini"))
)
def test_every_preset_is_settings_without_a_warning(name, caplog):
    values = settings.read_file(str(CHECKOUT / "conf" / name))
    assert not caplog.records
    config = config_of_params(values.get("db_params", {}), name)
    assert (config.backend if config else None) == PRESETS.get(name)
