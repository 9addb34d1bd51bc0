"""Find outliers among stored jobs and their operations, with reference models or without."""

import json
import logging
from typing import Any, NamedTuple, Optional, Union

from epmtlite import jobs as job_reader
from epmtlite import operations, refmodels
from epmtlite.analysis import components, detect, multivariate, univariate
from epmtlite.analysis.errors import BadArgument, CannotAnalyze

logger = logging.getLogger(__name__)

FEWEST_JOBS = 4  # among which outliers can be found without a model
# Of operations there is one row per job: what they cannot be compared by is what names them.
NOT_OF_OPERATIONS = ("job", "jobid", "cluster", "tags")
PCA = "pca"  # in the info_dict of a model: its components.Components


class Wanted(NamedTuple):
    """What outliers are to be found among, and how."""

    database: Any
    settings: Any
    jobs: list  # of selection.Jobs
    features: Union[list, tuple, str, None] = None
    methods: Union[list, tuple, str, None] = None
    thresholds: Optional[dict] = None
    model: Optional[refmodels.Model] = None
    pca: Union[bool, int, float] = False

    def method_names(self):
        """Return the names of the methods: those given, else those of the settings that the model
        knows, else those of the model. Raises BadArgument, also for methods of both kinds."""
        methods = self.methods or self.settings.univariate_classifiers
        if isinstance(methods, str):
            methods = [part.strip() for part in methods.split(",")]
        names = [
            multivariate.method_name(one) or univariate.scorer(one).__name__ for one in methods
        ]
        known = [] if self.model is None else self.model.methods()
        if known and not self.methods:
            names = [name for name in names if name in known] or known
        if len({name in multivariate.METHODS for name in names}) > 1:
            raise BadArgument(f"{', '.join(names)}: methods by one feature and by all do not mix")
        return names

    def is_multivariate(self):
        """Tell whether the methods judge all features at once."""
        return self.method_names()[0] in multivariate.METHODS

    def chosen_features(self, rows, excluded=()):
        """Return the features that are used of rows. Raises BadArgument."""
        return detect.chosen_features(
            rows, self.features, self.settings.outlier_features,
            (*self.settings.outlier_features_blacklist, *excluded),
            self.model and self.model.active_metrics(),
        )  # fmt: skip

    def check(self):
        """Raise CannotAnalyze if the jobs are too few."""
        if self.model is None and len(self.jobs) < FEWEST_JOBS:
            raise CannotAnalyze(
                f"{len(self.jobs)} jobs: without a model outliers are found among at least"
                f" {FEWEST_JOBS}"
            )

    def find(self, rows, keys, features, parameters):
        """Return what is detect.Found about rows."""
        thresholds = {**self.settings.outlier_thresholds, **(self.thresholds or {})}
        return detect.detect(rows, keys, features, self.method_names(), thresholds, parameters)


def job_table(database, jobs):
    """Return (dictionaries, ids) of some selection.Jobs, without those that were deleted meanwhile.

    Read-only.
    """
    names = dict(
        zip([(job.cluster, job.jobid) for job in jobs], job_reader.job_names(database, jobs))
    )
    rows = list(job_reader.job_dicts(database, jobs))
    return rows, [names[row["cluster"], row["jobid"]] for row in rows]


def outlier_jobs(wanted):
    """Return what is detect.Found about jobs. Read-only.

    With methods that judge all features at once there is one feature, the names of all joined by
    commas. Raises CannotAnalyze, BadValues or BadArgument.
    """
    rows, keys = job_table(wanted.database, wanted.jobs)
    parameters = wanted.model and model_parameters(wanted.model)
    if wanted.is_multivariate():
        found = multivariate_jobs(wanted, rows, keys)
        name = ",".join(sorted(wanted.model.metrics())) if wanted.model else ""
        return detect.Found(keys, {name: found.counts()}, {name: 0.0})
    if wanted.pca or (wanted.model and PCA in wanted.model.info_dict):
        return outlier_components(wanted, rows, keys, parameters)
    return wanted.find(rows, keys, wanted.chosen_features(rows), parameters)


def multivariate_jobs(wanted, rows, keys):
    """Return what is multivariate.Found about the rows of jobs. Raises BadArgument without a
    model: such methods always find a farthest one."""
    if wanted.model is None:
        raise BadArgument(f"{', '.join(wanted.method_names())}: such methods need a model")
    parameters = model_parameters(wanted.model)
    return multivariate.detect_with(parameters, rows, keys, wanted.method_names())


def outlier_components(wanted, rows, keys, parameters):
    """Return what is detect.Found about jobs by principal components, and by pca_weighted: the
    counts by all of them, weighted by their variances."""
    if wanted.model:
        if PCA not in wanted.model.info_dict:
            raise CannotAnalyze(f"model {wanted.model.name} was made without pca")
        fitted = components.Components(**wanted.model.info_dict[PCA])
    else:
        fitted = components.fit(rows, keys, wanted.chosen_features(rows), wanted.pca)
    found = wanted.find(fitted.projected(rows, keys), keys, fitted.names, parameters)
    found.counts[components.WEIGHTED] = components.weighted(found.counts, fitted)
    found.excess[components.WEIGHTED] = 0.0
    return found


