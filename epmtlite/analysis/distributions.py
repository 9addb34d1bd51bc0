"""How numbers are distributed: normally, evenly, around several modes."""

from epmtlite.analysis import scores
from epmtlite.analysis.errors import BadArgument, needed

SIGNIFICANCE = 0.05
FEWEST_FOR_SKEW = 20  # D'Agostino's test wants more
NORMAL, UNIFORM = "norm", "uniform"
MOST_MODES = 10
# A silhouette above it is that of clusters that are really apart (Kaufman and Rousseeuw, 1990).
STRONG = 0.7


def check_dist(data, dist=NORMAL, alpha=SIGNIFICANCE):
    """Return {test: (p-value, whether it allows the distribution)} of numbers.

    dist: norm (Shapiro-Wilk, Kolmogorov-Smirnov, and D'Agostino for more than 20 numbers), or
    uniform (Kolmogorov-Smirnov). Raises BadArgument for fewer than three numbers or another
    distribution, BadValues, MissingLibrary without scipy.
    """
    values = scores.finite(data)
    if len(values) < 3 or dist not in (NORMAL, UNIFORM):
        raise BadArgument(f"{len(values)} numbers, dist={dist!r}: at least 3, and norm or uniform")
    found = {test: float(value) for test, value in p_values(values, dist).items()}
    return {test: (round(value, 4), value > alpha) for test, value in found.items()}


def p_values(values, dist):
    """Return {test: p-value}."""
    stats = needed("scipy.stats")
    least, most = min(values), max(values)
    if least == most:  # what does not vary has no distribution
        return {"kolmogorov-smirnov": 0.0}
    numpy = needed("numpy")
    matrix = numpy.array(values, dtype=float)
    if dist == UNIFORM:
        return {
            "kolmogorov-smirnov": stats.kstest((matrix - least) / (most - least), UNIFORM).pvalue
        }
    standardized = (matrix - matrix.mean()) / matrix.std(ddof=1)
    found = {
        "shapiro-wilk": stats.shapiro(values).pvalue,
        "kolmogorov-smirnov": stats.kstest(standardized, NORMAL).pvalue,
    }
    if len(values) > FEWEST_FOR_SKEW:
        found["dagostino"] = stats.normaltest(values).pvalue
    return found


def distribution(data):
    """Return norm, uniform or unknown: the first that all tests allow. Raises as check_dist."""
    for dist in (NORMAL, UNIFORM):
        if all(is_allowed for _p_value, is_allowed in check_dist(data, dist).values()):
            return dist
    return "unknown"


def get_modes(data, max_modes=MOST_MODES):
    """Return the modes of numbers, rising: the centres of the clusters that separate them best.

    The number of clusters is that with the highest silhouette; one where none separates them.
    Raises BadArgument, BadValues, MissingLibrary without scikit-learn.
    """
    values = scores.finite(data)
    numpy, cluster = needed("numpy"), needed("sklearn.cluster")
    metrics = needed("sklearn.metrics")
    matrix = numpy.array(values, dtype=float).reshape(-1, 1)
    best, centres = STRONG, [float(matrix.mean())]
    for count in range(2, min(max_modes, len(set(values)), len(values) - 1) + 1):
        model = cluster.KMeans(n_clusters=count, n_init=10, random_state=0).fit(matrix)
        silhouette = metrics.silhouette_score(matrix, model.labels_)
        if silhouette > best + 0.01:
            best, centres = silhouette, sorted(float(one) for one in model.cluster_centers_[:, 0])
    return [round(one, 4) for one in centres]
