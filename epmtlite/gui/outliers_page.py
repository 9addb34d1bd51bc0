"""The page of the outliers among the jobs that have a tag."""

from epmtlite import outliers, outliers_command, refmodels, selection
from epmtlite.analysis.errors import BadArgument
from epmtlite.gui import amounts, job_queries, layout, links, wanted_jobs
from epmtlite.gui.markup import joined, tag
from epmtlite.gui.tables import Column, Table
from epmtlite.query.arguments import value_errors
from usagedb import errors

MOST_JOBS = 1000  # that are judged at once: all about each of them is in memory


def view(site, asked):
    """Return the View of the outliers among the jobs with a tag. Read-only."""
    error, table = "", None
    if asked.one("tag"):
        try:
            table = outlier_table(site, asked)
        except (errors.UsageError, errors.MalformedInputError, errors.MissingInputError) as known:
            error = str(known)
    blocks = [
        form(site, asked),
        layout.notice(error, "error") if error else None,
        None if asked.one("tag") else tag(
            "p", "Say by a tag which jobs are of one kind, for instance ",
            tag("code", "exp_name:ocean"), ", or begin with an ",
            tag("a", "experiment", href="/experiments"), ".", class_="muted",
        ),
        table and compare_form(table),
    ]  # fmt: skip
    data = {"error": error} if error else {"outliers": list(table.rows) if table else []}
    return layout.View(
        "Outliers", blocks, section="/outliers", status=400 if error else 200, data=data
    )


def csv_table(site, asked):
    """Return the table as it is written. Raises BadArgument without a tag."""
    if not asked.one("tag"):
        raise BadArgument("say which jobs: tag=KEY:VALUE")
    return outlier_table(site, asked)


def form(site, asked):
    """Return the form that asks for the jobs and how they are judged."""
    models = [("", "none")]
    models += [(str(one.id), one.name) for one in refmodels.find(site.database) if one.enabled]
    return layout.form(
        "/outliers",
        layout.field("tag", "tag", ";".join(asked.all("tag")), required=True,
                     placeholder="exp_name:ocean;exp_component:ice"),
        layout.field("features", "features", asked.one("features"),
                     placeholder=", ".join(site.settings.outlier_features)),
        layout.choice("model", "model", models, asked.one("model")) if len(models) > 1 else None,
        tag("button", "Find outliers", type="submit"),
        class_="tools", role="search",
    )  # fmt: skip


def judged(site, asked):
    """Return the outliers.Wanted of a query. Read-only.

    Raises BadArgument, CannotAnalyze or MissingModel.
    """
    with value_errors():
        tags = selection.wanted_tags(";".join(asked.all("tag")))
    jobs = job_queries.selected(site.database, wanted_jobs.Wanted(tags=(tags,)), MOST_JOBS)
    if not jobs:
        raise BadArgument("no job has these tags")
    if len(jobs) > MOST_JOBS:
        raise BadArgument(
            f"more than {MOST_JOBS:,} jobs have these tags: say more tags, so that fewer do"
        )
    model = (
        refmodels.usable_model(site.database, asked.one("model")) if asked.one("model") else None
    )
    wanted = outliers.Wanted(
        site.database, site.settings, jobs, asked.one("features") or None, model=model
    )
    wanted.check()
    return wanted


def outlier_table(site, asked):
    """Return the table of the jobs, the outliers first. Read-only. Raises what judged raises, and
    BadValues."""
    wanted = judged(site, asked)
    rows = outliers_command.job_records(wanted, explain=True)
    for row, job in zip(rows, wanted.jobs):
        row["name"] = f"{job.cluster}/{job.jobid}"
    features = [key for key in rows[0] if key not in ("jobid", "outlier", "causes", "name")]
    most = len(wanted.method_names())
    rows.sort(key=lambda row: -sum(row[key] for key in features))
    columns = (
        Column("name", "compare", chooser, is_hidden=True),
        Column("name", "job", links.job_link),
        Column("outlier", "outlier", lambda value: tag("strong", "outlier", class_="bad")
               if value else "no"),
        *(Column(name, name, lambda value: count_cell(value, most), is_number=True)
          for name in features),
        Column("causes", "differs most by", causes_cell, is_wide=True),
    )  # fmt: skip
    count = sum(row["outlier"] for row in rows)
    found = "1 of them is an outlier" if count == 1 else f"{count:,} of them are outliers"
    note = tag(
        "p", f"{len(rows):,} jobs; {found}. A number is how many of the {most} methods say so.",
        class_="count",
    )  # fmt: skip
    download = links.address("/outliers", *asked.pairs, format="csv")
    written = ("name", "outlier", *features, "causes")
    return Table("outliers", "Jobs", columns, rows, note=note, download=download, written=written)


def chooser(name):
    """Return the box that chooses a job to be compared."""
    return tag("input", type="checkbox", name="job", value=name, aria_label=f"Compare {name}")


def count_cell(value, most):
    """Return how many methods call a job an outlier."""
    shown = amounts.count(value)
    return tag("strong", shown, class_="bad", title=f"of {most} methods") if value else shown


def causes_cell(causes):
    """Return by what a job differs from the others, and how many times as much as these do."""
    return ", ".join(cause.replace(" infx", " (the others do not differ)") for cause in causes)


def compare_form(table):
    """Return the table in the form that compares jobs."""
    button = tag("button", "Compare the chosen jobs", type="submit", id="compare")
    return layout.form(
        "/compare", layout.block_of(table), tag("div", joined(button), class_="tools")
    )
