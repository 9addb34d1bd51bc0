"""No column of any table keeps a name: each is planted with one, or says why it has none."""

import json
import re

import pytest

from epmtlite.person import MODELS
from tests.usagedb.person_site import fill, person, traces
from usagedb import mentions, schema
from usagedb.database import in_transaction
from usagedb.dialects.base import BYTES, DATE, INTEGER, SECONDS, TEXT
from xaltload.compressed import compressed

PATH = "/home/otter/planted"  # in the rows of all people, and of nobody
RECORD = "run.c1.2026_01_01_00_00_00_0001.otter.zzz.0188a2f0-0000-7000-8000-000000000001.json"
OBJECT, LIST = json.dumps({"A": PATH, "owner": "otter"}), json.dumps([{"dir": PATH}])
COMPUTED = json.dumps({json.dumps({"dir": PATH}): {"iqr": {"duration": [1.5, 2, 3]}}})
PLANTED = {
    ("usage_run", "message"): PATH, ("lmod_log", "name"): PATH, ("lmod_module", "path"): PATH,
    ("lmod_module", "path_folded"): PATH, ("lmod_module", "module_name"): PATH,
    ("xalt_link", "link_path"): PATH, ("xalt_link", "link_line"): compressed(f"cc -o {PATH}"),
    ("xalt_link", "cwd"): PATH, ("xalt_link", "exec_path"): PATH,
    ("xalt_object", "object_path"): PATH,
    ("xalt_run", "exec_path"): PATH, ("xalt_run", "cwd"): PATH, ("xalt_run", "container"): PATH,
    ("xalt_run", "cmdline"): compressed(json.dumps(["./prog", PATH])),
    ("join_run_env", "env_value"): PATH.encode(),
    ("xalt_total_env", "env_blob"): compressed(OBJECT), ("xalt_pkg", "pkg_path"): PATH,
    ("xalt_pkg_waiting", "pkg_path"): PATH, ("xalt_rejected", "source"): PATH,
    ("xalt_program", "exec_path"): PATH, ("epmt_job", "jobname"): PATH,
    **{
        ("epmt_job", name): OBJECT
        for name in ("tags", "annotations", "analyses", "info_dict", "env_dict", "env_changes_dict")
    },
    ("epmt_process_tags", "tags"): OBJECT, ("epmt_process", "exename"): PATH,
    ("epmt_process", "path"): PATH, ("epmt_process", "args"): PATH,
    ("epmt_refmodel", "name"): PATH, ("epmt_refmodel", "tags"): OBJECT,
    ("epmt_refmodel", "op_tags"): LIST, ("epmt_refmodel", "computed"): COMPUTED,
    ("epmt_refmodel", "info_dict"): OBJECT,
}  # fmt: skip
NAMES = "a login name or an account as such, with rows of its own"
SITE = "what the site calls its clusters, queues, modules, projects and machines"
NUMBERS = "numbers and moments"
CODE = "what programs call their functions, variables and packages"
WITHOUT = {
    "usage_schema": {"schema_name": CODE}, "usage_run": {"command": CODE, "host": SITE},
    "lmod_user": {"user_name": NAMES, "user_folded": NAMES}, "lmod_cluster": {"cluster_name": SITE},
    "lmod_month": {"users": NUMBERS}, "lmod_load": {"job_id": NUMBERS},
    "lmod_log": {"checkpoints": NUMBERS},
    "lmod_conversion": {"source": "a database of the site", "marks": NUMBERS},
    "xalt_link": {
        "uuid": NUMBERS, "hash_id": NUMBERS, "link_program": CODE, "link_module_name": SITE,
        "build_user": NAMES, "build_syshost": SITE,
    },
    "xalt_object": {"syshost": SITE, "hash_id": NUMBERS, "module_name": SITE, "lib_type": CODE},
    "xalt_run": {
        "job_id": NUMBERS, "run_uuid": NUMBERS, "syshost": SITE, "uuid": NUMBERS,
        "hash_id": NUMBERS, "account": NAMES, "exec_type": CODE, "queue": SITE, "user": NAMES,
        "module_name": SITE,
    },
    "xalt_env_name": {"env_name": CODE}, "xalt_function": {"function_name": CODE},
    "xalt_user": {"user": NAMES, "anon_user": "a pseudonym"},
    "xalt_account": {"account": NAMES, "anon_user": "a pseudonym", "field_of_science": SITE},
    "xalt_pkg": {"program": CODE, "pkg_name": CODE, "pkg_version": NUMBERS},
    "xalt_field_of_science": {"account": NAMES, "field_of_science": SITE, "directorate": SITE},
    "xalt_program": {"module_name": SITE, "exec_type": CODE, "link_uuid": NUMBERS},
    "xalt_name": {"name": NAMES},
    "xalt_pkg_waiting": {
        "run_uuid": NUMBERS, "program": CODE, "pkg_name": CODE, "pkg_version": NUMBERS,
    },
    "xalt_pkg_filtered": {"run_uuid": NUMBERS}, "xalt_rejected": {"reason": CODE},
    "xalt_taken_over": {"table_name": CODE},
    "epmt_user": {"name": NAMES}, "epmt_host": {"name": SITE}, "epmt_metric_names": {"names": CODE},
    "epmt_job": {
        "cluster": SITE, "jobid": NUMBERS, "zone": SITE, "start_local": NUMBERS,
        "end_local": NUMBERS, "submit_local": NUMBERS, "proc_sums": NUMBERS,
    },
    "epmt_process": {"threads": NUMBERS},
}  # fmt: skip
MODEL = (
    ("name", TEXT), ("created_at", SECONDS), ("updated_at", SECONDS), ("enabled", INTEGER),
    ("tags", TEXT), ("op_tags", TEXT), ("computed", TEXT), ("info_dict", TEXT),
)  # fmt: skip
WAITING = (
    ("pkg_key", BYTES), ("run_uuid", TEXT), ("program", TEXT), ("pkg_name", TEXT),
    ("pkg_version", TEXT), ("pkg_path", TEXT), ("came_at", SECONDS),
)  # fmt: skip
REJECTED = (("reject_key", BYTES), ("reason", TEXT), ("source", TEXT), ("rejected_at", SECONDS))
ENVIRONMENT = (("run_id", INTEGER), ("date", DATE), ("env_blob", BYTES))
OLD = 1_700_000_000.0


