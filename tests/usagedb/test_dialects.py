"""What differs between the databases, and must not: text, patterns, merging, errors, files."""

import contextlib
import math
import os
import random
import re
import socket
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import make_tables
from usagedb import errors, schema
from usagedb.database import Database, fold_ascii, like_pattern
from usagedb.dialects import load_dialect, sqlite
from usagedb.dialects.base import BYTES, INTEGER, MICROSECONDS, SECONDS, TEXT, chunks
from usagedb.mounts import Mount
from usagedb.terminal import stored_text

USERS = (("user_name", TEXT), ("user_folded", TEXT))
MONTH_KEY = ("month", "module_id", "cluster_id")
MONTHS = (
    *((name, INTEGER) for name in (*MONTH_KEY, "first_day", "last_day", "loads", "user_loads")),
    ("users", BYTES),
)
MERGE = {
    "user_loads": "with_min:first_day",
    "first_day": "min",
    "last_day": "max",
    "loads": "add",
    "users": "replace",
}
some_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
patterns = st.text(st.sampled_from("aA%%_\\!?😀 "), max_size=6)
subjects = st.text(st.sampled_from("aA%_\\!?😀 "), max_size=6)
on_one_database = settings(max_examples=200)


def names(database):
    """Return all stored user names."""
    return [name for (name,) in database.rows("SELECT user_name FROM lmod_user ORDER BY user_id")]


@pytest.mark.parametrize(
    "texts",
    [
        ("a", "A", "a "),
        ("ß", "ss", "SS"),
        ("é", "e\u0301", "e"),
        ("", " ", "\t"),
        ("1", "01", "1.0"),
    ],
)
def test_text_compares_byte_by_byte(database, texts):
    for text in texts:
        database.insert_rows("lmod_user", USERS, [(text, text)], key=("user_name",))
    assert names(database) == list(texts)
    for text in texts:
        found = database.rows("SELECT user_name FROM lmod_user WHERE user_name = ?", (text,))
        assert [tuple(row) for row in found] == [(text,)]


@on_one_database
@given(texts=st.lists(some_text, min_size=1, max_size=20, unique=True))
def test_any_text_comes_back_as_it_was(database, texts):
    database.execute("DELETE FROM lmod_user")
    database.insert_rows("lmod_user", USERS, [(text, "") for text in texts])
    assert names(database) == texts


@on_one_database
@given(raw=st.binary(max_size=40))
def test_any_bytes_can_be_stored_as_text(database, raw):
    database.execute("DELETE FROM lmod_user")
    text = stored_text(raw)
    database.insert_rows("lmod_user", USERS, [(text, text)])
    assert names(database) == [text] and "\0" not in text


def test_bytes_that_are_not_utf_8_are_stored_as_escapes(database):
    for raw in (b"a\0b", b"\xff\xfe", "😀".encode()):
        text = stored_text(raw)
        database.insert_rows("lmod_user", USERS, [(text, "")])
    assert names(database) == ["a\\x00b", "\\xff\\xfe", "😀"]


def matches(pattern, text):
    """Tell what LIKE should answer: an independent matcher, one character at a time."""
    if not pattern:
        return not text
    first, rest = pattern[0], pattern[1:]
    if first == "%":
        return any(matches(rest, text[start:]) for start in range(len(text) + 1))
    if first == "\\" and rest:
        first, rest = rest[0], rest[1:]
    elif first == "_":
        return bool(text) and matches(rest, text[1:])
    return text[:1] == first and matches(rest, text[1:])


@pytest.fixture
def like(database):
    """A function that asks the database whether a pattern matches a text."""
    database.insert_rows("lmod_user", USERS, [("x", "")])
    sql = f"SELECT COUNT(*) FROM lmod_user WHERE {database.like('user_name')}"

    def ask(pattern, text, fold=False):
        database.execute("UPDATE lmod_user SET user_name = ?", (text,))
        return database.rows(sql, (like_pattern(pattern, fold),))[0][0] == 1

    return ask


@on_one_database
@given(pattern=patterns, text=subjects)
def test_a_pattern_means_the_same_on_every_database(database, like, pattern, text):
    assert like(pattern, text) == matches(pattern, text)


def test_a_character_above_uffff_behind_the_beginning_of_a_pattern(like):
    # MariaDB and MySQL overlook it if they look in an index.
    assert like("x%", "x\U0001f600")


@on_one_database
@given(text=subjects)
def test_a_text_with_escapes_matches_itself_alone(like, text):
    pattern = re.sub(r"([%_\\])", r"\\\1", text)
    assert like(pattern, text) and not like(pattern, text + "a") and not like(pattern, "a" + text)


@pytest.mark.parametrize(
    "pattern, text, expected",
    [
        ("100\\%", "100%", True), ("100\\%", "1000", False), ("a\\_b", "a_b", True),
        ("a\\_b", "axb", False), ("a_b", "axb", True), ("a!b", "a!b", True),
        ("a\\\\b", "a\\b", True),
        ("a\\", "a\\", True), ("A", "a", False), ("%fftw%", "/apps/fftw3", True), ("", "", True),
        ("\udcff%", "\\xffa", True),
    ],
)  # fmt: skip
def test_wildcards_and_escapes(like, pattern, text, expected):
    assert like(pattern, text) == expected


