"""The tables of the outbox, a file of its own: createDB, for a site's database, has them not."""

from usagedb.schema import Schema

# The command that writes them: name of its runs (usage_run) and of its lock.
COLLECTOR = "afmetrics_collector"
AFMETRICS = Schema(
    "afmetrics",
    "afmetrics.sql",
    deleted=("afmetrics_document",),  # see afcollect/old_documents.py
    kept=(
        ("afmetrics_state", "a value for each name"),
        ("afmetrics_reported", "forgets jobs that no query finds any more by itself"),
    ),
)
