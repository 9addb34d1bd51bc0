"""Models of jobs in the database: made, found, changed, deleted."""

import json
import time
from typing import NamedTuple, Optional

from epmtlite import filters, selection
from epmtlite.analysis.errors import BadArgument, CannotAnalyze
from epmtlite.moments import moment_of
from epmtlite.tagtext import json_text
from usagedb import errors
from usagedb.database import in_parts, with_conflict_retries
from usagedb.dialects.base import INTEGER, SECONDS, TEXT

COLUMNS = (
    ("name", TEXT), ("created_at", SECONDS), ("updated_at", SECONDS), ("enabled", INTEGER),
    ("tags", TEXT), ("op_tags", TEXT), ("computed", TEXT), ("info_dict", TEXT),
)  # fmt: skip
JOB_COLUMNS = (("refmodel_id", INTEGER), ("job_id", INTEGER))
ACTIVE = "active_metrics"  # in info_dict: those that are used, if not all
ORDERS = ("id", "name", "created_at", "updated_at")
FILTERED = (*ORDERS, "enabled", "tags")
MOST_NAME_BYTES = 255


class MissingModel(errors.MissingInputError, KeyError):
    """A model that is not in the database."""

    def __str__(self):
        return str(self.args[0])


class Model(NamedTuple):
    """A model of jobs, or of operations of jobs."""

    id: int
    name: str
    created_at: float  # seconds since the epoch
    updated_at: float
    enabled: bool
    tags: dict
    op_tags: list  # of dictionaries; []: it is of whole jobs
    computed: dict
    info_dict: dict
    jobs: tuple = ()  # ids, or cluster/id

    def parameters(self, tag=None):
        """Return {method: {feature: [highest, first, second]}} of whole jobs, or of the operation
        of a tag; None if it has none of that."""
        if not self.op_tags:
            return self.computed if tag is None else None
        return self.computed.get(key_of(tag)) if tag is not None else None

    def parts(self):
        """Return what was computed of whole jobs, or of each operation."""
        return list(self.computed.values()) if self.op_tags else [self.computed]

    def methods(self):
        """Return the names of the methods that it was made with, in order."""
        return list(dict.fromkeys(name for part in self.parts() for name in part))

    def metrics(self):
        """Return the set of all features that it has; the features of a method that judges all at
        once are joined by commas there."""
        names = (name for part in self.parts() for method in part.values() for name in method)
        return {one for name in names for one in name.split(",")}

    def judges_together(self):
        """Tell whether its methods judge several features at once."""
        names = (name for part in self.parts() for method in part.values() for name in method)
        return any("," in name for name in names)

    def active_metrics(self):
        """Return the set of the features that are used."""
        return set(self.info_dict.get(ACTIVE, self.metrics()))

    def as_dict(self, merge_nested_fields=True):
        """Return it as a dictionary; what was computed beside the rest, or under computed."""
        found = self._asdict()
        for key in ("created_at", "updated_at"):
            found[key] = moment_of(round(found[key] * 1e6))
        found["jobs"] = list(self.jobs)
        if merge_nested_fields:
            found.update(found.pop("computed"))
        return found


class ModelFilter(NamedTuple):
    """Conditions that all have to be met; what is None is none."""

    name: Optional[str] = None
    tags: Optional[tuple] = None  # as in selection.JobFilter
    exact_tag_only: bool = False
    fltr: Optional[filters.Filter] = None  # over FILTERED
    before: Optional[int] = None  # made until then, microseconds since the epoch
    after: Optional[int] = None  # made since then
    order: str = "id"
    limit: Optional[int] = None


def key_of(tag):
    """Return the key of an operation in Model.computed."""
    return json.dumps(tag, sort_keys=True)


