"""Features of jobs: combined, ranked, how they are distributed, drawn."""

from epmtlite.analysis import components, detect, distributions
from epmtlite.analysis.errors import BadArgument
from epmtlite.outliers import job_table
from epmtlite.query import arguments, frames, session


def rows_of(df):
    """Return the rows of a DataFrame, or a list of dictionaries. Raises BadArgument for none."""
    rows = df.to_dict("records") if hasattr(df, "to_dict") else list(df)
    if not rows:
        raise BadArgument("there are no rows")
    return rows


def sanitize_features(f, df, model=None):
    """Return those of some features that are numbers in all rows, in order; of a model, its own.

    f: names; [] or '*': all that are not in outlier_features_blacklist of the settings. df: a
    DataFrame, or a list of dictionaries. model: the dictionary of a model, or its id. Raises
    BadArgument if nothing is left.
    """
    settings, rows = session.settings(), rows_of(df)
    numbers = [
        name
        for name in detect.common_numbers(rows)
        if name not in settings.outlier_features_blacklist
    ]
    active = None
    if model is not None:
        from epmtlite import refmodels

        active = refmodels.the_model(session.current(), model).active_metrics()
    wanted = numbers if not f or f == detect.ALL else [name for name in f if name in numbers]
    return detect.chosen_features(rows, wanted, (), (), active)


def pca_feature_combine(inp_df, inp_features=None, desired=2, retain_features=False):
    """Return (a DataFrame with columns pca_01 and so on, their shares of the variance): features
    combined to fewer, and the other columns as they were.

    inp_features: by default all numbers. desired: how many components, or what share of the
    variance. retain_features: keep the features, too. Raises BadArgument, BadValues,
    MissingLibrary.
    """
    rows = rows_of(inp_df)
    features = sanitize_features(inp_features, rows)
    keys = range(len(rows))
    fitted = components.fit(rows, keys, features, desired)
    kept = [key for key in rows[0] if retain_features or key not in features]
    combined = [
        {**{key: row.get(key) for key in kept}, **more}
        for row, more in zip(rows, fitted.projected(rows, keys))
    ]
    return frames.frame(combined), fitted.shares


def pca_feature_rank(jobs, inp_features=None):
    """Return (a DataFrame of the weight of each feature in each component, [(feature, weight)] with
    the highest weight first) of jobs. Read-only.

    A weight is that of a feature in all components, by their shares of the variance. Raises what
    detect_outlier_jobs raises.
    """
    database = session.current()
    rows, keys = job_table(database, arguments.chosen_jobs(database, jobs))
    fitted = components.fit(rows, keys, sanitize_features(inp_features, rows), 0.9999)
    table = frames.table(dict(zip(fitted.names, fitted.vectors)), fitted.features)
    return table, fitted.ranked()


def get_feature_distributions(jobs, features=None):
    """Return {feature: norm, uniform or unknown} of jobs: the first that statistical tests allow.

    features: as in detect_outlier_jobs. Read-only. Raises what check_dist raises.
    """
    database = session.current()
    rows, keys = job_table(database, arguments.chosen_jobs(database, jobs))
    names = detect.chosen_features(rows, features, session.settings().outlier_features)
    return {name: distributions.distribution(detect.column(rows, keys, name)) for name in names}


def feature_scatter_plot(jobs, features=None, outfile="", annotate=False):
    """Write a picture, PNG or SVG by its name, of jobs as points, by two features or, of more, by
    their first two principal components; return the name of the file.

    features: as in detect_outlier_jobs. outfile: by default scatter.png. annotate: with the ids
    beside the points. Read-only. Raises what detect_outlier_jobs raises, WriteError.
    """
    from usagedb.plot import write_scatter_plot

    database = session.current()
    rows, keys = job_table(database, arguments.chosen_jobs(database, jobs))
    names = detect.chosen_features(rows, features, session.settings().outlier_features)
    if len(names) > 2:
        fitted = components.fit(rows, keys, names, 2)
        rows, names = fitted.projected(rows, keys), fitted.names
    if len(names) < 2:
        raise BadArgument("a scatter plot needs at least two features")
    points = [(row[names[0]], row[names[1]]) for row in rows]
    outfile = outfile or "scatter.png"
    write_scatter_plot(outfile, points, keys if annotate else None, names, "jobs")
    return outfile
