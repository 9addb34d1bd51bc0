"""Runs are found by exact filters, in a tree and in the database alike."""

import collections
import csv
import datetime
import io
import json
import os
import pty
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, run_command
from tests.xaltload.loading import expected, make_records, write_records
from tests.xaltload.samples import PACKAGE, RUN, changed
from xaltload.find import Criteria
from xaltload.names import parse_name

COMMAND = "xalt_find_records"
RECORDS = [
    (name, changed(record, userT__user=name.split(".")[3]) if "userT" in record else record)
    for name, record in make_records(40, seed=31)
]
RUNS = expected(RECORDS)["runs"]


@pytest.fixture
def tree(tmp_path):
    """A tree of records."""
    write_records(tmp_path / "tree", RECORDS)
    return tmp_path / "tree"


@pytest.fixture(params=["tree", "database"])
def find(request, site, tree):
    """A function that finds runs and returns the objects of its JSON output."""
    site.create()
    if request.param == "database":
        assert site.run("xalt_file_to_db", tree).returncode == 0
        where = ("--confFn", site.conf_path)
    else:
        where = (tree,)

    def find(*options):
        done = run_command(COMMAND, *where, "--format", "json", *options)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return find


def wanted(condition):
    """Return the uuids of the runs whose columns fulfil a condition, by their start."""
    runs = sorted(RUNS.values(), key=lambda run: (run["date"], run["columns"][1]))
    return [run["columns"][1] for run in runs if condition(run)]


def uuids(found):
    return [run["run_uuid"] for run in found]


def test_every_filter_takes_exactly_what_it_says(find):
    user = RECORDS[0][1]["userT"]["user"]
    assert uuids(find()) == wanted(lambda run: True)
    found = uuids(find("--user", user))
    assert found == wanted(lambda run: run["columns"][14] == user) != []
    assert find("--user", user + "0") == []
    assert uuids(find("--job-id", "1")) == wanted(lambda run: run["columns"][11] == "1") != []
    uuid = RECORDS[0][1]["userT"]["run_uuid"]
    assert uuids(find("--run-uuid", uuid.upper())) == [uuid]
    assert find("--run-uuid", uuid[:8]) == []
    found = uuids(find("--exec", "lmp_*"))
    assert found == wanted(lambda run: run["columns"][16].endswith("/lmp_mpi")) != []
    assert uuids(find("--exec", "/home/*/x/*/[gl]*")) == wanted(
        lambda run: (
            run["columns"][16].startswith("/home/")
            and run["columns"][16].rsplit("/", 1)[1][0] in "gl"
        )
    )
    day = ("--start", "2026-01-01", "--end", "2026-01-02")
    assert uuids(find(*day)) == wanted(lambda run: run["date"] < "2026-01-02")
    assert find("--start", "2026-01-02") == [] == find("--end", "2026-01-01")


def test_a_report_has_the_facts_of_the_records(find):
    (name, record) = next(one for one in RECORDS if ".zzz." in one[0])
    uuid = record["userT"]["run_uuid"]
    packages = [one for one in expected(RECORDS)["packages"] if one[0] == uuid]
    (run,) = find("--run-uuid", uuid)
    assert run["program"] == record["userT"]["exec_path"]
    assert run["modules"] == [one for one in record["envT"]["LOADEDMODULES"].split(":") if one]
    assert (run["job_id"], run["account"]) == (
        record["userT"]["job_id"], record["userT"]["account"],
    )  # fmt: skip
    assert run["run_time"] == record["userDT"]["run_time"] and run["ended"] is True
    found = sorted((one["name"], one["version"], one["path"]) for one in run["packages"])
    assert found == sorted(one[2:] for one in packages)


def test_a_run_that_did_not_end_is_told(find_in_tree):
    found = find_in_tree(changed(RUN, userDT__end_time=0.0, userDT__run_time=0.0))
    assert "Ended:     no end is known" in found.stdout
    found = find_in_tree(RUN)
    assert "Ended:     yes, after 60.38 s" in found.stdout


@pytest.fixture
def find_in_tree(tmp_path):
    """A function that writes a run record and reports it."""

    def find(record, *options, **more):
        phase = "zzz" if record["userDT"]["end_time"] else "aaa"
        uuid = record["userT"]["run_uuid"]
        name = f"run.aurora.2026_01_01_00_00_00_1.otter.{phase}.{uuid}.json"
        write_records(tmp_path / "tree", [(name, record)])
        return run_command(COMMAND, "--run-uuid", uuid, tmp_path / "tree", *options, **more)

    return find


def test_the_report_goes_into_a_file_on_request(find_in_tree, tmp_path):
    done = find_in_tree(RUN, "--report", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "1 runs: xalt_report.txt\n")
    text = (tmp_path / "xalt_report.txt").read_text()
    assert "Program:   /home/otter/prog" in text and "gcc/13.2.0, fftw3/3.3.10" in text


