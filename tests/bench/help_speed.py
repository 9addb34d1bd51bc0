"""Measure how much CPU each command needs to say its help."""

from collections.abc import Sequence

from tests.bench import measure
from tests.bench.results import Results
from tests.bench.setting import REPOSITORY, Setting, tool

CPU_MILLISECONDS_LIMIT = 150
REPEATS = 5


def commands() -> list[str]:
    """Return the names of the commands in bin/, without their .py duplicates."""
    names = sorted(path.name for path in (REPOSITORY / "bin").iterdir())
    return [name for name in names if not name.endswith(".py") and name[0] not in "._"]


def run(setting: Setting, results: Results, names: Sequence[str] = ()) -> None:
    """Measure, show and judge every command in bin/, or those named, once."""
    rows = []
    for name in names or commands():
        try:
            summary = measure.repeat(tool(name, "--help"), REPEATS, setting.environment)
        except measure.CommandFailed as error:
            results.failed(f"{name} --help", error)
            continue
        milliseconds = summary.cpu_seconds * 1000
        rows.append((name, f"{milliseconds:.0f}", f"{summary.peak_megabytes:.0f}"))
        results.at_most(f"CPU ms of {name} --help", milliseconds, CPU_MILLISECONDS_LIMIT)
    results.show("Help", ("command", "median CPU ms", "peak MB"), rows)
