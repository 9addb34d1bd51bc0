"""How numbers are distributed: normally or evenly."""

from epmtlite.analysis import scores
from epmtlite.analysis.errors import BadArgument, needed

SIGNIFICANCE = 0.05
FEWEST_FOR_SKEW = 20  # D'Agostino's test wants more
NORMAL, UNIFORM = "norm", "uniform"


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
