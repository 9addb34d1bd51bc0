"""Results as DataFrames of pandas, which is imported only then."""

import datetime

from epmtlite.analysis.errors import needed

UTC = datetime.timezone.utc


def frame(records, columns=None):
    """Return a DataFrame of dictionaries; moments of several zones become those of UTC.

    columns are its columns where there are no dictionaries. Raises MissingLibrary.
    """
    pandas = needed("pandas")
    records = list(records)
    if not records:
        return pandas.DataFrame(columns=list(columns or ()))
    keys = list(dict.fromkeys(key for record in records for key in record))
    return pandas.DataFrame(
        {key: column(pandas, [record.get(key) for record in records]) for key in keys}
    )


def column(pandas, values):
    """Return the values of a column: as they are, or moments as pandas has them."""
    first = next((value for value in values if value is not None), None)
    if not isinstance(first, datetime.datetime):
        # Else pandas makes numbers of what is None, and of integers that stand beside it.
        return values
    zones = {value.tzinfo for value in values if value is not None}
    moments = pandas.to_datetime([value and value.astimezone(UTC) for value in values], utc=True)
    return moments.tz_convert(zones.pop()) if len(zones) == 1 else moments


def table(rows, columns):
    """Return a DataFrame of {name of a row: its values}. Raises MissingLibrary."""
    pandas = needed("pandas")
    return pandas.DataFrame.from_dict(rows, orient="index", columns=list(columns))
