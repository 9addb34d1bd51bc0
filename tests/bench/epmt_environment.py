"""The environment in which epmt is measured: no job and no settings of who measures are in it."""

from collections.abc import Mapping
from pathlib import Path

FOREIGN = ("EPMT_", "PAPIEX_", "SLURM_", "PBS_")


def epmt_environment(environment: Mapping[str, str], place: Path, **more: str) -> "dict[str, str]":
    """Return an environment in which epmt collects jobs in a directory, `jobs` of the place.

    Writes the settings that say so.
    """
    settings = place / "epmt.ini"
    settings.write_text(
        f"[EPMT]\nepmt_output_prefix = {place}/jobs/\nstage_command_dest = {place}\n"
    )
    kept = {name: value for name, value in environment.items() if not name.startswith(FOREIGN)}
    return {**kept, "EPMT_SETTINGS": str(settings), **more}