def text_columns():
    """Return all (table, column) of texts and bytes of the tables of all schemas."""
    found = set()
    for step in (step for tool in schema.known_schemas().values() for step in tool.steps):
        table = re.match(r"(?:CREATE|ALTER) TABLE (\w+)", step.statement)
        columns = re.findall(r'"?(\w+)"?(?: TO)?\s+(?:CHARS\(|LONGTEXT|BYTES)', step.statement)
        found |= {(table[1], column) for column in columns if table}
    return found


def test_every_column_of_text_is_planted_here_or_says_why_it_holds_no_name():
    columns = text_columns()
    without = {(table, column) for table, columns in WITHOUT.items() for column in columns}
    assert len(columns) > 90
    assert columns <= set(PLANTED) | without, columns - set(PLANTED) - without
    assert not set(PLANTED) & without


@pytest.fixture
def planted(site, tmp_path):
    """A Site whose planted columns name otter: in the rows of otter, of bert, and of nobody."""
    fill(site, tmp_path / "inputs")
    database = site.connect()
    database.insert_rows("epmt_refmodel", MODEL, [("m", OLD, OLD, 1, "{}", "[]", "{}", "{}")])
    database.insert_rows(
        "xalt_pkg_waiting", WAITING, [(bytes(32), "u", "python", "p", "1", "x", OLD)]
    )
    database.insert_rows("xalt_rejected", REJECTED, [(bytes(32), "r", "x", OLD)])
    runs = database.rows("SELECT run_id FROM xalt_run")
    rows = [(run_id, "2026-01-01", b"x") for (run_id,) in runs]
    database.insert_rows("xalt_total_env", ENVIRONMENT, rows)
    for (table, column), value in PLANTED.items():
        database.execute(f"UPDATE {table} SET {column} = ?", (value,))
    database.close()
    return site


def test_everything_planted_is_there(planted):
    assert set(PLANTED) <= set(traces(planted, "otter"))


@pytest.mark.parametrize("words", [("pseudonymise", "--as", "anon-1"), ("erase",),
                                   ("erase", "--keep-statistics")], ids=" ".join)  # fmt: skip
