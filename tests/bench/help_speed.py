"""Measure how much CPU each command needs to say its help."""

from tests.bench import measure
from tests.bench.results import Results
from tests.bench.setting import REPOSITORY, Setting, tool

CPU_MILLISECONDS_LIMIT = 150
REPEATS = 5


def run(setting: Setting, results: Results) -> None:
    """Measure, show and judge every command in bin/ once, without its .py duplicates."""
    rows = []
    for name in sorted(path.name for path in (REPOSITORY / "bin").iterdir()):
        if name.endswith(".py") or name.startswith((".", "_")):
            continue
        try:
            summary = measure.repeat(tool(name, "--help"), REPEATS, setting.environment)
        except measure.CommandFailed as error:
            results.failed(f"{name} --help", error)
            continue
        milliseconds = summary.cpu_seconds * 1000
        rows.append((name, f"{milliseconds:.0f}", f"{summary.peak_megabytes:.0f}"))
        results.at_most(f"CPU ms of {name} --help", milliseconds, CPU_MILLISECONDS_LIMIT)
    results.show("Help", ("command", "median CPU ms", "peak MB"), rows)
