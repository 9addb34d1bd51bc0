"""The tables of EPMT, registered for the commands of usagedb."""

from usagedb.schema import Schema

DEFAULT_DBNAME = "epmt"


def purge(database, options, report):
    """Delete old jobs; see epmtlite/purge.py."""
    from epmtlite import purge as module

    return module.purge(database, options, report)


EPMT = Schema(
    "epmt",
    "epmt.sql",
    purge=purge,
    deleted=(
        "epmt_job",
        "epmt_process",
        "epmt_job_host",
        "epmt_process_tags",
        "epmt_metric_names",
        "epmt_partial",
    ),  # fmt: skip
    kept=(
        ("epmt_user", "epmt submit remembers the numbers; usage_person erase removes a name"),
        ("epmt_host", "epmt submit remembers the numbers"),
        ("epmt_refmodel", "epmt retire deletes models after retire_models_ndays"),
        ("epmt_refmodel_job", "goes with its model"),
    ),
    default_dbname=DEFAULT_DBNAME,
    locks=("epmt_partial",),
    occasional=("epmt migrate", "epmt delete", "epmt retire", "epmt dbcare"),
)