@given(st.text())
def test_folding_concerns_ascii_only(text):
    folded = fold_ascii(text)
    assert len(folded) == len(text)
    assert all(a == b or (a.isascii() and a.lower() == b) for a, b in zip(text, folded))


def test_a_folded_pattern_ignores_ascii_case(like):
    assert like("%FFTW%", "/apps/fftw", fold=True) and not like("Ä", "ä", fold=True)


def merged(rows):
    """Return what MERGE should make of rows with one key, one after the other."""
    total = None
    for first, last, loads, user_loads, users in rows:
        if total is None:
            total = [first, last, loads, user_loads, users]
            continue
        if first < total[0]:
            total[3] = user_loads
        total = [min(first, total[0]), max(last, total[1]), loads + total[2], total[3], users]
    return tuple(total)


@on_one_database
@given(
    rows=st.lists(
        st.tuples(*[st.integers(-1000, 1000)] * 2, *[st.integers(0, 2**40)] * 2, st.binary()),
        min_size=1,
        max_size=6,
    )
)
def test_rows_merge_by_the_same_rules_everywhere(database, rows):
    database.execute("DELETE FROM lmod_month")
    for row in rows:
        values = (202601, 1, 1, *row)
        database.insert_rows("lmod_month", MONTHS, [values], key=MONTH_KEY, merge=MERGE)
    found = database.rows("SELECT first_day, last_day, loads, user_loads, users FROM lmod_month")
    assert [(*row[:4], bytes(row[4])) for row in found] == [merged(rows)]


def test_an_empty_merge_keeps_the_old_row(database):
    database.insert_rows("lmod_user", USERS, [("a", "old")], key=("user_name",))
    database.insert_rows("lmod_user", USERS, [("a", "new"), ("b", "new")], key=("user_name",))
    found = database.rows("SELECT user_name, user_folded FROM lmod_user ORDER BY 1")
    assert [tuple(row) for row in found] == [("a", "old"), ("b", "new")]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 12_345])
def test_many_rows_arrive_whole_from_any_iterable(database, count):
    expected = [f"user{number}" for number in range(count)]
    database.insert_rows("lmod_user", USERS, ((name, name) for name in expected))
    assert names(database) == expected


def test_a_bulk_insert_that_fails_on_sqlite_leaves_nothing(sqlite_site):
    with contextlib.closing(sqlite_site.create().connect()) as database:
        with pytest.raises(errors.ConflictError):
            database.insert_rows("lmod_user", USERS, [("a", ""), ("b", ""), ("a", "")])
        assert names(database) == [] and not database.connection.in_transaction


def test_batches_merge_with_what_is_there(database):
    rows = [(202601, number, 1, 5, 5, 1, 1, b"x") for number in range(3000)]
    database.insert_rows("lmod_month", MONTHS, rows, key=MONTH_KEY, merge=MERGE)
    random.Random(1).shuffle(rows)
    database.insert_rows("lmod_month", MONTHS, rows[:2500], key=MONTH_KEY, merge=MERGE)
    found = database.rows("SELECT COUNT(*), SUM(loads) FROM lmod_month")
    assert [int(value) for value in found[0]] == [3000, 5500]


def test_times_keep_their_microseconds(database):
    columns = (("schema_name", TEXT), ("version", INTEGER), ("step", INTEGER))
    for step, (kind, value) in enumerate([(MICROSECONDS, 1767274073220612), (SECONDS, 1e9 + 0.5)]):
        database.insert_rows(
            "usage_schema", (*columns, ("applied_at", kind)), [("test", 1, step, value)]
        )
    sql = "SELECT applied_at FROM usage_schema WHERE schema_name = 'test' ORDER BY step"
    times = [time for (time,) in database.rows(sql)]
    assert math.isclose(times[0], 1767274073.220612, abs_tol=1e-7) and times[1] == 1e9 + 0.5


@pytest.mark.parametrize("hostile", ["1); DROP TABLE lmod_user; --", "' OR '1'='1", '"', "%s", "?"])
def test_values_are_never_read_as_sql(database, hostile):
    database.insert_rows("lmod_user", USERS, [(hostile, hostile)])
    found = database.rows("SELECT user_folded FROM lmod_user WHERE user_name = ?", (hostile,))
    assert [tuple(row) for row in found] == [(hostile,)]


def test_only_numbers_go_into_number_columns(database):
    if database.config.backend == "sqlite":
        pytest.skip("SQLite stores any type in any column")
    with pytest.raises(Exception):  # noqa: B017 - each driver has its own
        database.insert_rows(
            "lmod_month", MONTHS, [("1, 2", 1, 1, 1, 1, 1, 1, b"")] * 1, key=MONTH_KEY
        )
    assert database.rows("SELECT COUNT(*) FROM lmod_month")[0][0] == 0


