"""The pages of experiments: jobs with the tag exp_name."""

from typing import NamedTuple

from epmtlite import explore
from epmtlite.analysis.errors import BadArgument, CannotAnalyze
from epmtlite.gui import amounts, layout, links
from epmtlite.gui.experiment_queries import NAME, experiments, records_of
from epmtlite.gui.markup import joined, tag
from epmtlite.gui.tables import Column, Table

MOST_EXPERIMENTS = 2000  # on a page
MOST_COMPONENTS = 100
COMPONENTS = 10
MOST_ROWS = 1000
TIMES = ("duration", "cpu_time", "usertime", "systemtime")


def experiments_table(site, _asked):
    """Return the table of all experiments. Read-only."""
    columns = (
        Column("exp_name", "experiment", experiment_link),
        Column("jobs", "jobs", jobs_link, is_number=True, of_row=True),
        Column("components", "components", amounts.count, is_number=True),
        Column("duration", "duration of all", amounts.duration, is_number=True),
        Column("cpu_time", "CPU time of all", amounts.duration, is_number=True),
        Column("first", "first began", day_of),
        Column("last", "last began", day_of),
        Column("exp_name", "", outliers_link),
    )
    return Table(
        "experiments", "", columns, experiments(site.database), form="cards",
        empty="No job has the tag exp_name: set it with EPMT_JOB_TAGS='exp_name:NAME'.",
    )  # fmt: skip


def experiments_view(site, asked):
    """Return the View of all experiments. Read-only."""
    table = experiments_table(site, asked)
    count = len(table.rows)
    few = table._replace(rows=table.rows[:MOST_EXPERIMENTS])
    note = f", the {MOST_EXPERIMENTS:,} last of them" if count > MOST_EXPERIMENTS else ""
    download = tag("a", "CSV", href="/experiments?format=csv", class_="download")
    blocks = [
        tag("p", f"{count:,} experiment{'s' * (count != 1)}{note} ", download, class_="count"), few
    ]  # fmt: skip
    return layout.View("Experiments", blocks, section="/experiments")


def experiment_link(name):
    """Return the link to an experiment."""
    return tag("a", name or "(empty)", href=links.address("/experiment", name=name))


def jobs_link(row):
    """Return how many jobs an experiment has, as a link to them."""
    wanted, shown = links.tag_condition(NAME, row["exp_name"]), amounts.count(row["jobs"])
    return links.filter_link(shown, tag=wanted) if wanted else shown


def outliers_link(name):
    """Return the link to the outliers among the jobs of an experiment."""
    wanted = links.tag_condition(NAME, name)
    return tag("a", "outliers", href=links.address("/outliers", tag=wanted)) if wanted else ""


def day_of(moment):
    """Return the day and minute of a moment."""
    return moment[:16]


# one experiment


class Blocks(NamedTuple):
    """What epmt explore says of an experiment."""

    metrics: list  # names that it can be asked by
    left_out: list  # ids of the jobs that lack the one that it was asked by
    components: list
    variations: list
    segments: list


def explored(site, name, metric, limit):
    """Return the Blocks of an experiment. Read-only.

    Raises CannotAnalyze if it has no jobs, BadArgument for a metric that none of them has.
    """
    records, metrics = records_of(site.database, name, metric)
    if not records:
        raise CannotAnalyze(f"no job has the tag {NAME}:{name}")
    if metric not in metrics:
        raise BadArgument(
            f"{metric}: no number that these jobs have; there are {', '.join(metrics)}"
        )
    known, left_out = explore.parted(records, metric)
    jobs = explore.experiment_jobs(known, metric)
    methods = site.settings.univariate_classifiers
    top = explore.top_components(jobs, limit)
    variations = explore.variations(jobs, [row["component"] for row in top], methods)
    return Blocks(metrics, sorted(left_out), top, variations, explore.segments(jobs, methods))


def experiment_tables(site, asked):
    """Return (the three tables of an experiment, its Blocks)."""
    name, metric = asked.one("name"), asked.one("metric", "duration")
    found = explored(site, name, metric, asked.whole("limit", COMPONENTS, MOST_COMPONENTS))
    show = amounts.duration if metric in TIMES else amounts.count
    value = Column("value", metric, show, is_number=True)
    total = Column("sum", f"sum of {metric}", show, is_number=True)
    mark = Column("outlier", "outlier", mark_cell)
    number = amounts.count
    tables = [
        Table("components", f"Components that take the most {metric}", (
            Column("component", "component", lambda text: text or "(none)"), total,
            Column("percent", "of all", lambda some: f"{some:.1f} %", is_number=True),
            Column("min", "least", show, is_number=True),
            Column("max", "most", show, is_number=True),
            Column("cv", "deviation / mean", number, is_number=True),
        ), found.components),
        Table("variations", "Their jobs, by segments of time", (
            Column("component", "component"), Column("exp_time", "segment"),
            Column("jobid", "job", links.job_link), value, mark,
        ), found.variations),
        Table("segments", f"{metric} by segments of time", (
            Column("exp_time", "segment", lambda text: text or "(none)"),
            Column("jobs", "jobs", number, is_number=True), total, mark,
        ), found.segments),
    ]  # fmt: skip
    path = links.address("/experiment", *asked.pairs, format="csv")
    return [one._replace(download=f"{path}&table={one.name}") for one in tables], found


def mark_cell(marks):
    """Return what the methods say of a value: ** of each that calls it an outlier."""
    shown = f"outlier ({len(marks) // len(explore.MARK)})"
    return tag("strong", shown, class_="bad") if marks else ""


def experiment_view(site, asked):
    """Return the View of an experiment. Read-only. Raises CannotAnalyze or BadArgument."""
    some, found = experiment_tables(site, asked)
    name, metric = asked.one("name"), asked.one("metric", "duration")
    form = layout.form(
        "/experiment", layout.hidden([("name", name)]),
        layout.choice("metric", "metric", [(one, one) for one in found.metrics], metric),
        layout.field("components", "limit", str(asked.whole("limit", COMPONENTS, MOST_COMPONENTS)),
                     inputmode="numeric", size=4),
        tag("button", "Show", type="submit"), class_="tools",
    )  # fmt: skip
    wanted = links.tag_condition(NAME, name)
    near = tag(
        "p", links.filter_link("its jobs", tag=wanted), " ",
        tag("a", "its outliers", href=links.address("/outliers", tag=wanted)), class_="times",
    ) if wanted else None  # fmt: skip
    lacking = found.left_out
    note = tag("p", explore.left_out_text(lacking, metric), class_="muted") if lacking else None
    blocks = [joined(near, form, note), *(shortened(one) for one in some)]
    data = {"left_out": lacking}
    return layout.View(f"Experiment {name}", blocks, section="/experiments", data=data)


def shortened(table):
    """Return a table of at most MOST_ROWS rows, which says so."""
    count = len(table.rows)
    if count <= MOST_ROWS:
        return table
    note = tag("p", f"The first {MOST_ROWS:,} of {count:,} rows; CSV has all.", class_="muted")
    return table._replace(rows=table.rows[:MOST_ROWS], note=note)


def csv_table(site, asked):
    """Return the table that is asked for, with all rows. Raises BadArgument for another one."""
    tables = {one.name: one for one in experiment_tables(site, asked)[0]}
    name = asked.one("table", "components")
    if name not in tables:
        raise BadArgument(f"table={name}: one of {', '.join(tables)}")
    return tables[name]
