"""Compare reports over a year of loads with the flat table's, on one server and the same loads.

Both are measured as whole processes, and the part of it that the server spent on their
queries is taken from its slow query log. The target is judged by the latter: the start of
Python and its libraries takes more time than our queries do, whatever the tables look like.
"""

import csv
import io
from pathlib import Path
from typing import NamedTuple, Optional

from tests.bench import loads, measure
from tests.bench.results import Results
from tests.bench.setting import BACKENDS, PEER_DATABASE, Setting, tool

DATABASE = "year"
FULL_ROWS = 11_700_000
QUARTER_DAYS = 91
# The patterns of the reports, and the published seconds of the flat table at full size: a server
# with default settings may need far longer than that, so ours are compared with both.
PATTERNS = {"%fftw%": 6.0, "%": 240.0}
TARGET_RATIO = 100
REPEATS = 5
# A report is not repeated any more when its runs took this long together.
ENOUGH_SECONDS = 20.0
LOG_EVERY_QUERY = (
    "set global log_output = 'TABLE'", "set global long_query_time = 0",
    "truncate mysql.slow_log", "set global slow_query_log = 1",
)  # fmt: skip
SUM_OF_QUERIES = "select coalesce(sum(time_to_sec(query_time)), 0) from mysql.slow_log"


class Report(NamedTuple):
    """A measured report: whole processes, and the server's seconds for one run's queries."""

    summary: measure.Summary
    query_seconds: Optional[float]


def run(setting: Setting, results: Results, rows: int) -> None:
    """Load a quarter, then the rest of a year; measure the reports after each."""
    setting.make_peer_database()
    for backend in BACKENDS:
        setting.make_database(backend, DATABASE)
    stored = 0
    for days in (range(QUARTER_DAYS), range(QUARTER_DAYS, 365)):
        stored += _load_part(setting, results, rows, days)
        _check_rows(setting, results, stored)
        for pattern in PATTERNS:
            _compare(setting, results, pattern, stored, stored >= FULL_ROWS)


def _load_part(setting: Setting, results: Results, rows: int, days: range) -> int:
    """Load the same days into the flat table and through our loader; return the rows."""
    part = loads.write_year(setting.directory, rows, days)
    setting.call(setting.peer("fill", str(part.flat_rows)))
    logs = [str(log) for log in part.logs]
    shown = []
    for backend in BACKENDS:
        conf = setting.conf(backend, DATABASE)
        command = tool("store_module_data", "--confFn", str(conf), *logs)
        measured = measure.run_once(command, setting.environment)
        rate = part.rows / measured.wall_seconds
        shown.append(
            (
                backend, f"{len(logs)}", f"{part.rows:,}", f"{measured.wall_seconds:.1f}",
                f"{measured.cpu_seconds:.1f}", f"{rate:,.0f}", f"{measured.peak_megabytes:.0f}",
            )
        )  # fmt: skip
    headings = ("database", "logs", "lines", "seconds", "CPU s", "lines/s", "peak MB")
    results.show(f"Loading days {days[0] + 1} to {days[-1] + 1} of a year", headings, shown)
    for path in (*part.logs, part.flat_rows):
        path.unlink()
    return part.rows


def _check_rows(setting: Setting, results: Results, expected: int) -> None:
    """Keep the target that every database holds all of the loads."""
    flat_rows = setting.row_count("mariadb", PEER_DATABASE, "moduleT")
    results.equal(f"rows of {expected:,} in the year, flat table", flat_rows, expected)
    for backend in BACKENDS:
        stored = setting.row_count(backend, DATABASE, "lmod_use")
        results.equal(f"rows of {expected:,} in the year, {backend}", stored, expected)


