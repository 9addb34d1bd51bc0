"""What of a row differs most from reference rows: where the cause of its being an outlier is."""

import math
import statistics
from typing import NamedTuple

from epmtlite.analysis import detect, scores, univariate

DESCRIBED = ("count", "mean", "std", "min", "25%", "50%", "75%", "max")


class Causes(NamedTuple):
    """What is known of each feature, and which differ most."""

    features: list
    rows: dict  # name of a row -> value by each feature
    ranked: list  # (feature, ratio of the score to the highest of the reference rows), falling


def causes(references, row, features, methods=("modified_z_score",)):
    """Return the Causes by which a row differs from reference rows, dictionaries of numbers.

    The rows are what describes the reference values, the input, and by each method the highest
    score among the references, the score of the input, and the ratio of these; ranked is by the sum
    of the ratios. Raises BadValues or BadArgument.
    """
    table: dict = {name: [] for name in (*DESCRIBED, "input")}
    totals = dict.fromkeys(features, 0.0)
    for feature in features:
        values = detect.column(references, range(len(references)), feature)
        (given,) = detect.column([row], ["the input"], feature)
        for name, value in zip(DESCRIBED, description(values)):
            table[name].append(value)
        table["input"].append(given)
        for method in methods:
            scorer = univariate.scorer(method)
            reference = scorer(values)
            score = scorer([given], reference.params).scores[0]
            ratio = ratio_of(score, reference.highest)
            name = scorer.__name__
            for key, value in (("ref_max_", reference.highest), ("", score), ("_ratio", ratio)):
                row_name = name + key if key == "_ratio" else key + name
                table.setdefault(row_name, []).append(value)
            totals[feature] += ratio
    ranked = sorted(totals.items(), key=lambda one: -one[1])
    return Causes(list(features), table, ranked)


def told(found, most):
    """Return texts about the features of Causes that differ most from the references: how many
    times their median the input is. Those that never differ among these come last."""
    ranked = [(name, ratio) for name, ratio in found.ranked if ratio > 1]
    ranked.sort(key=lambda one: math.isinf(one[1]))
    texts = []
    for name, _ratio in ranked[:most]:
        place = found.features.index(name)
        given, usual = found.rows["input"][place], found.rows["50%"][place]
        times = f"{given / usual:.2f} times the usual" if usual else f"{given:g}, usually 0"
        texts.append(f"{name} {times}")
    return texts


def description(values):
    """Return the values of DESCRIBED; the deviation is that of a sample."""
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    quartiles = [scores.quantile(values, part) for part in (0.25, 0.5, 0.75)]
    mean = math.fsum(values) / len(values)
    return [len(values), mean, deviation, min(values), *quartiles, max(values)]


def ratio_of(score, highest):
    """Return how many times as high a score is; 0 for no score, infinity where others had none."""
    if not score:
        return 0.0
    if score == highest:  # both may be infinite
        return 1.0
    return score / highest if highest else math.inf
