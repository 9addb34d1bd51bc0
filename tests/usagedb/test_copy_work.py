"""Every row comes over as it is, between any two databases, and what differs is mended."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import BACKENDS, new_site
from tests.usagedb.copying import all_tables, everything, fill
from usagedb import copy_places, copy_rows, copy_work, errors, schema
from usagedb.copy_work import Copy

USERS = next(table for table in all_tables() if table.name == "lmod_user")
NAMES = next(table for table in all_tables() if table.name == "xalt_run")
TEXT_VALUES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=64
)


@pytest.fixture
def make_site(request, tmp_path):
    """A function that returns a new, empty Site on a backend."""
    count = itertools.count()

    def make(backend):
        directory = tmp_path / str(next(count))
        directory.mkdir()
        return new_site(request, backend, directory)

    return make


class Copying:
    """A copy from one Site to another, in this process."""

    def __init__(self, source, target):
        self.source_config = source.config.replaced(read_only=True, for_copy=True)
        self.target_site = target

    def run(self, settle=True):
        """Copy and compare; return the Comparisons that found a difference."""
        from usagedb.database import Database

        source = Database(self.source_config)
        schemas = copy_places.schemas_of(source)
        source.close()
        target = Database(self.target_site.config.replaced(for_copy=True))
        tables = copy_places.copied_tables(schemas)
        try:
            state = copy_places.begun_or_new(target, "source", schemas)
            work = Copy(self.source_config, target, state)
            for table in tables:
                work.copy(table)
            if not settle:
                return None
            found = work.settle(tables)
            state.end(0.0, work.stored)
            return [table.name for table, one in found.items() if one.differences]
        finally:
            target.close()


@pytest.mark.parametrize(("first", "second"), list(itertools.product(BACKENDS, repeat=2)))
def test_hard_rows_come_over_exactly(make_site, first, second, monkeypatch):
    monkeypatch.setattr(copy_rows, "ROWS_PER_BATCH", 13)
    source, target = fill(make_site(first)), make_site(second)
    wanted = everything(source)
    assert Copying(source, target).run() == []
    copied = everything(target)
    assert all(len(rows) == 40 for rows in wanted.values())
    for name, rows in wanted.items():
        assert copied[name] == rows, name
        assert list(map(repr, copied[name])) == list(map(repr, rows)), name


@settings(max_examples=25)
@given(
    texts=st.lists(TEXT_VALUES, max_size=8),
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=8, max_size=8),
    blobs=st.lists(st.binary(max_size=200), min_size=8, max_size=8),
)
def test_any_text_number_and_bytes_come_over_exactly(ring, texts, numbers, blobs):
    for site in ring:
        database = site.connect()
        database.execute("DELETE FROM join_run_env")
        database.execute("DELETE FROM xalt_name")
        database.execute("DELETE FROM xalt_rejected")
        database.close()
    database = ring[0].connect()
    tables = {table.name: table for table in all_tables()}
    names = [(number + 1, text) for number, text in enumerate(dict.fromkeys(texts))]
    database.insert_rows("xalt_name", tables["xalt_name"].for_insert, names)
    values = [(number + 1, 1, 1, "2026-01-01", blob) for number, blob in enumerate(blobs)]
    database.insert_rows("join_run_env", tables["join_run_env"].for_insert, values)
    rejects = [(bytes([number]) * 32, "", "", value, 1) for number, value in enumerate(numbers)]
    database.insert_rows("xalt_rejected", tables["xalt_rejected"].for_insert, rejects)
    database.close()
    for source, target in zip(ring, ring[1:]):
        move(source, target, ("xalt_name", "join_run_env", "xalt_rejected"))
    rows = everything(ring[-1])
    assert rows["xalt_name"] == names and rows["join_run_env"] == values
    assert rows["xalt_rejected"] == rejects


@pytest.fixture
def ring(make_site):
    """Sites on all backends and on SQLite again, with the tables of XALT."""
    return [make_site(backend).create("xalt") for backend in (*BACKENDS, "sqlite")]


def move(source, target, names):
    """Copy some tables that are empty in the target."""
    database = target.connect()
    for table in all_tables():
        if table.name in names:
            for batch in copy_rows.batches(source.config.replaced(for_copy=True), table):
                database.insert_rows(table.name, table.for_insert, batch)
    database.close()


def test_numbers_go_on_behind_the_largest(make_site, site):
    source = fill(make_site("sqlite"), rows_per_table=5)
    assert Copying(source, site).run() == []
    database = site.connect()
    for table in all_tables():
        if table.serial and table.name in ("lmod_user", "xalt_name", "epmt_host", "usage_run"):
            columns = [pair for pair in table.for_insert if pair[0] != table.serial]
            rows = database.rows(f"SELECT * FROM {table.name} ORDER BY 1")  # noqa: S608
            names = dict(zip([pair[0] for pair in table.for_insert], rows[-1]))
            new = tuple(
                "new" if isinstance(names[name], str) else names[name] for name, _kind in columns
            )
            database.insert_rows(table.name, columns, [new])
            largest = database.rows(f"SELECT max({table.serial}) FROM {table.name}")[0][0]  # noqa: S608
            assert largest > rows[-1][0]
    database.close()


def test_an_id_of_zero_stays_zero(make_site, site):
    source = make_site("sqlite").create("lmod")
    database = source.connect()
    database.insert_rows("lmod_user", USERS.for_insert, [(0, "ann", "ann"), (1, "bob", "bob")])
    database.close()
    assert Copying(source, site).run() == []
    assert site.rows("SELECT user_id, user_name FROM lmod_user ORDER BY 1") == [
        (0, "ann"),
        (1, "bob"),
    ]


def change(site, *statements):
    database = site.connect()
    for statement in statements:
        database.execute(statement)
    database.close()


def users_of(site):
    return site.rows("SELECT user_id, user_name FROM lmod_user ORDER BY user_id")


@pytest.fixture
def interrupted(make_site, site, monkeypatch):
    """A source with 100 users, and a Copying of which 60 are done when it is stopped."""
    monkeypatch.setattr(copy_rows, "ROWS_PER_BATCH", 10)
    monkeypatch.setattr(copy_work, "ROWS_PER_BATCH", 10)
    source = make_site("sqlite").create("lmod")
    database = source.connect()
    rows = [(number, f"user{number}", "") for number in range(1, 101)]
    database.insert_rows("lmod_user", USERS.for_insert, rows)
    database.close()
    copying, write = Copying(source, site), Copy._write

    def stop_at_60(self, table, batch, after):
        if after == (60,):
            raise errors.RunInterrupted(15)
        write(self, table, batch, after)

    with monkeypatch.context() as patched:
        patched.setattr(Copy, "_write", stop_at_60)
        with pytest.raises(errors.RunInterrupted):
            copying.run()
    assert len(users_of(site)) == 60
    return source, copying


def test_a_stopped_copy_goes_on_and_writes_no_row_again(interrupted, site, monkeypatch):
    source, copying = interrupted
    written, write = [], Copy._write

    def noted(self, table, batch, after):
        written.extend(row[0] for row in batch)
        write(self, table, batch, after)

    monkeypatch.setattr(Copy, "_write", noted)
    assert copying.run() == []
    assert written == list(range(61, 101)) and users_of(site) == users_of(source)


def test_what_was_loaded_between_two_runs_comes_over(interrupted, site):
    source, copying = interrupted
    change(
        source,
        "INSERT INTO lmod_user VALUES (101, 'new', 'new')",
        "UPDATE lmod_user SET user_folded = 'changed' WHERE user_id IN (7, 77)",
        "DELETE FROM lmod_user WHERE user_id IN (20, 33, 34, 99)",
    )
    assert copying.run() == []
    assert everything(site)["lmod_user"] == everything(source)["lmod_user"]


def test_a_name_that_moved_to_another_row_between_two_runs_comes_over(interrupted, site):
    source, copying = interrupted
    change(
        source,
        "DELETE FROM lmod_user WHERE user_id = 5",
        "INSERT INTO lmod_user VALUES (200, 'user5', '')",
        "UPDATE lmod_user SET user_name = 'x' WHERE user_id = 12",
        "UPDATE lmod_user SET user_name = 'user12' WHERE user_id = 45",
        "UPDATE lmod_user SET user_name = 'user45' WHERE user_id = 88",
    )
    assert copying.run() == []
    assert everything(site)["lmod_user"] == everything(source)["lmod_user"]


def test_what_does_not_belong_into_the_copy_is_removed(interrupted, site):
    source, copying = interrupted
    change(site, "INSERT INTO lmod_user (user_id, user_name, user_folded) VALUES (2000, 'x', 'x')")
    assert copying.run() == []
    assert users_of(site) == users_of(source)


def test_a_copy_that_was_stopped_while_it_mended_goes_on(interrupted, site, monkeypatch):
    source, copying = interrupted
    change(source, "UPDATE lmod_user SET user_folded = 'y' WHERE user_id < 50")
    with monkeypatch.context() as patched:

        def stop(*_arguments):
            raise errors.RunInterrupted(15)

        patched.setattr(Copy, "_fill", stop)
        with pytest.raises(errors.RunInterrupted):
            copying.run()
    assert len(users_of(site)) == 50
    assert copying.run() == []
    assert everything(site)["lmod_user"] == everything(source)["lmod_user"]


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_a_value_that_the_other_database_cannot_hold_is_told_with_its_place(make_site, backend):
    source, target = make_site("sqlite").create("lmod"), make_site(backend)
    database = source.connect()
    database.insert_rows("lmod_user", USERS.for_insert, [(3, "x" * 256, "")])
    database.close()
    with pytest.raises(
        errors.MalformedInputError, match="lmod_user, rows from the first one up to"
    ):
        Copying(source, target).run()
    change(source, "UPDATE lmod_user SET user_name = 'x'")
    assert Copying(source, target).run() == []
    assert users_of(target) == [(3, "x")]


@pytest.mark.parametrize("number", [float("inf"), float("-inf")])
def test_a_number_that_mariadb_does_not_know_is_told(make_site, number):
    source, target = make_site("sqlite").create("lmod"), make_site("mysql")
    table = next(one for one in all_tables() if one.name == "lmod_conversion")
    database = source.connect()
    database.insert_rows(table.name, table.for_insert, [("old", 1, 2, 3, number, None)])
    database.close()
    with pytest.raises(errors.MalformedInputError, match=r"lmod_conversion.*number -?inf"):
        Copying(source, target).run()
    assert target.rows("SELECT count(*) FROM lmod_conversion") == [(0,)]


def test_large_texts_and_blobs_come_over_around_the_ring(ring):
    values = [
        (number, 1, 1, "2026-01-01", bytes([number, 0, 255, 92]) * 700_000)
        for number in range(1, 5)
    ]
    table = next(one for one in all_tables() if one.name == "join_run_env")
    database = ring[0].connect()
    database.insert_rows(table.name, table.for_insert, values)
    database.close()
    for source, target in zip(ring, ring[1:]):
        move(source, target, ("join_run_env",))
    assert everything(ring[-1])["join_run_env"] == values


def test_a_connection_lost_with_the_answer_of_a_commit_writes_nothing_twice(
    make_site, site, monkeypatch
):
    from usagedb.database import Database

    source = fill(make_site("sqlite"), rows_per_table=20)
    execute, lost = Database._execute, []

    def lose(self, sql, parameters):
        done = execute(self, sql, parameters)
        if sql == "COMMIT" and self.config.database == site.config.database and len(lost) < 5:
            lost.append(sql)
            raise errors.UnavailableError("gone")
        return done

    monkeypatch.setattr(Database, "_execute", lose)
    wanted = everything(source)
    assert Copying(source, site).run() == []
    assert len(lost) == 5 and everything(site) == wanted


def test_all_schemas_name_the_locks_of_those_who_write_them():
    import lmodtrack.schema
    import xaltload.schema
    from epmtlite import partial

    locks = {name: one.locks for name, one in schema.known_schemas().items()}
    assert lmodtrack.schema.LOADER_LOCK in locks["lmod"] and partial.LOCK in locks["epmt"]
    xalt = xaltload.schema
    assert {xalt.LOADER_LOCK, xalt.LOAD_FOS, xalt.UPDATE_MODULES} <= set(locks["xalt"])
    assert {schema.DELETE_OLD_RECORDS, schema.USAGE_PERSON} <= set(locks["usage"])
