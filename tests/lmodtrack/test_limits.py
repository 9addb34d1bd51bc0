"""No line, and no number of lines, holds a value that the database refuses: one is rejected, the
others are loaded."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmodtrack import record
from lmodtrack.schema import LMOD
from tests.lmodtrack.loading import load_bytes
from tests.lmodtrack.logs import assert_holds, log_of, make_loads
from usagedb import schema

COMMAND = "store_module_data"
LOADS = make_loads(5, seed=71)
LINE = (
    b"Jan  1 00:00:00 h ModuleUsageTracking: message repeated %d times: [ user=ann module=x/1"
    b" path=/x host=l.aurora time=1795000000.123456]\n"
)
MANY = 2200  # lines: their loads are more than 32 bits hold
SUM = MANY * record.MOST_REPEATS


def test_no_number_of_repeats_keeps_the_other_lines_from_being_loaded(site, tmp_path):
    log = tmp_path / "x.log-20261122"
    log.write_bytes(LINE % 999_999_999 * 3 + log_of(LOADS))
    done = site.create("lmod").run(COMMAND, log)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"Warning: 3 lines were rejected: 3 {record.TOO_MANY}\n"
    assert_holds(site, LOADS)


@pytest.mark.parametrize("options", [(), ("--store_all",)])
def test_the_loads_of_a_day_may_be_more_than_32_bits_hold(site, tmp_path, options):
    log = tmp_path / "x.log-20261122"
    log.write_bytes(LINE % record.MOST_REPEATS * MANY)
    done = site.create("lmod").run(COMMAND, *options, log)
    assert (done.returncode, done.stderr) == (0, "")
    again = tmp_path / "y.log-20261122"
    again.write_bytes(log_of(LOADS) + log.read_bytes())
    assert site.run(COMMAND, *options, again).returncode == 0
    ((loads,),) = site.rows("SELECT loads FROM lmod_use WHERE loads > 1000")
    assert loads == 2 * SUM > 1 << 32
    for window in ((), ("--start", "2026-11-01", "--end", "2026-11-25")):
        done = site.run("analyzeLmodDB", "counts", "--loads", "--format", "json",
                        "--sqlPattern", "/x", *window)  # fmt: skip
        assert json.loads(done.stdout)[0]["loads"] == 2 * SUM
    if options:
        assert site.rows("SELECT COUNT(*), MAX(loads) FROM lmod_load WHERE loads > 1") == [
            (2 * MANY, record.MOST_REPEATS)
        ]


def version_1(site):
    """Make the tables as they were before version 2; return the Database."""
    database = site.create("usage").connect()
    for step in LMOD.steps:
        if step.version == 1:
            schema.take_step(database, LMOD, step)
    return database


def test_tables_of_version_1_hold_large_sums_after_createdb(site, tmp_path):
    version_1(site).close()
    log = tmp_path / "x.log-20261122"
    log.write_bytes(LINE % record.MOST_REPEATS * MANY)
    if site.config.backend != "sqlite":
        done = site.run(COMMAND, log)
        assert done.returncode == 78 and "run createDB" in done.stderr
        assert site.run("analyzeLmodDB", "counts").returncode == 0
    done = site.run("createDB", "--schema", "lmod")
    assert done.returncode == 0 and "lmod 2: ALTER TABLE lmod_use" in done.stdout
    assert "up to date" in site.run("createDB", "--schema", "lmod").stdout
    assert site.run(COMMAND, log).returncode == 0
    assert site.rows("SELECT loads, user_loads FROM lmod_use") == [(SUM, 0)]


def test_a_view_of_the_site_in_the_way_of_the_upgrade_is_named(site):
    if site.config.backend != "postgresql":
        pytest.skip("only PostgreSQL guards what a view needs")
    database = version_1(site)
    database.run_ddl("CREATE VIEW report_of_the_site AS SELECT day, loads FROM lmod_use")
    done = site.run("createDB", "--schema", "lmod")
    assert done.returncode == 78 and "report_of_the_site" in done.stderr
    assert "Traceback" not in done.stderr
    database.run_ddl("DROP VIEW report_of_the_site")
    database.close()
    assert site.run("createDB", "--schema", "lmod").returncode == 0


@pytest.mark.parametrize("letter", ["x", "ä", "\U0001f600"])
def test_names_as_long_as_they_may_be_are_stored(site, tmp_path, letter):
    values = {"user": letter * 255, "module": letter * 255, "path": letter * 4096}
    lines = [
        json.dumps({**values, "syshost": letter * 255, "date": date})
        for date in (record.EARLIEST, 4102444799.9999995)
    ]
    longer = [
        json.dumps({**values, "syshost": "a", "date": 1.7e9, name: letter + value})
        for name, value in values.items()
    ]
    (tmp_path / "a.log").write_text("\n".join([*longer, *lines, ""]))
    done = site.create("lmod").run(COMMAND, tmp_path / "a.log")
    assert done.returncode == 3 and "3 lines were rejected" in done.stderr
    assert site.rows("SELECT loads FROM lmod_use") == [(1,), (1,)]
    assert site.rows("SELECT cluster_name FROM lmod_cluster") == [(letter * 255,)]


def test_a_host_that_a_pattern_makes_too_long_rejects_its_own_lines_only(site, tmp_path):
    (tmp_path / "map").write_text("(long.*) \\1\\1\n")
    lines = log_of(LOADS) + LINE % 1 + log_of(LOADS).replace(b"host=login", b"host=long" * 40)
    (tmp_path / "a.log").write_bytes(lines.replace(b"host=l.aurora", b"host=" + b"long" * 40))
    done = site.create("lmod").run(
        COMMAND, "--syshost-map", tmp_path / "map", "--reject", tmp_path / "r", tmp_path / "a.log"
    )
    assert done.returncode == 3
    assert "1 the name of its cluster is longer than 255 characters" in done.stderr
    assert_holds(site, LOADS)


def test_a_cluster_named_in_bytes_that_are_not_utf_8_is_stored(site, tmp_path):
    (tmp_path / "c.log").write_text("ann,2026_11_20_10_00_00,gcc/12:/p\n")
    done = site.create("lmod").run(COMMAND, "--syshost", "a\udcff", tmp_path / "c.log")
    assert (done.returncode, done.stderr) == (0, "")
    assert site.rows("SELECT cluster_name FROM lmod_cluster") == [("a\\xff",)]


texts = st.text(max_size=12) | st.just("x" * 5000) | st.none() | st.integers()
records = st.fixed_dictionaries(
    dict.fromkeys(("user", "module", "path", "syshost"), texts),
    optional={"date": st.floats() | st.integers(946684000, 4102445000) | st.text(max_size=5)},
).map(lambda fields: json.dumps(fields).encode())
fields = st.binary(max_size=12).map(lambda value: value.replace(b"\n", b""))
messages = st.tuples(fields, fields, fields, fields, st.integers(0, 1 << 70)).map(
    lambda values: (
        b"ModuleUsageTracking: message repeated %d times: [ user=u%s module=m%s path=/%s"
        b" host=h%s time=1795000000.123456]" % (values[4], *values[:4])
    )
)


@given(st.lists(records | messages, max_size=8))
@settings(max_examples=40)
def test_whatever_a_log_holds_the_database_takes_or_a_reason_is_given(database, lines):
    before = load_bytes(database, b"first\n" + log_of(LOADS)).known_lines
    outcome = load_bytes(database, b"\n".join([b"first", *lines, b""]))
    totals = outcome.totals
    assert before in (0, 6) and totals.rejected == sum(totals.reasons.values())
    assert totals.lines + outcome.known_lines == len(lines) + 1
