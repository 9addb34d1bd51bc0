"""What the tests of submission share."""

import pytest


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path):
    """Keep the settings and the jobs of whoever runs the tests out of them."""
    for name in (
        "EPMT_DB_URL", "EPMT_DB_PROVIDER", "EPMT_TZ", "EPMT_SETTINGS", "EPMT_JOB_TAGS",
        "SLURM_JOB_ID", "SLURM_JOBID", "PBS_JOB_ID", "PBS_JOBID",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))
