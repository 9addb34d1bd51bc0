"""People's data in the tables of EPMT: exported, renamed, removed."""

import contextlib
import functools
import json

from epmtlite import deletion, partial
from epmtlite.refmodels import key_of
from epmtlite.schema import EPMT
from epmtlite.selection import Job
from epmtlite.tagtext import json_text
from usagedb.database import execute, in_transaction, marks
from usagedb.dates import iso_microseconds, iso_time
from usagedb.locks import only_one
from usagedb.mentions import TEXT, Mentions, naming_rows, sweep
from usagedb.person import (
    CHANGED,
    REMOVED,
    ROWS_PER_STEP,
    PersonalData,
    opened_database,
    records,
)

JOB_COLUMNS = (
    "id", "cluster", "jobid", "created_at", "updated_at", "jobname", "zone", "start", "end",
    "submit", "duration", "exitcode", "num_procs", "num_threads", "cpu_time", "peak_rss",
    "proc_sums", "tags", "annotations", "analyses", "info_dict", "env_dict", "env_changes_dict",
)  # fmt: skip
JSON_COLUMNS = (
    "proc_sums", "tags", "annotations", "analyses", "info_dict", "env_dict", "env_changes_dict",
)  # fmt: skip
PROCESS_COLUMNS = (
    "id", "exename", "path", "args", "pid", "gen", "ppid", "pgid", "sid", "exitcode", "exitsignal",
    "start", "end", "duration", "cpu_time", "peak_rss", "numtids", "threads",
)  # fmt: skip
# What a job says that is the person's alone; the metrics are what statistics need.
PERSONAL_JSON = ("tags", "annotations", "analyses", "env_dict", "env_changes_dict")
PROCESS_TEXTS = ("exename", "path", "args")
OWN_JOB = (
    "{} IN (SELECT j.id FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id WHERE u.name = ?)"
)
JOBS_OF_OTHERS = Mentions(
    "epmt_job", "id", tuple((name, TEXT) for name in ("jobname", *PERSONAL_JSON, "info_dict")),
    json_columns=(*PERSONAL_JSON, "info_dict"), unless=OWN_JOB.format("id"),
    changed_at="updated_at", dated=("annotations",),  # which late_notes compares with the files
)  # fmt: skip
PROCESSES_OF_OTHERS = Mentions(
    "epmt_process", "id", tuple((name, TEXT) for name in PROCESS_TEXTS),
    unless=OWN_JOB.format("job_id"),
)  # fmt: skip
TAGS_OF_OTHERS = Mentions(
    "epmt_process_tags", "job_id, number", (("tags", TEXT),), json_columns=("tags",),
    unless=OWN_JOB.format("job_id"),
)  # fmt: skip


def by_tags(computed):
    """Return what a model computed with the tags of operations as plain data, JSON in and out.

    Their keys are JSON within JSON (refmodels.key_of), which is to change as the tags do.
    """
    pairs = json.loads(computed).items()
    return json.dumps([[json.loads(key) if key[:1] == "{" else key, one] for key, one in pairs])


def by_keys(_before, computed):
    """Return the same in the form in which it is stored."""
    pairs = json.loads(computed)
    return json_text({tag if isinstance(tag, str) else key_of(tag): one for tag, one in pairs})


MODELS = Mentions(
    "epmt_refmodel", "id", tuple((name, TEXT) for name in ("name", "tags", "op_tags", "info_dict")),
    packed=(("computed", by_tags, by_keys),), json_columns=("tags", "op_tags", "info_dict"),
    changed_at="updated_at", unique="name",
)  # fmt: skip


@contextlib.contextmanager
def opened(places):
    """Give the block the Database, None if there is none. In a block that writes no large job is
    being stored."""
    from epmtlite.collect import settings
    from epmtlite.connection import database_config

    config = database_config(settings.load(), places.conf_path)
    with opened_database(places, EPMT, config) as database:
        if database is None or not places.to_write:
            yield database
            return
        with only_one(database, partial.LOCK, places.wait_seconds):
            partial.remove_all(database)
            yield database


def user_of(database, name):
    """Return the number of a user, None if there is none. Read-only."""
    found = database.rows("SELECT id FROM epmt_user WHERE name = ?", (name,))
    return found[0][0] if found else None


def jobs_of(database, user_id):
    """Yield lists of the numbers of a user's jobs, some at a time. Read-only."""
    sql = f"SELECT id FROM epmt_job WHERE user_id = ? AND id > ? ORDER BY id LIMIT {ROWS_PER_STEP}"  # noqa: S608
    last = -1
    while True:
        found = [row[0] for row in database.rows(sql, (user_id, last))]
        if not found:
            return
        yield found
        last = found[-1]


