"""Measure the loader of XALT's records: against today's, and how it grows."""

import shutil
from pathlib import Path

from tests.bench import measure, xalt_peer
from tests.bench.results import Results
from tests.bench.setting import BACKENDS, Setting, tool
from tests.bench.xalt_records import Counts, write_tree
from tests.xaltload.old_site import statements

DATABASE = "xalt"
PEER_DATABASE = "xalt_of_sites"
RUNS = 2000  # 5,317 records
# What the loader of sites takes for these records, and what ours must reach.
PUBLISHED_SECONDS = 164.0
TARGET_RATIO = 100
PEER_RUNS = 100
PEAK_MEGABYTES_LIMIT = 250
SECONDS_PER_RECORD_RATIO_LIMIT = 1.5
SMALL_LOADS = 3


def run(setting: Setting, results: Results, run_counts: list[int], repeats: int) -> None:
    """Measure both; show and judge them."""
    _compare(setting, results, repeats)
    _grow(setting, results, run_counts)


def _compare(setting: Setting, results: Results, repeats: int) -> None:
    tree = setting.directory / "tree"
    counts = write_tree(tree, RUNS)
    peer_rate = _peer_rate(setting)
    rows = [("today's, MariaDB", "", f"{peer_rate:,.0f}", "", "")]
    rates = {}
    for backend in BACKENDS:
        for name in ("first run", "second run"):
            rates[backend, name], row = _measure(setting, backend, name, tree, counts, repeats)
            rows.append(row)
    headings = ("loader", "seconds", "records/s", "CPU s", "peak MB")
    results.show(f"Loading {counts.records:,} records of XALT", headings, rows)
    ours = rates["mariadb", "first run"]
    published = counts.records / PUBLISHED_SECONDS
    name = f"times faster than the published {PUBLISHED_SECONDS:g} s, MariaDB"
    results.at_least(name, ours / published, TARGET_RATIO)
    results.at_least("times faster than today's loader as it stands in here", ours / peer_rate, 1)
    for backend in BACKENDS:
        ratio = rates[backend, "second run"] / rates[backend, "first run"]
        results.at_least(f"times faster when nothing is new, {backend}", ratio, 1)
    shutil.rmtree(tree)


def _peer_rate(setting: Setting) -> float:
    """Return the records a second that today's loader stores, from a smaller tree."""
    tree = setting.directory / "peer-tree"
    counts = write_tree(tree, PEER_RUNS)
    setting.execute(f"drop database if exists {PEER_DATABASE}", f"create database {PEER_DATABASE}")
    setting.execute(f"use {PEER_DATABASE}", *statements("mysql"))
    command = setting.peer_of(xalt_peer, PEER_DATABASE, "load", str(tree))
    measured = measure.run_once(command, setting.environment)
    shutil.rmtree(tree)
    return counts.records / measured.wall_seconds


def _measure(
    setting: Setting, backend: str, name: str, tree: Path, counts: Counts, repeats: int
) -> tuple[float, tuple[str, ...]]:
    """Return the records a second of a first or second run, and the row to show."""
    runs = []
    for _ in range(repeats):
        if name == "first run":
            setting.make_database(backend, DATABASE)
        command = tool(
            "xalt_file_to_db", "--confFn", str(setting.conf(backend, DATABASE)), str(tree)
        )
        runs.append(measure.run_once(command, setting.environment))
    summary = measure.summarise(runs)
    rate = counts.records / summary.wall_seconds
    return rate, (
        f"ours, {backend}, {name}", f"{summary.wall_seconds:.2f}", f"{rate:,.0f}",
        f"{summary.cpu_seconds:.2f}", f"{summary.peak_megabytes:.0f}",
    )  # fmt: skip


def _grow(setting: Setting, results: Results, run_counts: list[int]) -> None:
    """Load trees of growing size; show and judge time and memory.

    The smallest is loaded several times before the others and after them, for the speed of the
    machine changes meanwhile.
    """
    fewest, *others = run_counts
    early = [_load_tree(setting, fewest) for _ in range(SMALL_LOADS)]
    points = [_load_tree(setting, runs) for runs in others]
    late = [_load_tree(setting, fewest) for _ in range(SMALL_LOADS if others else 0)]
    records, middle = sorted(early + late, key=lambda one: one[1].wall_seconds)[
        (len(early) + len(late)) // 2
    ]
    points.insert(0, (records, middle))
    rows = [
        (
            f"{records:,}", f"{measured.wall_seconds:.1f}",
            f"{records / measured.wall_seconds:,.0f}", f"{measured.peak_megabytes:.0f}",
        )
        for records, measured in points
    ]  # fmt: skip
    headings = ("records", "seconds", "records/s", "peak MB")
    results.show("Growth of a load of XALT's records, MariaDB", headings, rows)
    peak = max(measured.peak_megabytes for _records, measured in points)
    results.at_most("peak MB of the loader of XALT's records", peak, PEAK_MEGABYTES_LIMIT)
    (few, first), (many, last) = points[0], points[-1]
    ratio = (last.wall_seconds / many) / (first.wall_seconds / few)
    name = "seconds per record of XALT, most to fewest"
    results.at_most(name, ratio, SECONDS_PER_RECORD_RATIO_LIMIT, judged=len(points) > 1)


def _load_tree(setting: Setting, runs: int) -> tuple[int, measure.Measurement]:
    """Load a new tree of so many runs into an empty MariaDB; return its records, and the load."""
    tree = setting.directory / f"tree-{runs}"
    counts = write_tree(tree, runs)
    conf = setting.make_database("mariadb", DATABASE)
    command = tool("xalt_file_to_db", "--confFn", str(conf), str(tree))
    measured = measure.run_once(command, setting.environment)
    shutil.rmtree(tree)
    return counts.records, measured
