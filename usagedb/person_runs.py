"""Lines about runs that name a person: the messages of usage_run."""

from usagedb.mentions import TEXT, Mentions, naming_rows, sweep

MESSAGES = Mentions("usage_run", "run_id", (("message", TEXT),))


def export(database, renaming):
    """Yield (table, row). Read-only."""
    for row in naming_rows(database, MESSAGES, renaming):
        yield "usage_run", row


def change(database, change):
    """Take the name out of the messages; see usagedb.person."""
    sweep(database, MESSAGES, change)