def test_chunks_are_bounded_and_complete():
    assert list(chunks(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []


def test_an_unknown_backend_is_a_bug():
    with pytest.raises(ValueError):
        load_dialect("oracle")


def journal_mode(config):
    """Return the journal mode of an SQLite database, in small letters."""
    with contextlib.closing(Database(config)) as database:
        return database.rows("PRAGMA journal_mode")[0][0]


def test_wal_on_a_local_file_system(sqlite_site):
    assert journal_mode(sqlite_site.config) == "wal"


@pytest.mark.parametrize("kind", ["nfs4", "lustre", "fuse.sshfs"])
def test_delete_on_a_network_file_system_and_a_warning_once(sqlite_site, monkeypatch, caplog, kind):
    monkeypatch.setattr(sqlite, "mount_of", lambda path: Mount("/", kind, "server:/x"))
    make_tables(sqlite_site.config, [schema.USAGE])
    assert journal_mode(sqlite_site.config) == "delete"
    assert caplog.text.count(f"is on {kind}") == 1


@pytest.mark.parametrize("backend", ["sqlite", "mysql", "postgresql"])
def test_an_error_that_is_nobodys_fault_but_ours_stays_a_bug(backend, sqlite_site):
    dialect = load_dialect(backend)
    assert dialect.translate_error(ValueError("x"), sqlite_site.config) is None


@pytest.mark.parametrize("number, text, code", [
    (1030, 'Got error 28 "No space left on device" from storage engine InnoDB', 74),
    (1030, "Got error 28 - 'No space left on device' from storage engine", 74),
    (1130, "Host '10.0.0.9' is not allowed to connect to this MariaDB server", 77),
    (1135, "Can't create a new thread (errno 11)", 75),
    (1226, "User 'load' has exceeded the 'max_user_connections' resource", 75),
    (1820, "You must SET PASSWORD before executing this statement", 77),
    (1862, "Your password has expired", 77),
    (4031, "The client was disconnected by the server because of inactivity.", 75),
])  # fmt: skip
def test_what_mysql_and_mariadb_say_has_an_exit_code(sqlite_site, number, text, code):
    import pymysql

    error = pymysql.OperationalError(number, text)
    known = load_dialect("mysql").translate_error(error, sqlite_site.config)
    assert known.exit_code == code and text in str(known)
    assert not isinstance(known, errors.ConflictError)


def test_another_error_of_the_storage_engine_stays_a_bug(sqlite_site):
    import pymysql

    error = pymysql.OperationalError(1030, "Got error 281 from storage engine")
    assert load_dialect("mysql").translate_error(error, sqlite_site.config) is None


@pytest.mark.parametrize("name, code", [
    ("IdleInTransactionSessionTimeout", 75), ("StatementCompletionUnknown", 75), ("IoError", 74),
    ("DiskFull", 74), ("ReadOnlySqlTransaction", 75),
])  # fmt: skip
def test_what_postgresql_says_has_an_exit_code(sqlite_site, name, code):
    import psycopg

    error = getattr(psycopg.errors, name)("what it says")
    known = load_dialect("postgresql").translate_error(error, sqlite_site.config)
    assert known.exit_code == code and "what it says" in str(known)
    assert not isinstance(known, errors.ConflictError)


def test_a_machine_that_is_gone_is_noticed(database):
    if database.config.backend == "sqlite":
        pytest.skip("SQLite has no server")
    # The site of MySQL has a socket of its own machine, which needs none.
    with contextlib.closing(Database(database.config.replaced(socket=""))) as by_network:
        is_mysql = database.config.backend == "mysql"
        used = by_network.connection._sock if is_mysql else by_network.connection
        with socket.socket(fileno=os.dup(used.fileno())) as stream:
            assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            found = [stream.getsockopt(socket.IPPROTO_TCP, getattr(socket, one)) for one in names]
            assert found == [60, 10, 3]
            if database.config.backend == "postgresql":
                milliseconds = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
                assert milliseconds == 90_000


def test_a_statement_that_is_wrong_stays_a_bug(database):
    with pytest.raises(Exception) as caught:
        database.rows("SELECT nonsense FROM usage_run")
    assert not isinstance(caught.value, errors.UsageDBError)


def test_no_statement_follows_one_that_failed():
    from usagedb.dialects.mysql import calls_ahead

    made = []

    def make(number):
        made.append(number)
        if number == 3:
            raise errors.ConflictError("deadlock")

    with pytest.raises(errors.ConflictError), calls_ahead(make) as call:
        for number in range(20):
            call(number)
    assert made == [0, 1, 2, 3]


def test_no_statement_follows_when_the_rows_cannot_be_made():
    from usagedb.dialects.mysql import STATEMENTS_AHEAD, calls_ahead

    made, interval = [], sys.getswitchinterval()
    with pytest.raises(KeyError), calls_ahead(made.append) as call:
        for number in range(50):
            call(number)
        raise KeyError
    assert made == list(range(len(made))) and len(made) >= 50 - STATEMENTS_AHEAD
    assert sys.getswitchinterval() == interval


def test_every_call_ahead_is_made_once_and_in_order():
    from usagedb.dialects.mysql import calls_ahead

    made = []
    with calls_ahead(made.append) as call:
        for number in range(100):
            call(number)
    assert made == list(range(100))
