"""Which of some numbers are outliers: the scorers by their names, and masks of them."""

from epmtlite.analysis import scores
from epmtlite.analysis.errors import BadArgument
from epmtlite.analysis.scores import is_finite

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


def outliers_iqr(ys):
    """Return 1 for each outlier by quartiles, else 0, as a list."""
    return mask(ys, "iqr")


def outliers_z_score(ys, threshold=THRESHOLDS["z_score"]):
    """Return 1 for each outlier by z-score, else 0, as a list."""
    return mask(ys, "z_score", threshold)


def outliers_modified_z_score(ys, threshold=THRESHOLDS["modified_z_score"]):
    """Return 1 for each outlier by modified z-score, else 0, as a list."""
    return mask(ys, "modified_z_score", threshold)


def outliers_uv(ys, methods=None):
    """Return for each number how many of the methods, by default all, say that it is an outlier."""
    masks = [mask(ys, method) for method in (SCORERS if methods is None else methods)]
    return [sum(found) for found in zip(*masks)]


def dict_outliers(dlist, labels=None, threshold=2.0):
    """Return (labels of the outliers, {key: labels of those by that key}) of some dictionaries.

    A number is an outlier if it is more than `threshold` standard deviations from the mean of all
    under its key; what is no finite number is passed over. labels say what the dictionaries are
    called, by default their places. Raises BadArgument if there are not as many.
    """
    labels = list(range(len(dlist))) if labels is None else list(labels)
    if len(labels) != len(dlist):
        raise BadArgument(f"{len(labels)} labels for {len(dlist)} dictionaries")
    by_key: dict = {}
    for key in dict.fromkeys(key for one in dlist for key in one):
        known = [(label, one[key]) for label, one in zip(labels, dlist) if is_finite(one.get(key))]
        found = mask([value for _label, value in known], "z_score", threshold) if known else []
        outliers = {label for (label, _value), is_one in zip(known, found) if is_one}
        if outliers:
            by_key[key] = outliers
    return {label for some in by_key.values() for label in some}, by_key
