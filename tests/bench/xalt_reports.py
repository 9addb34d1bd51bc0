"""Compare a full usage report with the queries of today's report, on the same tables."""

from tests.bench import measure, xalt_peer
from tests.bench.results import Results
from tests.bench.setting import Setting, tool
from tests.bench.xalt_fill import LIBRARIES_PER_RUN, fill

DATABASE = "xalt_reports"
FULL_RUNS = 1_000_000
# Of the full size; the start of a process weighs more in smaller ones.
TARGET_RATIO = 20
DAYS = ("--start", "2026-01-01", "--end", "2030-01-01")
REPORTS = {
    "xalt_usage_report --full": ("xalt_usage_report", "--full", *DAYS),
    "xalt_usage_report": ("xalt_usage_report", *DAYS),
    "xalt_usage_report --short": ("xalt_usage_report", "--short", *DAYS),
    "xalt_library_usage": ("xalt_library_usage", *DAYS),
    "xalt_scalar_bins_usage_report": ("xalt_scalar_bins_usage_report", *DAYS),
    "--report lastused": ("xalt_usage_report", "--report", "lastused"),
}


def run(setting: Setting, results: Results, runs: int) -> None:
    """Fill the tables; measure, show and judge the reports."""
    conf = fill(setting, DATABASE, runs)
    rows, seconds = [], {}
    for name, (command, *options) in REPORTS.items():
        measured = measure.run_once(
            tool(command, "--confFn", str(conf), *options), setting.environment
        )
        seconds[name] = measured.wall_seconds
        rows.append((name, f"{measured.wall_seconds:.2f}", f"{measured.peak_megabytes:.0f}"))
    output = setting.directory / "peer-report"
    command = setting.peer_of(xalt_peer, DATABASE, "report")
    peer = measure.run_once(command, setting.environment, output)
    rows.append(("today's queries", f"{peer.wall_seconds:.2f}", f"{peer.peak_megabytes:.0f}"))
    title = f"Reports on {runs:,} runs with {runs * LIBRARIES_PER_RUN:,} libraries"
    results.show(title, ("report", "seconds", "peak MB"), rows)
    queries = [line.split("\t") for line in output.read_text(encoding="utf-8").splitlines()]
    results.show("Today's queries", ("query", "rows", "seconds"), queries)
    ratio = peer.wall_seconds / seconds["xalt_usage_report --full"]
    name = f"times faster full usage report, {runs:,} runs"
    results.at_least(name, ratio, TARGET_RATIO, judged=runs >= FULL_RUNS)
