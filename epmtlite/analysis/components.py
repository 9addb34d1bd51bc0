"""Principal components: a few combined features in the place of many."""

import logging
from typing import NamedTuple

from epmtlite.analysis import detect
from epmtlite.analysis.errors import BadArgument, needed

logger = logging.getLogger(__name__)

USUAL_SHARE = 0.85  # of the variance, with desired=True
FEWEST_SHARE = 0.80  # below it the components say too little
WEIGHTED = "pca_weighted"


class Components(NamedTuple):
    """What turns features into components; plain numbers, so that it can be stored as JSON."""

    features: list
    means: list  # of each feature
    scales: list  # deviation of each feature, 1 for one that does not vary
    vectors: list  # of each component the weight of each feature
    shares: list  # of each component, of the variance

    @property
    def names(self):
        """The names of the components."""
        return [f"pca_{number:02}" for number in range(1, len(self.vectors) + 1)]

    def projected(self, rows, keys):
        """Return {name of a component: value} of each row. Raises BadValues."""
        columns = [detect.column(rows, keys, name) for name in self.features]
        found = []
        for values in zip(*columns):
            scaled = [
                (value - mean) / scale
                for value, mean, scale in zip(values, self.means, self.scales)
            ]
            found.append(
                {
                    name: sum(weight * value for weight, value in zip(vector, scaled))
                    for name, vector in zip(self.names, self.vectors)
                }
            )
        return found

    def ranked(self):
        """Return [(feature, weight)], falling: its weights in all components, by their shares."""
        weights = [
            sum(share * abs(vector[place]) for share, vector in zip(self.shares, self.vectors))
            for place in range(len(self.features))
        ]
        return sorted(zip(self.features, weights), key=lambda one: -one[1])


def fit(rows, keys, features, desired=True):
    """Return the Components of rows, dictionaries of numbers.

    desired: a whole number of components, a share of the variance that they must have (0 to 1), or
    True for 0.85. Warns below 0.8. Raises BadArgument, BadValues, or MissingLibrary without
    scikit-learn.
    """
    wanted = wanted_of(desired, min(len(rows), len(features)))
    numpy = needed("numpy")
    values = numpy.array([detect.column(rows, keys, name) for name in features], dtype=float).T
    scaler = needed("sklearn.preprocessing").StandardScaler().fit(values)
    model = needed("sklearn.decomposition").PCA(n_components=wanted, svd_solver="full")
    model.fit(scaler.transform(values))
    shares = [float(share) for share in numpy.nan_to_num(model.explained_variance_ratio_)]
    if sum(shares) < FEWEST_SHARE:
        logger.warning("%d components have only %.2f of the variance", len(shares), sum(shares))
    return Components(
        list(features), scaler.mean_.tolist(), scaler.scale_.tolist(),
        model.components_.tolist(), shares,
    )  # fmt: skip


def wanted_of(desired, most):
    """Return what scikit-learn takes: a number of components or a share. Raises BadArgument."""
    if desired is True:
        return USUAL_SHARE
    if isinstance(desired, float) and 0 < desired < 1:
        return desired
    if isinstance(desired, int) and 0 < desired <= most:
        return desired
    raise BadArgument(f"pca={desired!r}: True, a number from 1 to {most}, or a share below 1")


def weighted(counts, components):
    """Return of each row its counts by components, weighted by their variances: a component with
    twice the variance of the least counts twice."""
    least = min((share for share in components.shares if share > 0), default=1)
    weights = [share / least for share in components.shares]
    rows = zip(*(counts[name] for name in components.names))
    return [round(sum(w * count for w, count in zip(weights, row)), 3) for row in rows]
