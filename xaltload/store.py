"""Store batches of rows, each row exactly once, whatever happens in between.

There is no ledger: every row has a key of its own, so that a batch which comes a second time
changes nothing. A batch commits as a whole.
"""

import dataclasses

from usagedb.database import in_parts, with_reconnects
from usagedb.dialects.base import BYTES, DATE, INTEGER, TEXT
from usagedb.dimensions import Dimension
from xaltload import packages, runs
from xaltload.rows import LINK_COLUMNS, OBJECT_COLUMNS, PROGRAM_COLUMNS

MAX_CACHED_SETS = 200_000
OBJECT_JOIN = (("obj_id", INTEGER), ("link_id", INTEGER), ("date", DATE))
FUNCTION_JOIN = (("func_id", INTEGER), ("link_id", INTEGER), ("date", DATE))


@dataclasses.dataclass
class Batch:
    """Rows that are stored together."""

    runs: list = dataclasses.field(default_factory=list)  # RunRows
    links: list = dataclasses.field(default_factory=list)  # LinkRows
    packages: list = dataclasses.field(default_factory=list)  # PackageRows
    sets: dict = dataclasses.field(default_factory=dict)  # set_key -> values of OBJECT_COLUMNS


@dataclasses.dataclass
class Stored:
    """What became of a batch."""

    runs: int = 0  # records of runs: a start and its end are two
    links: int = 0
    packages: int = 0
    waiting: int = 0  # packages whose run has not come
    duplicates: int = 0
    durations: list = dataclasses.field(default_factory=list)  # (run_time, num_cores) of ends


class Dimensions:
    """Numbers of objects, sets of objects, names of variables and functions in one database."""

    def __init__(self):
        self.objects = Dimension("xalt_object", "obj_id", OBJECT_COLUMNS, lambda row: row)
        self.variables = name_dimension("xalt_env_name", "env_id", "env_name")
        self.functions = name_dimension("xalt_function", "func_id", "function_name")
        self.programs = Dimension("xalt_program", "program_id", PROGRAM_COLUMNS, lambda row: row)
        self.names = name_dimension("xalt_name", "name_id", "name")
        self.set_ids = Dimension(
            "xalt_object_set", "set_id", (("set_key", BYTES),), lambda key: (key,)
        )
        self._objects_of: dict = {}  # set_key -> (set_id, obj_ids)

    def sets(self, database, rows_of):
        """Return {set_key: (set_id, obj_ids)}; makes what is missing. Commits.

        rows_of maps set_key to the rows of its objects. Call it outside a transaction.
        """
        if len(self._objects_of) > MAX_CACHED_SETS:
            self._objects_of.clear()
        missing = {key: rows for key, rows in rows_of.items() if key not in self._objects_of}
        if missing:
            self._make_sets(database, missing)
        return {key: self._objects_of[key] for key in rows_of}

    def facts(self, database, facts):
        """Return {Facts: values of FACT_COLUMNS but the set}; makes names and programs. Commits."""
        distinct = set(facts)
        programs = self.programs.numbers(
            database, sorted({one.program for one in distinct}, key=key)
        )
        names = self.names.numbers(
            database, sorted({name for one in distinct for name in one[1:5]})
        )
        return {
            one: (
                programs[one.program], names[one.user], names[one.account], names[one.queue],
                names[one.cluster], one.job_number,
            )
            for one in distinct
        }  # fmt: skip

    def _make_sets(self, database, rows_of):
        distinct = {row[0]: row for rows in rows_of.values() for row in rows}
        ids = self.objects.numbers(database, distinct.values())
        number_of = {row[0]: ids[row] for row in distinct.values()}
        objects_of = {
            key: sorted(number_of[row[0]] for row in rows) for key, rows in rows_of.items()
        }
        set_ids = self.make_sets(database, objects_of)
        for key, obj_ids in objects_of.items():
            self._objects_of[key] = (set_ids[key], tuple(obj_ids))

    def make_sets(self, database, objects_of):
        """Return {set_key: set_id}; objects_of maps set_key to obj_ids. Commits."""
        set_ids = self.set_ids.numbers(database, objects_of)
        members = sorted(
            (set_ids[key], obj_id) for key, obj_ids in objects_of.items() for obj_id in obj_ids
        )
        columns = (("set_id", INTEGER), ("obj_id", INTEGER))
        with database.transaction():
            database.insert_rows("xalt_set_object", columns, members, key=("set_id", "obj_id"))
        return set_ids


def key(row):
    """Return the key of a row, which is its first column: a None further on cannot be sorted."""
    return row[0]


def name_dimension(table, id_column, name_column):
    """Return the Dimension of a table of names."""
    return Dimension(table, id_column, ((name_column, TEXT),), lambda name: (name,))


class Store:
    """Writes Batches into one database."""

    def __init__(self, database):
        self.database, self.dimensions = database, Dimensions()
        self._has_rounded_starts = runs.has_rounded_starts(database)

    def write(self, batch):
        """Commit a Batch and return what was Stored.

        Raises UnavailableError or WriteError when the database stays away: then nothing of the
        batch is stored but, perhaps, names.
        """
        return with_reconnects(self.database, lambda: self._write_once(batch))

    def _write_once(self, batch):
        parts = runs.fold(batch.runs, batch.sets)
        ids = self._look_up(batch)
        stored = Stored()
        with self.database.transaction():
            self._write_links(batch.links, ids, stored)
            new_uuids = runs.write(self.database, parts, ids, stored, self._has_rounded_starts)
            packages.write(self.database, batch.packages, new_uuids, stored)
        given = len(batch.runs) + len(batch.links) + len(batch.packages)
        stored.duplicates = given - stored.runs - stored.links - stored.packages - stored.waiting
        return stored

    def _look_up(self, batch):
        """Return the Ids that a batch needs; makes what is missing. Commits."""
        dimensions, database = self.dimensions, self.database
        variables = {name for run in batch.runs for name, _value in run.environment}
        functions = {name for link in batch.links for name in link.functions}
        return Ids(
            sets={b"": (0, ()), **dimensions.sets(database, batch.sets)},
            facts=dimensions.facts(database, (run.facts for run in batch.runs)),
            variables=dimensions.variables.numbers(database, sorted(variables)),
            functions=dimensions.functions.numbers(database, sorted(functions)),
        )

    def _write_links(self, links, ids, stored):
        distinct = {link.uuid: link for link in links}
        sql = "SELECT uuid FROM xalt_link WHERE uuid IN ({})"
        known = {row[0] for row in in_parts(self.database, sql, distinct)}
        new = sorted(link for uuid, link in distinct.items() if uuid not in known)
        self.database.insert_rows("xalt_link", LINK_COLUMNS, [link.values for link in new])
        sql = "SELECT uuid, link_id FROM xalt_link WHERE uuid IN ({})"
        number_of = dict(in_parts(self.database, sql, [link.uuid for link in new]))
        objects: list[tuple] = []
        functions: list[tuple] = []
        for link in new:
            end = (number_of[link.uuid], link.date)
            objects += ((obj_id, *end) for obj_id in ids.sets[link.set_key][1])
            functions += ((ids.functions[name], *end) for name in link.functions)
        self.database.insert_rows("join_link_object", OBJECT_JOIN, objects)
        self.database.insert_rows("join_link_function", FUNCTION_JOIN, functions)
        stored.links += len(new)


@dataclasses.dataclass(frozen=True)
class Ids:
    """The numbers of the names and sets of one batch."""

    sets: dict  # set_key -> (set_id, obj_ids)
    facts: dict  # Facts -> values of FACT_COLUMNS but the set
    variables: dict
    functions: dict
