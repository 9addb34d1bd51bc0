"""Which of some numbers are outliers: the scorers by their names, and masks of them."""

from epmtlite.analysis import scores
from epmtlite.analysis.errors import BadArgument

SCORERS = {
    "iqr": scores.iqr,
    "modified_z_score": scores.modified_z_score,
    "z_score": scores.z_score,
}
# A score above it is that of an outlier. Those of iqr are 1 or 0 already.
THRESHOLDS = {"iqr": 0.0, "modified_z_score": 3.5, "z_score": 3.0}


def scorer(method):
    """Return the scorer of a name, or the scorer itself. Raises BadArgument."""
    if callable(method):
        method = getattr(method, "__name__", "")
    if method not in SCORERS:
        raise BadArgument(f"{method}: no method; there are {', '.join(SCORERS)}")
    return SCORERS[method]


def mask(ys, method, threshold=None, params=()):
    """Return 1 for each of some numbers whose score is above the threshold, else 0, as a list.

    With params, those of a model, the threshold is by default the highest score in that. Raises
    BadArgument or BadValues.
    """
    found = scorer(method)(ys, params)
    if threshold is None:
        threshold = params[0] if params else THRESHOLDS[scorer(method).__name__]
    return [int(abs(score) > threshold) for score in found.scores]
