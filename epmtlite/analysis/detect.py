"""Which rows of a table are outliers: by each of some features, with each of some methods."""

import numbers
from typing import NamedTuple

from epmtlite.analysis import univariate
from epmtlite.analysis.errors import BadArgument, BadValues
from epmtlite.analysis.scores import is_finite

ALL = "*"  # as features: all numbers there are
DECIMALS = 3  # of an excess


class Found(NamedTuple):
    """What was found about the rows of a table."""

    keys: list  # what each row is about
    counts: dict  # feature -> of each row, how many methods say that it is an outlier
    excess: dict  # feature -> by how much scores were above their thresholds, added up

    @property
    def features(self):
        """The features, in order."""
        return list(self.counts)

    def parts(self):
        """Return {feature: (set of the keys that are none, set of those that are outliers)}."""
        return {feature: parted(self.keys, counts) for feature, counts in self.counts.items()}

    def total_counts(self):
        """Return of each row its counts by all features together."""
        return [sum(some) for some in zip(*self.counts.values())]

    def outliers(self):
        """Return the keys that are outliers by any feature, in the order of the rows."""
        return [key for key, count in zip(self.keys, self.total_counts()) if count]

    def records(self, name):
        """Return a dictionary of each row: its key under a name, and its count by each feature."""
        return [
            {name: key, **{feature: counts[place] for feature, counts in self.counts.items()}}
            for place, key in enumerate(self.keys)
        ]


def parted(keys, counts):
    """Return (set of the keys whose count is 0, set of the others)."""
    return (
        {key for key, count in zip(keys, counts) if not count},
        {key for key, count in zip(keys, counts) if count},
    )


def detect(rows, keys, features, methods, thresholds=None, model=None):
    """Return what is Found about rows, dictionaries of numbers.

    keys name the rows. A score above its threshold is that of an outlier: that of thresholds, a
    dictionary by methods, else that of EPMT. model is {method: {feature: (highest, first, second)}}
    of reference rows: then scores are measured with these, and the highest of them is the
    threshold; a method or feature that it has not got is passed over. Raises BadValues for a value
    that is no finite number, BadArgument if nothing is left to do.
    """
    scorers = {univariate.scorer(method).__name__: univariate.scorer(method) for method in methods}
    if model is not None:
        scorers = {name: scorer for name, scorer in scorers.items() if name in model}
        features = [one for one in features if all(one in model[name] for name in scorers)]
    if not scorers or not features:
        raise BadArgument("no method and feature is left to find outliers with")
    counts, excess = {}, {}
    for feature in features:
        values = column(rows, keys, feature)
        masks, excess[feature] = [], 0.0
        for name, scorer in scorers.items():
            params = model[name][feature] if model else ()
            limit = params[0] if params else threshold(name, thresholds)
            found = scorer(values, params).scores
            masks.append([int(score > limit) for score in found])
            excess[feature] += sum(score - limit for score in found if score > limit)
        counts[feature] = [sum(some) for some in zip(*masks)]
        excess[feature] = round(excess[feature], DECIMALS)
    return Found(list(keys), counts, excess)


def threshold(method, thresholds=None):
    """Return what a score of a method must be above: of thresholds, else that of EPMT."""
    return {**univariate.THRESHOLDS, **(thresholds or {})}[method]


def column(rows, keys, feature):
    """Return the values of a feature. Raises BadValues if one is no finite number."""
    values = [row.get(feature) for row in rows]
    wrong = {key: value for key, value in zip(keys, values) if not is_finite(value)}
    for key, value in wrong.items():
        raise BadValues(f"{feature} of {key} is {value}: outliers cannot be found by it", wrong)
    return values


def model_of(rows, keys, features, methods):
    """Return {method: {feature: (highest, first, second)}} of reference rows; see detect.

    Raises BadValues, or BadArgument for an unknown method.
    """
    return {
        univariate.scorer(method).__name__: {
            feature: univariate.scorer(method)(column(rows, keys, feature)).params
            for feature in features
        }
        for method in methods
    }


def chosen_features(rows, features, usual, excluded=(), active=None):
    """Return the features that rows have, in order.

    features: None for the usual ones, [] or '*' for all finite numbers but the excluded. active:
    those of a model, if there is one. Raises BadArgument for a name that no row has, or if nothing
    is left.
    """
    if features is None:
        features = [name for name in usual if rows and name in rows[0]]
    elif features == ALL or not features:
        features = [name for name in common_numbers(rows) if name not in excluded]
    elif isinstance(features, str):
        features = [part.strip() for part in features.split(",") if part.strip()]
    unknown = [name for name in features if not any(name in row for row in rows)]
    if unknown:
        raise BadArgument(f"{unknown[0]}: no feature; there are {', '.join(common_numbers(rows))}")
    chosen = sorted({name for name in features if active is None or name in active})
    if not chosen:
        raise BadArgument("no feature is left to find outliers by")
    return chosen


def common_numbers(rows):
    """Return the keys under which all rows have finite numbers, in order."""
    if not rows:
        return []
    return sorted(
        key
        for key, value in rows[0].items()
        if isinstance(value, numbers.Real) and all(is_finite(row.get(key)) for row in rows)
    )
