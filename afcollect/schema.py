"""The tables of the outbox, a file of its own: createDB, for a site's database, has them not."""

from usagedb.schema import Schema

AFMETRICS = Schema("afmetrics", "afmetrics.sql")