def model_parameters(model, tag=None):
    """Return the parameters of a model for whole jobs, or the operation of a tag.

    Raises CannotAnalyze if it has none.
    """
    found = model.parameters(tag)
    if found is None:
        what = "whole jobs" if tag is None else f"the operation {refmodels.key_of(tag)}"
        raise CannotAnalyze(f"model {model.name} knows nothing about {what}")
    return found


class Operations(NamedTuple):
    """What was found about operations."""

    tags: list  # of each operation, that with the most excess first
    features: list  # the one with the most excess first
    found: list  # detect.Found of each operation

    def records(self):
        """Return a dictionary of each operation of each job: its count by each feature."""
        return [
            {"jobid": record["jobid"], "tags": tag, **record}
            for tag, found in zip(self.tags, self.found)
            for record in found.records("jobid")
        ]

    def scores(self):
        """Return a dictionary of each operation: by how much it exceeded, by each feature."""
        return [
            {"tags": refmodels.key_of(tag), **found.excess}
            for tag, found in zip(self.tags, self.found)
        ]

    def parts(self):
        """Return {tag as JSON: (set of ids that are none, set of the outliers by any feature)}."""
        parts = {
            refmodels.key_of(tag): detect.parted(found.keys, found.total_counts())
            for tag, found in zip(self.tags, self.found)
        }
        return dict(sorted(parts.items()))


def outlier_operations(wanted, tags=None, is_exact=False):
    """Return what is found about Operations. Read-only.

    tags: texts or dictionaries; by default those of the model, or all different tags of the
    processes. Raises CannotAnalyze if there are none, BadValues or BadArgument.
    """
    if wanted.is_multivariate():
        raise BadArgument("operations are judged by one feature at a time")
    if not tags and wanted.model:
        tags = wanted.model.op_tags
    results = []
    for tag, rows in operation_tables(wanted.database, wanted.jobs, tags, is_exact).items():
        if wanted.model is None and len(rows) < FEWEST_JOBS:
            logger.warning("operation %s: only %d of the jobs have it", tag, len(rows))
            continue
        parameters = wanted.model and model_parameters(wanted.model, json.loads(tag))
        features = wanted.chosen_features(rows, NOT_OF_OPERATIONS)
        keys = [row["jobid"] for row in rows]
        results.append((json.loads(tag), wanted.find(rows, keys, features, parameters)))
    if not results:
        raise CannotAnalyze("the jobs share no operation")
    results.sort(key=lambda one: -sum(one[1].excess.values()))
    return Operations(
        [tag for tag, _found in results], by_excess(results), [found for _tag, found in results]
    )


def by_excess(results):
    """Return the features of (tag, detect.Found)s, the one with the most excess first."""
    totals: dict = {}
    for _tag, found in results:
        for feature, excess in found.excess.items():
            totals[feature] = totals.get(feature, 0.0) + excess
    return sorted(totals, key=lambda feature: (-totals[feature], feature))


def operation_tables(database, jobs, tags=None, is_exact=False):
    """Return {tag as JSON: dictionaries of that operation of each job that has it}. Read-only."""
    tags = tags or job_reader.distinct_process_tags(database, jobs)
    names = dict(zip([job.number for job in jobs], job_reader.job_names(database, jobs)))
    numbers = {(job.cluster, job.jobid): job.number for job in jobs}
    found: dict = {}
    for row in operations.op_metrics(database, jobs, tags, is_exact=is_exact):
        row["jobid"] = names[numbers[row["cluster"], row["jobid"]]]
        found.setdefault(refmodels.key_of(row["tags"]), []).append(row)
    return found


def learn_jobs(wanted):
    """Return (what a model of jobs has computed, its info_dict). Read-only.

    Raises BadValues, BadArgument or CannotAnalyze.
    """
    rows, keys = job_table(wanted.database, wanted.jobs)
    features, methods = wanted.chosen_features(rows), wanted.method_names()
    if wanted.is_multivariate():
        return multivariate.model_of(rows, keys, features, methods), {}
    if not wanted.pca:
        return detect.model_of(rows, keys, features, methods), {}
    fitted = components.fit(rows, keys, features, wanted.pca)
    computed = detect.model_of(fitted.projected(rows, keys), keys, fitted.names, methods)
    return computed, {PCA: fitted._asdict()}


def learn_ops(wanted, tags=None, is_exact=False):
    """Return what a model of operations has computed. Read-only.

    Raises CannotAnalyze for an operation that not all jobs have, BadValues or BadArgument.
    """
    if wanted.is_multivariate() or wanted.pca:
        raise BadArgument("operations are judged by one feature at a time, without pca")
    computed = {}
    for tag, rows in operation_tables(wanted.database, wanted.jobs, tags, is_exact).items():
        if len(rows) < len(wanted.jobs):
            raise CannotAnalyze(f"not all of the jobs have the operation {tag}")
        features = wanted.chosen_features(rows, NOT_OF_OPERATIONS)
        keys = [row["jobid"] for row in rows]
        computed[tag] = detect.model_of(rows, keys, features, wanted.method_names())
    if not computed:
        raise CannotAnalyze("the jobs have no such operations")
    return computed