def test_no_column_keeps_the_name_of_a_person(planted, words):
    done = person(planted, words[0], "otter", *words[1:], "--yes", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert traces(planted, "otter") == {}


def test_a_model_fits_the_operations_of_a_person_with_another_name(planted):
    person(planted, "pseudonymise", "otter", "--as", "anon-1", "--yes", "-q")
    rows = planted.rows("SELECT op_tags, computed FROM epmt_refmodel")
    tags = [{"dir": "/home/anon-1/planted"}]
    assert [tuple(map(json.loads, row)) for row in rows] == [
        (tags, {json.dumps(tags[0]): {"iqr": {"duration": [1.5, 2, 3]}}})
    ]


def test_anonymized_runs_and_links_keep_no_name(planted):
    database = planted.connect()
    user = database.dialect.quote("user")
    database.execute(f"UPDATE xalt_run SET {user} = 'otter', account = 'otter'")
    database.close()
    words = ("--schema", "xalt", "--anonymize", "--end", "2030-01-01", "--yes", "-q")
    done = planted.run("delete_old_records", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    left = {place for place in traces(planted, "otter") if place[0].startswith(("xalt_", "join_"))}
    assert left == set()
    ((blob,), *_more) = planted.rows("SELECT env_blob FROM xalt_total_env")
    (row,) = set(planted.rows(f"SELECT {user}, account, container FROM xalt_run"))
    assert row[0] == row[1] and row[2].startswith(f"/home/{row[0]}"[:20])
    assert bytes(blob)[:4] != b'{"A"' and len(row[2]) <= 32  # packed, as it was


def test_a_pseudonym_that_makes_a_text_too_long_stops_nothing(planted):
    long = "/home/otter/" + "x" * 4096
    database = planted.connect()
    for table, column, width in (
        ("xalt_run", "cwd", 1024), ("xalt_link", "cwd", 1024), ("xalt_pkg", "pkg_path", 1024),
        ("xalt_rejected", "source", 255), ("lmod_log", "name", 1024), ("lmod_module", "path", 4096),
        ("usage_run", "message", 1000), ("epmt_refmodel", "name", 255),
        ("xalt_object", "object_path", 1024), ("xalt_run", "container", 32),
    ):  # fmt: skip
        database.execute(f"UPDATE {table} SET {column} = ?", (long[:width],))
    columns = [(name, TEXT) for name in ("account", "field_of_science", "directorate")]
    database.insert_rows("xalt_field_of_science", columns, [("otter", "Zoology", "Biology")])
    database.close()
    words = ("pseudonymise", "otter", "--as", "somebody-with-a-longer-name", "--yes", "-q")
    done = person(planted, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert traces(planted, "otter") == {}


def test_a_whole_environment_that_is_not_packed_stays_so(planted):
    database = planted.connect()
    database.execute("UPDATE xalt_total_env SET env_blob = ?", (OBJECT.encode(),))
    database.close()
    person(planted, "pseudonymise", "otter", "--as", "anon-1", "--yes", "-q")
    rows = {bytes(row[0]) for row in planted.rows("SELECT env_blob FROM xalt_total_env")}
    assert rows == {OBJECT.replace("otter", "anon-1").encode()}


def test_names_of_models_that_become_the_same_are_told_apart(planted):
    names = ["/home/otter/x", "/home/bert/x", "/home/otter/" + "y" * 243,
             "/home/bert/" + "y" * 244]  # fmt: skip
    database = planted.connect()
    database.insert_rows("epmt_refmodel", MODEL, [
        (name, OLD, OLD, 1, "{}", "[]", "{}", "{}") for name in names
    ])  # fmt: skip
    database.close()
    for name in ("otter", "bert"):
        done = person(planted, "erase", name, "--yes", "-q")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert not [place for place in traces(planted, name) if place[0] == "epmt_refmodel"]
    found = [row[0] for row in planted.rows("SELECT name FROM epmt_refmodel ORDER BY id")]
    assert len(set(found)) == 5
    assert found[2] == f"{found[1]}-2"


def test_a_model_that_got_its_name_before_the_answer_was_lost_keeps_it(planted):
    database = planted.connect()
    rows = database.rows("SELECT id FROM epmt_refmodel")
    changed = [(number, {}, {"name": "renamed"}) for (number,) in rows]
    for _time in range(2):
        in_transaction(database, lambda: mentions.write(database, MODELS, changed, {}))
    database.close()
    assert planted.rows("SELECT name FROM epmt_refmodel") == [("renamed",)]


@pytest.mark.parametrize("column, is_newer", [("annotations", True), ("env_dict", False)])
def test_a_job_whose_annotations_change_is_newer_than_its_files(planted, column, is_newer):
    database = planted.connect()
    for name in ("annotations", "env_dict"):
        text = '{"a": "/home/otter"}' if name == column else "{}"
        database.execute(f"UPDATE epmt_job SET updated_at = ?, {name} = ?", (OLD, text))
    database.close()
    person(planted, "pseudonymise", "otter", "--as", "anon-1", "--yes", "-q")
    found = planted.rows(
        "SELECT j.updated_at FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id"
        " WHERE u.name = 'bert'"
    )
    assert found and {moment > OLD for (moment,) in found} == {is_newer}
