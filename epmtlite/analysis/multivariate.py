"""Outliers by several features at once: methods of scikit-learn, and two small ones beside them.

Each takes a matrix of standardized values, a row of each thing, and returns a score of each row:
the higher, the farther from the others. knn: distance to the fifth nearest row. lof: local outlier
factor. mcd: Mahalanobis distance by the minimum covariance determinant. ocsvm: one-class support
vector machine. pca: distance from the mean, in deviations along each principal component. hbos:
how rare the values are in histograms of ten bins (Goldstein and Dengel, 2012). abod: how little the
angles to the other rows vary (Kriegel and others, 2008).
"""

import logging
import warnings
from typing import NamedTuple

from epmtlite.analysis import detect
from epmtlite.analysis.errors import BadArgument, CannotAnalyze, needed

logger = logging.getLogger(__name__)

NEIGHBOURS = {"knn": 5, "lof": 20, "abod": 10}  # fewer where there are fewer rows
BINS = 10
SMALLEST_DENSITY = 1e-3
FEWEST_ROWS = 3
PREFIX = "pyod.models."  # of the names that EPMT's settings have


def knn(matrix):
    """Return the distance of each row to its fifth nearest."""
    return distances(matrix, "knn")[:, -1]


def distances(matrix, method):
    """Return the distances of each row to its nearest others, a matrix."""
    neighbors = needed("sklearn.neighbors")
    model = neighbors.NearestNeighbors(n_neighbors=neighbours(matrix, method)).fit(matrix)
    return model.kneighbors()[0]


def neighbours(matrix, method):
    """Return how many neighbours a method looks at."""
    return min(NEIGHBOURS[method], len(matrix) - 1)


def lof(matrix):
    """Return the local outlier factor of each row."""
    neighbors = needed("sklearn.neighbors")
    model = neighbors.LocalOutlierFactor(n_neighbors=neighbours(matrix, "lof")).fit(matrix)
    return -model.negative_outlier_factor_


def mcd(matrix):
    """Return the robust Mahalanobis distance of each row."""
    covariance = needed("sklearn.covariance")
    return covariance.MinCovDet(random_state=0).fit(matrix).mahalanobis(matrix)


def ocsvm(matrix):
    """Return how far outside of the one class each row is."""
    return -needed("sklearn.svm").OneClassSVM().fit(matrix).score_samples(matrix)


def pca(matrix):
    """Return the squared distance of each row in deviations along the principal components."""
    numpy = needed("numpy")
    model = needed("sklearn.decomposition").PCA().fit(matrix)
    spread = model.explained_variance_
    there = spread > spread.max(initial=0) * 1e-12
    return numpy.square(model.transform(matrix)[:, there] / numpy.sqrt(spread[there])).sum(axis=1)


def hbos(matrix):
    """Return how rare the values of each row are."""
    numpy = needed("numpy")
    scores = numpy.zeros(len(matrix))
    for column in matrix.T:
        heights, edges = numpy.histogram(column, bins=BINS)
        places = numpy.clip(numpy.digitize(column, edges) - 1, 0, BINS - 1)
        scores -= numpy.log(heights[places] / heights.max() + SMALLEST_DENSITY)
    return scores


def abod(matrix):
    """Return how little the angles from each row to pairs of its neighbours vary, negated."""
    numpy = needed("numpy")
    neighbors = needed("sklearn.neighbors")
    count = max(2, neighbours(matrix, "abod"))
    model = neighbors.NearestNeighbors(n_neighbors=count).fit(matrix)
    _distances, places = model.kneighbors()
    scores = numpy.empty(len(matrix))
    pairs = numpy.triu_indices(count, 1)
    for number, (row, others) in enumerate(zip(matrix, places)):
        away = matrix[others] - row
        squares = numpy.maximum((away**2).sum(axis=1), 1e-12)
        angles = (away @ away.T) / numpy.outer(squares, squares)
        scores[number] = -angles[pairs].var()
    return scores


METHODS = {
    "abod": abod,
    "hbos": hbos,
    "knn": knn,
    "lof": lof,
    "mcd": mcd,
    "ocsvm": ocsvm,
    "pca": pca,
}


class Found(NamedTuple):
    """What was found about rows."""

    keys: list
    masks: dict  # method -> of each row, whether it is an outlier, 1 or 0

    def counts(self):
        """Return of each row how many methods call it an outlier."""
        return [sum(some) for some in zip(*self.masks.values())]


def method_name(method):
    """Return the name of a method, without what EPMT's settings have before it; None if unknown."""
    name = str(method)
    name = name[len(PREFIX) :] if name.startswith(PREFIX) else name
    return name if name in METHODS else None


def scores_of(method, rows, count=None):
    """Return the scores of rows, lists of numbers, as a list of floats.

    The first `count` rows, by default all, are those that the values are standardized with.
    Raises BadArgument for too few rows or an unknown method, MissingLibrary without scikit-learn.
    """
    if method not in METHODS:
        raise BadArgument(f"{method}: no method; there are {', '.join(METHODS)}")
    if len(rows) < FEWEST_ROWS:
        raise BadArgument(f"{len(rows)} rows: {method} needs at least {FEWEST_ROWS}")
    matrix = needed("numpy").array(rows, dtype=float)
    scaler = needed("sklearn.preprocessing").StandardScaler().fit(matrix[:count])
    return [float(score) for score in METHODS[method](scaler.transform(matrix))]


def matrix_of(rows, keys, features):
    """Return the values of rows, dictionaries, as lists. Raises BadValues."""
    return [list(some) for some in zip(*(detect.column(rows, keys, name) for name in features))]


def model_of(rows, keys, features, methods):
    """Return {method: {features joined by commas: [highest score, the values]}} of reference rows.

    A method that fails, or whose scores are not finite, is left out with a warning. Raises
    CannotAnalyze if all do, BadValues or BadArgument.
    """
    values = matrix_of(rows, keys, features)
    found = {}
    for method in methods:
        scores = tried(method, values)
        if scores:
            found[method] = {",".join(features): [max(scores), values]}
    if not found:
        raise CannotAnalyze(f"no scores by {', '.join(methods)} with these rows")
    return found


def tried(method, values, count=None):
    """Return scores_of; None, with a warning, where there are none or they are not finite."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters of them is in the scores
            scores = scores_of(method, values, count)
    except (ValueError, ArithmeticError) as error:  # of the libraries, for what they cannot do
        if isinstance(error, BadArgument):
            raise
        logger.warning("%s is left out: %s", method, error)
        return None
    if not all(map(detect.is_finite, scores)):
        logger.warning("%s is left out: its scores are not finite", method)
        return None
    return scores


def detect_with(model, rows, keys, methods):
    """Return what is Found about rows by a model as model_of makes one.

    Each row is put alone beside the rows of the model; it is an outlier if its score is above the
    highest of these. Methods that the model has not got are passed over. Raises CannotAnalyze if
    none is left, BadValues.
    """
    masks = {}
    for method in methods:
        for names, (highest, values) in model.get(method, {}).items():
            given = matrix_of(rows, keys, names.split(","))
            scores = [tried(method, [*values, row], len(values)) for row in given]
            if all(scores):
                masks[method] = [int(some[-1] > highest) for some in scores]
    if not masks:
        raise CannotAnalyze(f"the model has nothing by {', '.join(methods)}")
    return Found(list(keys), masks)