def create(database, jobs, computed, name=None, tags=None, op_tags=(), info=None, enabled=True):
    """Store a model of some selection.Jobs and return its id. Commits.

    Without a name it gets one of the time. Raises BadArgument if a model has that name or none can
    have it, and MissingInputError if a job was deleted meanwhile.
    """
    now = round(time.time(), 6)
    name = name or moment_of(round(now * 1e6)).strftime("model-%Y%m%d-%H%M%S-%f")
    if not name.isprintable():
        raise BadArgument(f"{name!r}: the name of a model is of characters that can be printed")
    if name.isdigit():
        raise BadArgument(f"{name}: the name of a model is no number, as its id is one")
    if len(name.encode()) > MOST_NAME_BYTES:
        raise BadArgument(f"the name of a model has at most {MOST_NAME_BYTES} bytes")
    row = (
        name, now, now, int(enabled), json_text(tags or {}), json_text(list(op_tags)),
        json_text(computed), json_text(info or {}),
    )  # fmt: skip

    def once():
        with database.transaction():
            if number_of(database, name) is not None:
                raise BadArgument(f"there is a model {name} already")
            database.insert_rows("epmt_refmodel", COLUMNS, [row])
            number = number_of(database, name)
            database.insert_rows(
                "epmt_refmodel_job", JOB_COLUMNS, [(number, job.number) for job in jobs]
            )
            there = in_parts(
                database, "SELECT id FROM epmt_job WHERE id IN ({})", [job.number for job in jobs]
            )
            if len(list(there)) < len(jobs):
                raise errors.MissingInputError("a job of the model was deleted meanwhile")
            return number

    return with_conflict_retries(once)


def number_of(database, name):
    """Return the id of the model of a name, None if there is none. Read-only."""
    found = database.rows("SELECT id FROM epmt_refmodel WHERE name = ?", (name,))
    return found[0][0] if found else None


def find(database, wanted=ModelFilter()):  # noqa: B008 - it cannot be changed
    """Return the Models that meet a ModelFilter, in its order. Read-only.

    Raises UsageError for an unknown order, BadArgument for an unknown name in a condition.
    """
    from epmtlite.ordering import order_sql

    if wanted.name is not None and not wanted.name.isprintable():
        return []  # no model has it, and not all databases take it
    if not database.dialect.has_table(database, "epmt_refmodel"):
        return []  # tables of an older release, which may be read
    conditions, values = ["1 = 1"], []
    for condition, value in (
        ("name = ?", wanted.name),
        ("created_at <= ?", wanted.before and wanted.before / 1e6),
        ("created_at >= ?", wanted.after and wanted.after / 1e6),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    sql = (
        f"SELECT id, {', '.join(name for name, _kind in COLUMNS)} FROM epmt_refmodel"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} ORDER BY {order_sql(database, wanted.order, ORDERS)}"
    )
    models = [model_of(row) for row in database.rows(sql, values)]
    if wanted.tags is not None:
        models = [
            one
            for one in models
            if selection.fits_one(one.tags, wanted.tags, wanted.exact_tag_only)
        ]
    if wanted.fltr:
        models = filtered(models, wanted.fltr)
    return with_jobs(database, models[: wanted.limit])


def model_of(row):
    """Return the Model of a row."""
    number, name, created_at, updated_at, enabled, *texts = row
    tags, op_tags, computed, info = map(json.loads, texts)
    return Model(number, name, created_at, updated_at, bool(enabled), tags, op_tags, computed, info)


def filtered(models, fltr):
    """Return the models that meet a filters.Filter. Raises BadArgument for an unknown name."""
    unknown = sorted(fltr.columns() - set(FILTERED))
    if unknown:
        raise BadArgument(f"{unknown[0]} is nothing of models; use {', '.join(FILTERED)}")
    found = []
    for model in models:
        known = {**model._asdict(), "enabled": int(model.enabled)}
        known["created_at"], known["updated_at"] = model.created_at * 1e6, model.updated_at * 1e6
        row = {
            name: known[name.column] if name.key is None else known[name.column].get(name.key)
            for name in fltr.names
        }
        if fltr.accepts(row):
            found.append(model)
    return found


