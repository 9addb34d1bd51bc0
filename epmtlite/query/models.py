"""Reference models: what jobs that are as they should be look like."""

import json

from epmtlite import outliers
from epmtlite import refmodels as store
from epmtlite.analysis.errors import CannotAnalyze
from epmtlite.outliers import Wanted
from epmtlite.query import arguments, frames, session
from epmtlite.query.operations import texts_of
from epmtlite.query.outliers import check_kinds
from epmtlite.refmodels import ModelFilter

FEWEST_JOBS = 3


def create_refmodel(
    jobs, name=None, tag=None, op_tags=None, methods=None, features=None, exact_tag_only=False,
    fmt="dict", sanity_check=True, enabled=True, pca=False,
):  # fmt: skip
    """Make a model of at least three jobs, and return it. Commits.

    tag: tags of the model, a text or a dictionary. op_tags: of which operations it is, texts or
    dictionaries, or '*' for those of all tags that the processes of the jobs have; none: of whole
    jobs. methods, features: as in detect_outlier_jobs. exact_tag_only: the processes of the
    operations have no other tags. sanity_check: warn if the jobs differ in what they are. pca: as
    in detect_outlier_jobs. fmt: dict, pandas, or terse (its id).

    Raises CannotAnalyze (a RuntimeError) for fewer jobs, MissingJob, BadArgument (a ValueError),
    also if a model has that name, or BadValues.
    """
    arguments.checked_form(fmt)
    database = session.current()
    found = arguments.chosen_jobs(database, jobs)
    if len(found) < FEWEST_JOBS:
        raise CannotAnalyze(f"a model needs at least {FEWEST_JOBS} jobs")
    check_kinds(found, sanity_check)
    wanted = Wanted(database, session.settings(), found, features, methods, pca=pca)
    if op_tags:
        tags = () if op_tags == "*" else texts_of(op_tags)
        computed, info = outliers.learn_ops(wanted, tags, exact_tag_only), {}
        tags_of_ops = [json.loads(tag) for tag in computed]
    else:
        (computed, info), tags_of_ops = outliers.learn_jobs(wanted), []
    number = store.create(
        database, found, computed, name, arguments.one_tag(tag or {}), tags_of_ops, info, enabled
    )
    model = store.the_model(database, number)
    return shown([model], fmt)[0] if fmt != "pandas" else shown([model], fmt)


def shown(models, fmt, merge_nested_fields=True):
    """Return models in a form."""
    if fmt == "terse":
        return [model.id for model in models]
    records = [model.as_dict(merge_nested_fields) for model in models]
    return frames.frame(records, ("id", "name")) if fmt == "pandas" else records


def get_refmodels(
    name=None, tag=None, fltr=None, limit=0, order=None, before=None, after=None,
    exact_tag_only=False, merge_nested_fields=True, fmt="dict",
):  # fmt: skip
    """Return the models that meet all conditions; without any, all models. Read-only.

    tag: as tags in get_jobs. fltr: a condition as in epmtlite/filters.py over id, name, created_at,
    updated_at, enabled, tags. order: one of the first four, with a - before it the other way round.
    before, after: made until, or since, a moment. merge_nested_fields: what was computed stands
    beside the rest, else under computed. fmt: dict, pandas or terse (ids). Raises BadArgument.
    """
    arguments.checked_form(fmt)
    wanted = ModelFilter(
        name=name, tags=arguments.tag_alternatives(tag), exact_tag_only=exact_tag_only,
        fltr=arguments.condition(fltr), before=arguments.moment(before),
        after=arguments.moment(after), order=arguments.order_of(order, store.ORDERS, "id"),
        limit=arguments.count_of("limit", limit) or None,
    )  # fmt: skip
    return shown(store.find(session.current(), wanted), fmt, merge_nested_fields)


def delete_refmodels(*ref_ids):
    """Delete models, by their ids or names, and return how many were there. Commits."""
    database = session.current()
    known = {key: one.id for one in store.find(database) for key in (one.id, str(one.id), one.name)}
    return store.delete(database, sorted({known[one] for one in ref_ids if one in known}))


def refmodel_set_enabled(ref_id, enabled=False):
    """Say whether a model is used, and return it. Commits. Raises MissingModel (a KeyError)."""
    database = session.current()
    store.set_enabled(database, ref_id, enabled)
    return store.the_model(database, ref_id).as_dict()


def refmodel_is_enabled(ref_id):
    """Tell whether a model is used. Read-only. Raises MissingModel (a KeyError)."""
    return store.the_model(session.current(), ref_id).enabled


def refmodel_get_metrics(model, active_only=False):
    """Return the set of the features of a model, or of those that are used. Read-only.

    Raises MissingModel (a KeyError).
    """
    found = store.the_model(session.current(), model)
    return found.active_metrics() if active_only else found.metrics()


def refmodel_set_active_metrics(ref_id, metrics):
    """Say which features of a model are used, and return them; none: all. Commits.

    Raises MissingModel (a KeyError), or BadArgument for one that it has not got.
    """
    return store.set_active_metrics(session.current(), ref_id, metrics)