def export(database, renaming):
    """Yield (table, row) of all that is stored about a person. Read-only."""
    user_id = user_of(database, renaming.name)
    if user_id is not None:
        sql = "SELECT name, created_at FROM epmt_user WHERE id = ?"
        for name, created_at in database.rows(sql, (user_id,)):
            yield "epmt_user", {"name": name, "created_at": iso_time(created_at)}
        for numbers in jobs_of(database, user_id):
            for number in numbers:
                yield "epmt_job", job_row(database, number)
        for numbers in jobs_of(database, user_id):
            for number in numbers:
                for row in processes(database, number):
                    yield "epmt_process", row
    for row in naming_rows(database, MODELS, renaming):
        yield "epmt_refmodel", row


def job_row(database, number):
    """Return a job with its hosts. Read-only."""
    names = database.dialect.quote_all(JOB_COLUMNS)
    found = database.rows(f"SELECT {names} FROM epmt_job WHERE id = ?", (number,))  # noqa: S608
    row = dict(zip(JOB_COLUMNS, found[0]))
    for column in JSON_COLUMNS:
        row[column] = json.loads(row[column])
    for column in ("start", "end", "submit"):
        row[column] = iso_microseconds(row[column])
    for column in ("created_at", "updated_at"):
        row[column] = iso_time(row[column])
    sql = (
        "SELECT h.name FROM epmt_job_host j JOIN epmt_host h ON h.id = j.host_id"
        " WHERE j.job_id = ? ORDER BY h.name"
    )
    row["hosts"] = [one[0] for one in database.rows(sql, (number,))]
    sql = "SELECT refmodel_id FROM epmt_refmodel_job WHERE job_id = ? ORDER BY 1"
    row["models"] = [one[0] for one in database.rows(sql, (number,))]
    return row


def processes(database, number):
    """Yield the processes of a job. Read-only."""
    sql = "SELECT number, tags FROM epmt_process_tags WHERE job_id = ?"
    tags = {key: json.loads(text) for key, text in database.rows(sql, (number,))}
    sql = "SELECT number, names FROM epmt_metric_names WHERE job_id = ?"
    metrics = dict(database.rows(sql, (number,)))
    names = ", ".join(f"p.{database.dialect.quote(name)}" for name in PROCESS_COLUMNS)
    sql = (
        f"SELECT {names}, h.name, p.tags_number, p.metrics_number FROM epmt_process p"  # noqa: S608
        " LEFT JOIN epmt_host h ON h.id = p.host_id"
        f" WHERE p.job_id = ? AND p.id > ? ORDER BY p.id LIMIT {ROWS_PER_STEP}"
    )
    last = -1
    while True:
        rows = database.rows(sql, (number, last))
        for row in records((*PROCESS_COLUMNS, "host", "tags", "metrics"), rows):
            row["start"], row["end"] = map(iso_microseconds, (row["start"], row["end"]))
            row["job_number"] = number
            row["tags"] = tags.get(row["tags"], {})
            row["metrics"] = metrics.get(row["metrics"])
            yield row
        if len(rows) < ROWS_PER_STEP:
            return
        last = rows[-1][0]


def change(database, change):
    """Rename or remove a person; see usagedb.person. Commits job by job."""
    user_id = user_of(database, change.renaming.name)
    if user_id is not None:
        for numbers in jobs_of(database, user_id):
            for number in numbers:
                (remove_job if change.removes_rows else change_job)(database, number, change)
    for mentions in (JOBS_OF_OTHERS, TAGS_OF_OTHERS, PROCESSES_OF_OTHERS, MODELS):
        sweep(database, mentions, change)
    if user_id is not None:
        change_user(database, user_id, change)


def change_user(database, user_id, change):
    """Rename or remove the name; where there is a user of the new one, the two become one."""
    change.count("epmt_user", REMOVED if change.removes_rows else CHANGED, 1)
    if change.dry_run:
        return
    if change.removes_rows:
        execute(database, "DELETE FROM epmt_user WHERE id = ?", (user_id,))
        return
    holder = user_of(database, change.renaming.new)
    if holder is None:
        sql = "UPDATE epmt_user SET name = ? WHERE id = ?"
        execute(database, sql, (change.renaming.new, user_id))
        return
    sql = "UPDATE epmt_job SET user_id = ? WHERE id IN ({})"
    for numbers in jobs_of(database, user_id):
        give = functools.partial(database.execute, sql.format(marks(numbers)), (holder, *numbers))
        in_transaction(database, give)
    execute(database, "DELETE FROM epmt_user WHERE id = ?", (user_id,))


