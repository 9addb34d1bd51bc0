"""The command epmt explore."""

import sys

from epmtlite import connection, explore, forms
from epmtlite.query import experiments, session

PEOPLE = ("table", "markdown")


def run(options):
    """Show what the jobs of an experiment took."""
    database_in_use = connection.opened(options, to_write=False)
    with database_in_use as database, session.using(database, options.settings):
        jobs = experiments.experiment(options.experiment, options.metric)
        methods = experiments.methods()
    top = explore.top_components(jobs, options.limit)
    blocks = {
        f"top {len(top)} components by sum({options.metric})": top,
        "variations across time segments": explore.variations(
            jobs, [row["component"] for row in top], methods
        ),
        f"{options.metric} by time segment": explore.segments(jobs, methods),
    }
    if options.form not in PEOPLE:
        records = [{"block": title, **row} for title, rows in blocks.items() for row in rows]
        forms.write_dicts(records, options.form)
        return
    for number, (title, rows) in enumerate(blocks.items()):
        sys.stdout.write("\n" * bool(number) + f"{title}\n\n")
        forms.write_dicts(rows, options.form)
