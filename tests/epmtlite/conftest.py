"""What the tests of submission share."""

import pytest

from tests.epmtlite.made_experiment import write_experiment
from tests.epmtlite.made_jobs import epmt


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path):
    """Keep the settings and the jobs of whoever runs the tests out of them."""
    for name in (
        "EPMT_DB_URL", "EPMT_DB_PROVIDER", "EPMT_TZ", "EPMT_SETTINGS", "EPMT_JOB_TAGS",
        "SLURM_JOB_ID", "SLURM_JOBID", "PBS_JOB_ID", "PBS_JOBID",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))


@pytest.fixture
def esm_site(site, tmp_path):
    """A Site with the invented experiment, on each database."""
    site.create()
    epmt(site, "submit", "-q", *write_experiment(tmp_path / "jobs"))
    return site
