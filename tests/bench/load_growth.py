"""Show how the loader's time and memory grow with the length of one log."""

from collections.abc import Sequence
from pathlib import Path

from tests.bench import loads, measure
from tests.bench.results import Results
from tests.bench.setting import BACKENDS, Setting, tool

DATABASE = "growth"
PEAK_MEGABYTES_LIMIT = 200
# Linear means that a line of the longest log may take this much more than one of the shortest.
SECONDS_PER_LINE_RATIO_LIMIT = 1.5

Series = tuple[str, str]


def run(setting: Setting, results: Results, line_counts: Sequence[int]) -> None:
    """Load logs of growing length with both backends, in both ways; show and judge them."""
    growth: dict[Series, list[tuple[int, measure.Measurement]]] = {}
    for line_count in line_counts:
        log = setting.directory / f"moduleUsage.log-{line_count}"
        loads.write_log(log, line_count)
        for backend in BACKENDS:
            for option in ("", "--store_all"):
                measured = _load_once(setting, backend, option, log)
                growth.setdefault((backend, option), []).append((line_count, measured))
        log.unlink()
    _show(results, growth)
    for series, points in growth.items():
        _judge(results, " ".join(series).strip(), points)


def _load_once(setting: Setting, backend: str, option: str, log: Path) -> measure.Measurement:
    """Load a log into an empty database, measured once: long runs vary little."""
    conf = setting.make_database(backend, DATABASE)
    command = tool("store_module_data", "--confFn", str(conf), *filter(None, [option]), str(log))
    return measure.run_once(command, setting.environment)


def _show(results: Results, growth: dict[Series, list[tuple[int, measure.Measurement]]]) -> None:
    """Print a line for each load."""
    rows = [
        (
            backend, option or "deduplicated", f"{line_count:,}", f"{measured.wall_seconds:.2f}",
            f"{measured.cpu_seconds:.2f}", f"{line_count / measured.wall_seconds:,.0f}",
            f"{measured.peak_megabytes:.0f}",
        )
        for (backend, option), points in growth.items()
        for line_count, measured in points
    ]  # fmt: skip
    headings = ("database", "rows", "lines", "seconds", "CPU s", "lines/s", "peak MB")
    results.show("Growth with the length of one log (300,000 lines a day)", headings, rows)


def _judge(results: Results, name: str, points: Sequence[tuple[int, measure.Measurement]]) -> None:
    """Keep the targets of memory and of linear growth."""
    peak = max(measured.peak_megabytes for _, measured in points)
    results.at_most(f"peak MB of the loader, {name}", peak, PEAK_MEGABYTES_LIMIT)
    (short, first), (long, last) = points[0], points[-1]
    ratio = (last.wall_seconds / long) / (first.wall_seconds / short)
    results.at_most(
        f"seconds per line, longest log to shortest, {name}", ratio,
        SECONDS_PER_LINE_RATIO_LIMIT, judged=len(points) > 1,
    )  # fmt: skip