def with_jobs(database, models):
    """Return the models with the names of their jobs. Read-only."""
    sql = (
        "SELECT m.refmodel_id, j.cluster, j.jobid FROM epmt_refmodel_job m"
        " JOIN epmt_job j ON j.id = m.job_id WHERE m.refmodel_id IN ({})"
    )
    names: dict = {}
    for number, cluster, jobid in in_parts(database, sql, [model.id for model in models]):
        names.setdefault(number, []).append(f"{cluster}/{jobid}" if cluster else jobid)
    return [model._replace(jobs=tuple(sorted(names.get(model.id, ())))) for model in models]


def the_model(database, model):
    """Return the Model of a number, a name, or of its dictionary. Read-only.

    Raises MissingModel if it is not there.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, dict):
        model = model.get("id")
    found = [one for one in find(database) if model in (one.id, str(one.id))]
    found = found or find(database, ModelFilter(name=str(model)))
    if not found:
        raise MissingModel(f"there is no model {model}: see epmt list refmodels")
    return found[0]


def usable_model(database, model):
    """Return the_model. Raises CannotAnalyze if it is disabled."""
    found = the_model(database, model)
    if not found.enabled:
        raise CannotAnalyze(f"model {found.name} is disabled: epmt refmodel enable {found.name}")
    return found


def set_enabled(database, model, enabled):
    """Say whether a model is used. Commits. Raises MissingModel."""
    number = the_model(database, model).id
    sql = "UPDATE epmt_refmodel SET enabled = ?, updated_at = ? WHERE id = ?"
    values = (int(enabled), round(time.time(), 6), number)
    with_conflict_retries(lambda: database.execute(sql, values))


def set_active_metrics(database, model, metrics):
    """Say which features of a model are used, and return them in order; none: all. Commits.

    Raises MissingModel, or BadArgument for a feature that it has not got, and for some of those
    that are judged at once without the others.
    """
    found = the_model(database, model)
    unknown = sorted(set(metrics) - found.metrics())
    if unknown:
        raise BadArgument(
            f"model {found.name} has no {unknown[0]}; it has {', '.join(sorted(found.metrics()))}"
        )
    if metrics and found.judges_together() and set(metrics) != found.metrics():
        raise BadArgument(
            f"model {found.name} judges all of its features at once: make one of fewer features"
        )
    info = {key: value for key, value in found.info_dict.items() if key != ACTIVE}
    if metrics:
        info[ACTIVE] = sorted(set(metrics))
    sql = "UPDATE epmt_refmodel SET info_dict = ?, updated_at = ? WHERE id = ?"
    values = (json_text(info), round(time.time(), 6), found.id)
    with_conflict_retries(lambda: database.execute(sql, values))
    return info.get(ACTIVE, sorted(found.metrics()))


def delete(database, numbers):
    """Delete the models of these ids; return how many were there. Commits."""

    def once():
        count = 0
        with database.transaction():
            for number in numbers:
                database.execute("DELETE FROM epmt_refmodel_job WHERE refmodel_id = ?", (number,))
                count += database.execute("DELETE FROM epmt_refmodel WHERE id = ?", (number,))
        return count

    return with_conflict_retries(once)


def jobs_of(database, model):
    """Return the selection.Jobs that a Model was made of. Read-only."""
    sql = "SELECT job_id FROM epmt_refmodel_job WHERE refmodel_id = ? ORDER BY job_id"
    numbers = [row[0] for row in database.rows(sql, (model.id,))]
    jobs_sql = database.dialect.in_quotes(selection.JOB_SQL + " WHERE id IN ({})")
    return [selection.Job(*row) for row in in_parts(database, jobs_sql, numbers)]


def numbers_by_job(database, jobs, without=()):
    """Return {number of a job: numbers of the models that were made of it}, without some models.
    Read-only."""
    sql = "SELECT job_id, refmodel_id FROM epmt_refmodel_job WHERE job_id IN ({})"
    found: dict = {}
    for job_number, number in in_parts(database, sql, [job.number for job in jobs]):
        if number not in without:
            found.setdefault(job_number, []).append(number)
    return found