def _compare(
    setting: Setting, results: Results, pattern: str, rows: int, at_full_size: bool
) -> None:
    """Measure one report everywhere; show it, and judge MariaDB's against the flat table's."""
    flat_output = setting.directory / "flat-report"
    peer = setting.peer("counts", pattern)
    reports = {"flat table": _measure_on_server(setting, peer, flat_output)}
    for backend in BACKENDS:
        command = _counts(setting, backend, pattern)
        on_server = backend == "mariadb"
        reports[f"ours, {backend}"] = (
            _measure_on_server(setting, command) if on_server else _measure(setting, command)
        )
    title = f"counts --sqlPattern '{pattern}' on {rows:,} rows"
    _show(results, title, reports)
    _judge(results, title, PATTERNS[pattern], reports, at_full_size)
    flat = flat_output.read_text(encoding="utf-8")
    for backend in BACKENDS:
        ours = setting.call(_counts(setting, backend, pattern, "--format", "csv"))
        results.equal(f"lines that differ, {title}, {backend}", _different_lines(flat, ours), 0)


def _judge(
    results: Results, title: str, published: float, reports: dict[str, Report], judged: bool
) -> None:
    """Keep how many times faster our queries are than the measured and the published ones."""
    slow, fast = reports["flat table"].query_seconds, reports["ours, mariadb"].query_seconds
    assert slow is not None and fast is not None
    fast = max(fast, 1e-6)
    results.at_least(f"times faster queries, {title}", slow / fast, TARGET_RATIO, judged)
    if judged:
        name = f"times faster queries than the published {published:g} s, {title}"
        results.at_least(name, published / fast, TARGET_RATIO)


def _counts(setting: Setting, backend: str, pattern: str, *options: str) -> list[str]:
    """Return the command line of our report."""
    conf = setting.conf(backend, DATABASE)
    return tool("analyzeLmodDB", "--confFn", str(conf), *options, "--sqlPattern", pattern, "counts")


def _measure(setting: Setting, command: list[str], output: Path = measure.DISCARD) -> Report:
    """Measure a report as a whole process only."""
    summary = measure.repeat(command, REPEATS, setting.environment, ENOUGH_SECONDS, output)
    return Report(summary, None)


def _measure_on_server(
    setting: Setting, command: list[str], output: Path = measure.DISCARD
) -> Report:
    """Measure a report on the server, which notes the time of every query meanwhile."""
    setting.execute(*LOG_EVERY_QUERY)
    try:
        report = _measure(setting, command, output)
    finally:
        setting.execute("set global slow_query_log = 0")
    seconds = float(setting.execute(SUM_OF_QUERIES)[0][0])
    return report._replace(query_seconds=seconds / report.summary.runs)


def _show(results: Results, title: str, reports: dict[str, Report]) -> None:
    """Print a line for each database: seconds of the process and of the queries in it."""
    first = reports["flat table"]
    rows = [
        (
            name, f"{report.summary.wall_seconds:.3f}", f"{report.summary.best_wall_seconds:.3f}",
            f"{report.summary.peak_megabytes:.0f}",
            f"{first.summary.wall_seconds / report.summary.wall_seconds:.1f}",
            _seconds_text(report.query_seconds), _ratio_text(first, report),
        )
        for name, report in reports.items()
    ]  # fmt: skip
    headings = (
        "database", "median s", "best s", "peak MB", "times faster", "queries s", "times faster",
    )  # fmt: skip
    results.show(title, headings, rows)


def _seconds_text(seconds: Optional[float]) -> str:
    return "-" if seconds is None else f"{seconds:.4f}"


def _ratio_text(first: Report, report: Report) -> str:
    if first.query_seconds is None or report.query_seconds is None:
        return "-"
    return f"{first.query_seconds / max(report.query_seconds, 1e-6):,.1f}"


def _different_lines(flat: str, ours: str) -> int:
    """Return how many (path, users) only one of the two reports has."""
    expected = {tuple(line.split("\t")) for line in flat.splitlines()}
    lines = list(csv.reader(io.StringIO(ours)))[1:]
    return len(expected ^ {(line[0], line[-1]) for line in lines if line})