def remove_job(database, number, change):
    """Remove a job with all that is its; models that were made of it forget it."""
    sql = "SELECT COUNT(*) FROM {} WHERE job_id = ?"
    tables = ("epmt_process", *partial.SMALL_TABLES, "epmt_refmodel_job")
    for table in tables:
        change.count(table, REMOVED, database.rows(sql.format(table), (number,))[0][0])
    change.count("epmt_job", REMOVED, 1)
    if change.dry_run:
        return
    columns = database.dialect.quote("end")
    sql = f"SELECT id, cluster, jobid, start, {columns}, num_procs FROM epmt_job WHERE id = ?"  # noqa: S608
    rows = database.rows(sql, (number,))
    sql = "DELETE FROM epmt_refmodel_job WHERE job_id = ?"
    in_transaction(database, lambda: database.execute(sql, (number,)))
    deletion.delete_jobs(database, [Job(*row) for row in rows])


def change_job(database, number, change):
    """Take the name, or with keep_statistics all that is personal, out of a job."""
    change.count("epmt_job", CHANGED, 1)
    sql = "SELECT COUNT(*) FROM epmt_process WHERE job_id = ?"
    change.count("epmt_process", CHANGED, database.rows(sql, (number,))[0][0])
    if change.dry_run:
        return
    in_transaction(database, lambda: change_job_row(database, number, change))
    in_transaction(database, lambda: change_tags(database, number, change))
    last = -1
    while last is not None:
        last = in_transaction(
            database, lambda last=last: change_processes(database, number, last, change)
        )


def change_job_row(database, number, change):
    """Change the texts of a job, inside the caller's transaction."""
    renaming = change.renaming
    columns = ("jobname", "info_dict", *PERSONAL_JSON)
    sql = f"SELECT {', '.join(columns)} FROM epmt_job WHERE id = ?"  # noqa: S608
    jobname, info, *texts = database.rows(sql, (number,))[0]
    facts = json.loads(info)
    if change.erases:
        jobname = ""
        texts = [text if name == "analyses" else "{}" for name, text in zip(PERSONAL_JSON, texts)]
        facts["status"] = kept_status(facts.get("status"))
    values = [json_text(renaming.in_value(json.loads(text), renaming.own)) for text in texts]
    info = json_text(renaming.in_value(facts, renaming.own))
    sets = ", ".join(f"{name} = ?" for name in columns)
    sql = f"UPDATE epmt_job SET {sets} WHERE id = ?"  # noqa: S608
    database.execute(sql, (renaming.own(jobname), info, *values, number))


def kept_status(status):
    """Return how a job ended, without its script and what it printed."""
    status = status if isinstance(status, dict) else {}
    return {key: status[key] for key in ("exit_code", "exit_reason") if key in status}


def change_tags(database, number, change):
    """Change the tags of a job's processes, inside the caller's transaction."""
    if change.erases:
        sql = "UPDATE epmt_process_tags SET tags = '{}' WHERE job_id = ?"
        database.execute(sql, (number,))
        return
    sql = "SELECT number, tags FROM epmt_process_tags WHERE job_id = ?"
    update = "UPDATE epmt_process_tags SET tags = ? WHERE job_id = ? AND number = ?"
    for place, text in database.rows(sql, (number,)):
        changed = json_text(change.renaming.in_value(json.loads(text), change.renaming.own))
        if changed != text:
            database.execute(update, (changed, number, place))


def change_processes(database, number, after, change):
    """Change the next processes of a job, inside the caller's transaction; return the number of the
    last, None if there is none."""
    own = change.renaming.own
    sql = (
        f"SELECT id, {', '.join(PROCESS_TEXTS)} FROM epmt_process"  # noqa: S608
        f" WHERE job_id = ? AND id > ? ORDER BY id LIMIT {ROWS_PER_STEP}"
    )
    rows = database.rows(sql, (number, after))
    update = "UPDATE epmt_process SET exename = ?, path = ?, args = ? WHERE id = ?"
    for process_id, *texts in rows:
        changed = list(map(own, texts))
        if change.erases:
            changed[2] = ""
        if changed != texts:
            database.execute(update, (*changed, process_id))
    return rows[-1][0] if rows else None


PERSON = PersonalData("epmt", opened, export, change)
