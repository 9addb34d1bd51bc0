"""Compare the loader with the tool that sites use today, on one day's log and one server."""

from pathlib import Path
from typing import NamedTuple

from tests.bench import loads, measure
from tests.bench.results import Results
from tests.bench.setting import BACKENDS, PEER_DATABASE, Setting, tool

DATABASE = "speed"
FULL_LINES = 300_000


class Mode(NamedTuple):
    """One way of loading: its option, where its rows are, published seconds, target ratio."""

    name: str
    options: list[str]
    table: str
    published_seconds: float
    target_ratio: float


MODES = (
    Mode("deduplicated", [], "moduleT", 11.1, 10),
    Mode("--store_all", ["--store_all"], "lmod_load", 27.0, 6),
)


def run(setting: Setting, results: Results, line_count: int, repeats: int) -> None:
    """Measure both ways of loading; show and judge them."""
    log = setting.directory / "moduleUsage.log-20260102"
    facts = loads.write_log(log, line_count, lines_per_day=line_count)
    print(f"\nOne day's log: {facts.lines:,} lines, {facts.size_bytes / 1e6:.1f} MB")
    for mode in MODES:
        summaries = _measure_mode(setting, mode, log, repeats)
        _show(results, mode, facts, summaries)
        _judge(setting, results, mode, facts, summaries)
    log.unlink()


def _measure_mode(
    setting: Setting, mode: Mode, log: Path, repeats: int
) -> dict[str, measure.Summary]:
    """Measure the peer and ours in turns, so that a slow minute of the machine hits both."""
    runs: dict[str, list[measure.Measurement]] = {"peer": [], **{name: [] for name in BACKENDS}}
    for _ in range(repeats):
        setting.make_peer_database()
        command = setting.peer(*mode.options, "load", str(log))
        runs["peer"].append(measure.run_once(command, setting.environment))
        for backend in BACKENDS:
            conf = setting.make_database(backend, DATABASE)
            command = tool("store_module_data", "--confFn", str(conf), *mode.options, str(log))
            runs[backend].append(measure.run_once(command, setting.environment))
    return {name: measure.summarise(measurements) for name, measurements in runs.items()}


def _show(
    results: Results, mode: Mode, facts: loads.LogFacts, summaries: dict[str, measure.Summary]
) -> None:
    """Print a line for each program: its times and how many times faster it is."""
    titles = {"peer": "flat table, MariaDB", "mariadb": "ours, MariaDB", "sqlite": "ours, SQLite"}
    peer_seconds = summaries["peer"].wall_seconds
    rows = []
    for name, summary in summaries.items():
        seconds = summary.wall_seconds
        at_full_size = facts.lines == FULL_LINES
        published = f"{mode.published_seconds / seconds:.1f}" if at_full_size else "-"
        rows.append(
            (
                titles[name], f"{seconds:.2f}", f"{summary.best_wall_seconds:.2f}",
                f"{summary.cpu_seconds:.2f}", f"{facts.lines / seconds:,.0f}",
                f"{summary.peak_megabytes:.0f}", f"{peer_seconds / seconds:.1f}", published,
            )
        )  # fmt: skip
    headings = (
        "program", "median s", "best s", "CPU s", "lines/s", "peak MB",
        "times faster", f"than published {mode.published_seconds:g} s",
    )  # fmt: skip
    results.show(f"Loading, {mode.name}", headings, rows)


def _judge(
    setting: Setting,
    results: Results,
    mode: Mode,
    facts: loads.LogFacts,
    summaries: dict[str, measure.Summary],
) -> None:
    """Keep the targets of one way of loading: the same rows, and how much faster."""
    expected = setting.row_count("mariadb", PEER_DATABASE, "moduleT")
    for backend in BACKENDS:
        stored = setting.row_count(backend, DATABASE, mode.table)
        results.equal(f"rows stored, {mode.name}, {backend}", stored, expected)
    ratio = summaries["peer"].wall_seconds / summaries["mariadb"].wall_seconds
    judged = facts.lines >= FULL_LINES
    results.at_least(
        f"times faster loading, {mode.name}, MariaDB", ratio, mode.target_ratio, judged
    )
