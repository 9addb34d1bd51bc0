"""The page of reference models."""

from epmtlite import refmodels
from epmtlite.collect.tags import written
from epmtlite.gui import amounts, layout, links
from epmtlite.gui.jobs_page import tag_links
from epmtlite.gui.markup import joined, tag
from epmtlite.gui.tables import Column, Table

MOST_JOBS = 20  # that are named


def rows_of(database):
    """Return the dictionaries of all models. Read-only."""
    return [
        {
            "id": model.id,
            "name": model.name,
            "enabled": model.enabled,
            "created_at": refmodels.moment_of(round(model.created_at * 1e6)),
            "tags": model.tags,
            "operations": [written(one) for one in model.op_tags],
            "methods": model.methods(),
            "features": sorted(model.active_metrics()),
            "jobs": list(model.jobs),
        }
        for model in refmodels.find(database)
    ]


def table_of(site, _asked):
    """Return the table of all models. Read-only."""
    columns = (
        Column("name", "model"),
        Column("enabled", "is used", lambda value: "yes" if value else "no"),
        Column("created_at", "made", made_cell),
        Column("tags", "tags", tag_links),
        Column("operations", "of", lambda some: ", ".join(some) or "whole jobs"),
        Column("methods", "methods", ", ".join),
        Column("features", "features", ", ".join),
        Column("", "", outliers_link, of_row=True),
    )
    empty = "There are no models: `epmt refmodel create` makes one."
    return Table(
        "models", "", columns, rows_of(site.database), empty=empty, form="cards",
        below=lambda row: job_links(row["jobs"]),
        written=(*(column.key for column in columns if column.key), "jobs"),
    )  # fmt: skip


def view(site, asked):
    """Return the View of all models. Read-only."""
    table = table_of(site, asked)
    download = tag("a", "CSV", href="/models?format=csv", class_="download")
    count = len(table.rows)
    note = tag("p", f"{count:,} model{'s' * (count != 1)} ", download, class_="count")
    return layout.View("Reference models", [note, table], section="/models")


def made_cell(moment):
    """Return when a model was made, on one line."""
    return tag("span", amounts.moment(moment), class_="moment")


def job_links(names):
    """Return the links to the jobs that a model was made of."""
    more = f" and {len(names) - MOST_JOBS:,} more" if len(names) > MOST_JOBS else None
    title = tag("span", "made of ", class_="muted")
    return joined(title, *([links.job_link(name), " "] for name in names[:MOST_JOBS]), more)


def outliers_link(row):
    """Return the link to the jobs with its tags that are outliers by a model."""
    if not (row["tags"] and row["enabled"]) or row["operations"]:
        return ""
    path = links.address("/outliers", tag=written(row["tags"]), model=str(row["id"]))
    return tag("a", "outliers", href=path)