@pytest.mark.parametrize("output_format", ["table", "csv", "markdown"])
def test_other_formats(find_in_tree, output_format):
    done = find_in_tree(RUN, "--format", output_format)
    assert "/home/otter/prog" in done.stdout and len(done.stdout.splitlines()) in (2, 3)


def test_csv_and_json_have_the_same_keys_and_a_table_has_words(find_in_tree):
    (run,) = json.loads(find_in_tree(RUN, "--format", "json").stdout)
    (row,) = csv.DictReader(io.StringIO(find_in_tree(RUN, "--format", "csv").stdout))
    assert list(row) == list(run)
    for name in ("run_uuid", "program", "job_id", "user", "account", "syshost"):
        assert row[name] == run[name], name
    table = find_in_tree(RUN, "--format", "table").stdout
    assert table.split()[:5] == ["Run", "Program", "Modules", "Job", "User"]


def test_control_characters_do_not_reach_the_terminal(find_in_tree):
    done = find_in_tree(changed(RUN, userT__exec_path="/x\x1b[31m\u202e", userT__account="\x07"))
    assert "\x1b" not in done.stdout and "\\x1b[31m\\u202e" in done.stdout


def test_only_files_that_may_match_are_read(tmp_path, monkeypatch):
    criteria = Criteria(user="ada", start=datetime.date(2026, 1, 5), end=datetime.date(2026, 1, 6))
    uuid = RUN["userT"]["run_uuid"]

    def may_take(name):
        return criteria.may_take(parse_name(name))

    assert may_take(f"run.c.2026_01_05_00_00_00_1.ada.zzz.{uuid}.json")
    assert may_take(f"run.c.2026_01_06_00_00_00_1.ada.zzz.{uuid}.json")  # of another time zone
    assert may_take(f"run.c.2026_01_05_00_00_00.zzz.{uuid}.json")  # tells no user
    assert not may_take(f"run.c.2026_01_05_00_00_00_1.adam.zzz.{uuid}.json")
    assert not may_take(f"run.c.2026_01_08_00_00_00_1.ada.zzz.{uuid}.json")
    assert not may_take(f"pkg.c.2026_01_05_00_00_00_1.ada.{uuid}.0123456789ab.json")


def test_packages_of_other_runs_are_not_read(tmp_path, find_in_tree):
    uuid = RUN["userT"]["run_uuid"]
    other = uuid.replace("0001", "0002")
    names = [f"pkg.aurora.2026_01_01_00_00_00_1.otter.{one}.0123456789ab.json"
             for one in (uuid, other)]  # fmt: skip
    write_records(tmp_path / "tree", [(names[0], PACKAGE)])
    (tmp_path / "tree" / names[1]).write_bytes(b"broken")
    done = find_in_tree(RUN)
    assert (done.returncode, done.stderr) == (0, "") and "numpy 3.11.2" in done.stdout


def test_without_anything_to_find_and_nobody_to_ask_it_is_a_usage_error():
    done = run_command(COMMAND)
    assert done.returncode == 2 and "--user" in done.stderr


def test_a_tree_that_is_not_there_is_told(tmp_path):
    assert run_command(COMMAND, "--user", "a", tmp_path / "none").returncode == 66


def test_the_directory_of_xalt_is_searched_by_default(tree):
    user = RECORDS[0][1]["userT"]["user"]
    done = run_command(
        COMMAND, "--user", user, "--format", "json",
        env={**os.environ, "XALT_FILE_PREFIX": str(tree)},
    )  # fmt: skip
    assert uuids(json.loads(done.stdout)) == wanted(lambda run: run["columns"][14] == user)


def test_at_a_terminal_questions_are_asked(tree, tmp_path):
    users = collections.Counter(run["columns"][14] for run in RUNS.values())
    user = users.most_common(1)[0][0]
    answers = f"{tree}\n{user}\n01/01/2026\n01/01/2026\n\n\n1\n"
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, CHECKOUT / "bin" / COMMAND], stdin=terminal, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    os.close(terminal)
    os.write(main, answers.encode())
    out, messages = process.communicate()
    os.close(main)
    assert process.returncode == 0, messages
    first = wanted(lambda run: run["columns"][14] == user)[0]
    assert out.split()[:2] == ["Run:", first]
    assert "Directory to search" in messages and "Which one" in messages


@pytest.mark.parametrize("day", ["0001_01_01", "9999_12_31", "0000_00_00"])
def test_a_name_with_a_day_at_the_end_of_time_ends_no_search(tmp_path, day):
    """Any user can give a file any name."""
    uuid = RUN["userT"]["run_uuid"]
    name = f"run.aurora.{day}_00_00_00_0000.otter.zzz.{uuid}.json"
    write_records(tmp_path / "tree", [(name, RUN)])
    days = ("--start", "2025-12-01", "--end", "2026-02-01")
    done = run_command(COMMAND, tmp_path / "tree", *days, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert uuids(json.loads(done.stdout)) == [uuid]
