"""Which of some jobs are outliers, and by what: as plain data for a page."""

import math

from epmtlite import outliers
from epmtlite.analysis import causes, detect
from epmtlite.plot import texts

MOST_CAUSES = 5


def compared(database, settings, jobs):
    """Return {"features": [{"name", "values", "counts"}], "methods": how many there are, "causes":
    of each job [name, ratio]...} of at least four selection.Jobs, in their order.

    A count says how many methods call the job an outlier by that feature. The features and methods
    are those of the Settings. Read-only. Raises CannotAnalyze for fewer jobs.
    """
    wanted = outliers.Wanted(database, settings, jobs)
    wanted.check()
    found = outliers.outlier_jobs(wanted)
    rows, _names = outliers.job_table(database, jobs)
    return {
        "features": [
            {"name": texts.shown(name), "values": [row[name] for row in rows], "counts": counts}
            for name, counts in found.counts.items()
        ],
        "methods": len(wanted.method_names()),
        "causes": causes_of(rows, found.total_counts(), settings.outlier_features_blacklist),
    }


def causes_of(rows, counts, excluded):
    """Return of each job [[name of a feature, ratio], ...]: by what it differs most from the jobs
    that are no outliers; [] for those. A ratio is None where the others do not differ at all."""
    references = [row for row, count in zip(rows, counts) if not count]
    features = [name for name in detect.common_numbers(rows) if name not in excluded]
    return [
        strongest(causes.causes(references, row, features).ranked) if count and references else []
        for row, count in zip(rows, counts)
    ]


def strongest(ranked):
    """Return the first of ranked causes as plain data."""
    return [
        [texts.shown(name), None if math.isinf(ratio) else round(ratio, 1)]
        for name, ratio in ranked[:MOST_CAUSES]
        if ratio > 1
    ]
