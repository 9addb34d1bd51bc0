"""Prepare runs for the reports: the numbers of their programs, names and sets of libraries.

What other programs store has none; what changes a run's names takes them away.
"""

from usagedb.database import in_parts, with_conflict_retries
from xaltload import keys
from xaltload.bulk import update
from xaltload.rows import FACT_SOURCES, make_facts
from xaltload.runs import FACT_COLUMNS
from xaltload.store import Dimensions

RUNS_PER_STEP = 1000


def find_facts(database):
    """Find what the reports read of all runs that lack it; return how many. Commits."""
    dimensions, found = Dimensions(), 0
    key_of_object: dict = {}
    names = database.dialect.quote_all(FACT_SOURCES)
    sql = f"SELECT run_id, {names} FROM xalt_run WHERE cluster_id IS NULL LIMIT {RUNS_PER_STEP}"  # noqa: S608
    while True:
        rows = database.rows(sql)
        if not rows:
            return found
        facts_of = {row[0]: make_facts(*row[1:]) for row in rows}
        sets = sets_of(database, dimensions, key_of_object, list(facts_of))
        numbers = with_conflict_retries(
            lambda rows=facts_of: dimensions.facts(database, rows.values())
        )
        values_of = {run_id: (sets[run_id], *numbers[facts]) for run_id, facts in facts_of.items()}

        def step(values_of=values_of):
            with database.transaction():
                for place, (column, _kind) in enumerate(FACT_COLUMNS):
                    one = {run_id: values[place] for run_id, values in values_of.items()}
                    update(database, "xalt_run", "run_id", column, one, only_empty=False)

        with_conflict_retries(step)
        found += len(rows)


def sets_of(database, dimensions, key_of_object, run_ids):
    """Return {run_id: set_id}; makes the sets that are missing. Commits."""
    objects_of: dict = {run_id: set() for run_id in run_ids}
    sql = "SELECT run_id, obj_id FROM join_run_object WHERE run_id IN ({})"
    for run_id, obj_id in in_parts(database, sql, run_ids):
        objects_of[run_id].add(obj_id)
    missing = {obj_id for obj_ids in objects_of.values() for obj_id in obj_ids}
    missing -= set(key_of_object)
    sql = "SELECT obj_id, obj_key FROM xalt_object WHERE obj_id IN ({})"
    for obj_id, key in in_parts(database, sql, sorted(missing)):
        key_of_object[obj_id] = bytes(key)
    members = {
        run_id: frozenset(obj_id for obj_id in obj_ids if obj_id in key_of_object)
        for run_id, obj_ids in objects_of.items()
    }
    key_of_set = {
        objects: keys.set_key(key_of_object[obj_id] for obj_id in objects)
        for objects in set(members.values())
        if objects
    }
    number_of = with_conflict_retries(
        lambda: dimensions.make_sets(
            database, {key: sorted(objects) for objects, key in key_of_set.items()}
        )
    )
    return {
        run_id: number_of[key_of_set[objects]] if objects else 0
        for run_id, objects in members.items()
    }
