"""How far each of some numbers lies from the others: z-score, modified z-score, and quartiles.

Each scorer returns Scores. With `params`, a triple (highest, first, second) of other Scores, the
numbers are measured with these: so a model of earlier jobs judges later ones. The figures are those
of EPMT, to the last of its four decimals. Iglewicz and Hoaglin (1993) describe the modified
z-score, Tukey (1977) the quartiles and one and a half times what lies between them.
"""

import math
import numbers
from typing import NamedTuple, Union

from epmtlite.analysis.errors import BadArgument, BadValues

DECIMALS = 4
SMALLEST = 10.0**-DECIMALS  # what the decimals can show
NORMAL = 0.6745  # makes a modified z-score as large as a z-score where values are distributed so
REACH = 1.5  # how many interquartile ranges beyond the quartiles a number may lie
SLACK = 1e-12  # by which part of itself a limit that was computed may be wrong
LARGEST = 1e150  # whose square is a number, too
Number = Union[int, float]


class Scores(NamedTuple):
    """The score of each number, and what makes the measure."""

    scores: list
    highest: Number  # of the scores
    first: float  # the middle: mean or median; for quartiles the lower one
    second: float  # the spread: deviation; for quartiles the upper one

    @property
    def params(self):
        """What other numbers can be measured with."""
        return (self.highest, self.first, self.second)


def z_score(ys, params=()):
    """Return how many standard deviations each of some numbers lies from their mean.

    The deviation is that of a population. Raises BadArgument for no numbers, BadValues for one that
    is not finite.
    """
    values = finite(ys)
    if params:
        _highest, mean, deviation = params
    else:
        exact = mean_of(values)
        squares = math.fsum((value - exact) ** 2 for value in values)
        mean = round(exact, DECIMALS)
        deviation = round(math.sqrt(squares / len(values)), DECIMALS)
    scores = [ratio(abs(value - mean), deviation) for value in values]
    return Scores(scores, max(scores), mean, deviation)


def modified_z_score(ys, params=()):
    """Return how far each of some numbers lies from their median, in median deviations.

    Where more than half of the numbers are equal the mean deviation takes the place of the median
    one. Raises what z_score raises.
    """
    values = finite(ys)
    if params:
        _highest, middle, deviation = params
    else:
        middle = median(values)
        distances = [abs(value - middle) for value in values]
        deviation = median(distances) or mean_of(distances)
    scores = [ratio(NORMAL * abs(value - middle), deviation) for value in values]
    return Scores(scores, max(scores), middle, deviation)


def iqr(ys, params=()):
    """Return 1 for each of some numbers that lies far beyond their quartiles, 0 for the others.

    The quartiles of the result are not those of the numbers, but those that would just contain them
    all: as a model they judge nothing that was seen before to be far away. Raises what z_score
    raises.
    """
    values = finite(ys)
    lower, upper = params[1:] if params else (quantile(values, 0.25), quantile(values, 0.75))
    reach = REACH * (upper - lower)
    if params:  # what these limits are made of lies on them, and must not fall off by rounding
        reach += SLACK * (abs(lower) + abs(upper))
    scores = [int(value < lower - reach or value > upper + reach) for value in values]
    least, most = min(values), max(values)
    return Scores(scores, 0, 3 * most / 8 + 5 * least / 8, 5 * most / 8 + 3 * least / 8)


def finite(ys):
    """Return some numbers as a list of floats: two that float cannot tell apart are equal.

    Raises BadArgument for none, BadValues if one is not finite.
    """
    values = list(ys)
    if not values:
        raise BadArgument("no numbers to be scored")
    for value in values:
        if not is_finite(value):
            raise BadValues(f"{value!r} is no finite number and cannot be scored")
    return [float(value) for value in values]


def mean_of(values):
    """Return the mean of some numbers: of equal ones exactly these, which a division may miss."""
    return values[0] if min(values) == max(values) else math.fsum(values) / len(values)


def is_number(value):
    """Tell whether a value is a number; True and False are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_finite(value):
    """Tell whether a value is a number that can be squared."""
    return is_number(value) and bool(abs(value) <= LARGEST)


def ratio(distance, deviation):
    """Return a rounded score; without any deviation 0 for what lies in the middle, else infinity.

    A deviation that the decimals do not show is none, nor is such a distance.
    """
    if deviation:
        return round(distance / deviation, DECIMALS)
    return 0.0 if distance < SMALLEST else math.inf


def median(values):
    """Return the middle of some numbers, that of the two middle ones where their count is even."""
    return quantile(values, 0.5)


def quantile(values, part):
    """Return the number that a part of the values, from 0 to 1, lies below; between two values by
    linear interpolation, as numpy does."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * part
    below = math.floor(place)
    low, high = ordered[below], ordered[math.ceil(place)]
    share = place - below
    if share < 0.5:
        return float(low + (high - low) * share)
    return float(high - (high - low) * (1 - share))
