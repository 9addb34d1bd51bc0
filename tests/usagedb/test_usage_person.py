"""What is stored about a person can be seen, renamed and removed: all of it, and nothing else."""

import json
import logging
import os
import sqlite3
import stat

import pytest

from tests.usagedb.person_site import RUN_NAME, UUID, counts, fill, load, person, traces
from tests.xaltload.samples import RUN, changed, written
from usagedb import pseudonyms
from usagedb.person import overwriting
from xaltload.anonymize import read_secret

REPORTS = (
    ("analyzeLmodDB", "counts", "--format", "json"),
    ("analyzeLmodDB", "usernames", "--format", "json"),
    ("xalt_usage_report", "--format", "json", "--start", "2025-01-01"),
    ("xalt_library_usage", "--format", "json", "--start", "2025-01-01"),
)
# What somebody else's program says without meaning the person: a word among the arguments.
ALLOWED = {("lmod_module", "module_name"), ("lmod_module", "path"), ("lmod_module", "path_folded")}


@pytest.fixture
def filled(site, tmp_path):
    """A Site with data of otter and bert, and the inputs."""
    site.inputs = fill(site, tmp_path / "inputs")
    return site


def erased(site, name="otter", *words):
    """Erase a person; return the rows that were told."""
    done = person(site, "erase", name, "--yes", "--format", "json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return {
        (row["data"], row["table"], row["action"]): row["rows"] for row in json.loads(done.stdout)
    }


def exported(site, name="otter"):
    """Return what is stored about a person."""
    done = person(site, "export", name)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def reports(site):
    """Return what the reports say."""
    found = []
    for words in REPORTS:
        done = site.run(*words)
        assert done.returncode == 0, (words, done.stderr)
        found.append(done.stdout)
    return "\n".join(found)


def test_export_holds_everything_of_a_person(filled):
    found = exported(filled)
    assert set(found) == {"lmod", "xalt", "epmt"}
    lmod, xalt, epmt = found["lmod"], found["xalt"], found["epmt"]
    assert [row["user_name"] for row in lmod["lmod_user"]] == ["otter"]
    assert sorted((row["day"], row["module"], row["loads"]) for row in lmod["lmod_use"]) == [
        ("2026-01-01", "gcc/12", 1), ("2026-01-01", "mine/1", 1),
        ("2026-01-02", "gcc/12", 1), ("2026-01-02", "mine/1", 1),
    ]  # fmt: skip
    assert sorted(row["time"] for row in lmod["lmod_load"])[0] == "2026-01-01T00:00:00.500000Z"
    assert len(lmod["lmod_load"]) == 4 and len(lmod["lmod_month"]) == 2
    for table in ("lmod_use", "lmod_load", "lmod_month"):  # as in XALT's
        assert {row["syshost"] for row in lmod[table]} == {"alpha"}
    (run,) = xalt["xalt_run"]
    assert run["environment"]["MAIL"] == "otter@example.org"
    assert json.loads(run["cmdline"]) == ["./prog", "--out=/scratch/otter/x"]
    assert run["start_time"] == "2026-01-01T00:00:00.123400Z"
    assert [one["pkg_name"] for one in run["packages"]] == ["numpy"]
    assert run["libraries"] == ["/home/otter/lib/libx.so", "/lib64/libc-2.28.so"]
    (link,) = xalt["xalt_link"]
    assert link["link_line"] == "gcc -o /home/otter/prog" and "dgemm_" in link["functions"]
    (job,) = epmt["epmt_job"]
    assert job["jobid"] == "100" and job["env_dict"]["HOME"] == "/home/otter"
    assert job["tags"] == {"exp_name": "ocean", "owner": "otter"} and job["hosts"] == ["n1"]
    assert [row["args"] for row in epmt["epmt_process"]] == ["-r a /scratch/otter/b", "-r a b"]
    assert "bert" not in json.dumps(found)


def test_export_into_a_directory_is_for_this_account_alone(filled, tmp_path):
    place = tmp_path / "out"
    done = person(filled, "export", "otter", "--directory", place)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    files = {path.name: path.read_text().splitlines() for path in place.iterdir()}
    assert len(files["lmod-lmod_load.jsonl"]) == 4 and len(files["epmt-epmt_process.jsonl"]) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    again = person(filled, "export", "otter", "--directory", place)
    assert (again.returncode, again.stdout) == (2, "")


def test_nobody_is_an_empty_document(filled):
    done = person(filled, "export", "nobody", "-v")
    assert (done.returncode, done.stdout) == (0, "{}\n")
    assert "nothing is stored about nobody" in done.stderr
    before = counts(filled)
    done = person(filled, "erase", "nobody", "--yes", "--format", "json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    before["usage_run"] += 3
    assert counts(filled) == before


def test_a_name_is_no_pattern_and_no_sql(filled):
    before = counts(filled)
    names = ("' OR '1'='1", "%", "_tter", "OTTER", "otter\n", 'a"b', "\\", "n\u00f6", "?")
    for name in names:
        assert exported(filled, name) == {}, name
    for name in names[:4]:
        assert erased(filled, name) == {}, name
    assert {**counts(filled), "usage_run": 0} == {**before, "usage_run": 0}


def test_hostile_names_that_are_stored_are_found_and_replaced(site, tmp_path):
    site.create("xalt")
    names = ("o'tter", 'ot"ter', "100%", "ot\\ter", "\u00f6tter", "o?er")
    for number, name in enumerate(names):
        uuid = UUID.format(n=number)
        run = changed(
            RUN, userT__user=name, userT__cwd=f"/home/{name}", userT__run_uuid=uuid,
            cmdlineA=["./p", f"/home/{name}/x"],
        )  # fmt: skip
        (tmp_path / RUN_NAME.format(n=number, user="x")).write_bytes(written(run))
    assert site.run("xalt_file_to_db", "-q", tmp_path).returncode == 0
    for number, name in enumerate(names):
        assert len(exported(site, name)["xalt"]["xalt_run"]) == 1
        new = f"somebody{number}"
        done = person(site, "pseudonymise", name, "--as", new, "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        assert traces(site, name) == {}
        (run,) = exported(site, new)["xalt"]["xalt_run"]
        assert (run["cwd"], json.loads(run["cmdline"])) == (
            f"/home/{new}",
            ["./p", f"/home/{new}/x"],
        )


def test_erase_leaves_nothing_of_a_person_and_everything_of_others(filled):
    told = erased(filled)
    assert told["lmod", "lmod_use", "removed"] == 4 and told["lmod", "lmod_load", "removed"] == 4
    assert told["xalt", "xalt_run", "removed"] == 1 and told["xalt", "join_run_env", "removed"] == 4
    assert told["epmt", "epmt_job", "removed"] == 1 and told["epmt", "epmt_process", "removed"] == 2
    left = {key: values for key, values in traces(filled, "otter").items() if key not in ALLOWED}
    # An argument of somebody else's that is the word alone is not known to be a person.
    assert {key: len(values) for key, values in left.items()} == {("xalt_run", "cmdline"): 1}
    assert exported(filled) == {}
    bert = exported(filled, "bert")
    assert len(bert["lmod"]["lmod_load"]) == 6 and len(bert["epmt"]["epmt_process"]) == 2
    (run,) = bert["xalt"]["xalt_run"]
    assert run["exec_path"] == "/home/erased/prog"
    assert run["environment"]["PATH"] == "/home/erased/bin:/usr/bin"
    assert "/home/erased/lib/libx.so" in run["libraries"]


def test_the_record_of_an_erasure_does_not_name_the_person(filled):
    erased(filled)
    rows = filled.rows(
        "SELECT message FROM usage_run WHERE command = 'usage_person' ORDER BY run_id"
    )
    assert len(rows) == 3 and all(row[0].startswith("erase of a person in ") for row in rows)
    assert not any("otter" in row[0] for row in rows)


def test_what_was_loaded_before_the_erasure_of_modules_does_not_come_back(filled):
    erased(filled)
    before = counts(filled)
    done = filled.run("store_module_data", "--store_all", *filled.inputs["lmod"])
    assert (done.returncode, done.stderr) == (0, "")
    before["usage_run"] += 1
    assert counts(filled) == before


def test_a_dry_run_says_the_same_and_changes_nothing(filled, tmp_path):
    for words in (["erase"], ["erase", "--keep-statistics"], ["pseudonymise"]):
        before = counts(filled)
        key = ["--key-file", tmp_path / "no.key"] if words == ["pseudonymise"] else []
        done = person(filled, words[0], "otter", "--dry-run", "--format", "json", *words[1:])
        assert (done.returncode, done.stderr) == (0, "")
        would = {
            (row["table"], row["action"].split()[-1]): row["rows"]
            for row in json.loads(done.stdout)
        }
        assert would["epmt_job", "removed" if len(words) == 1 and not key else "changed"] == 1
        assert counts(filled) == before and len(exported(filled)["xalt"]["xalt_run"]) == 1
    done = person(filled, "erase", "otter", "--dry-run", "--format", "json")
    would = {
        (row["table"], row["action"].split()[-1], row["rows"]) for row in json.loads(done.stdout)
    }
    assert would == {(table, what, rows) for (_data, table, what), rows in erased(filled).items()}


def test_without_yes_nobody_is_erased(filled):
    done = person(filled, "erase", "otter")
    assert (done.returncode, done.stdout) == (2, "") and "--yes" in done.stderr
    assert exported(filled) != {}


def test_a_second_erasure_finds_nothing(filled):
    assert erased(filled) != {}
    assert erased(filled) == {}


def test_pseudonymised_reports_say_the_same_but_for_the_name(filled, tmp_path):
    before = reports(filled)
    done = person(
        filled, "pseudonymise", "otter", "--key-file", tmp_path / "key", "--yes", "--format", "json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    (new,) = [row[0] for row in filled.rows("SELECT user_name FROM lmod_user") if row[0] != "bert"]
    assert new.startswith("anon-") and "otter" in before
    after = reports(filled)
    assert lines(after) == lines(
        before.replace("/home/otter/", f"/home/{new}/").replace('"otter"', f'"{new}"')
    )
    left = {key for key in traces(filled, "otter") if key not in ALLOWED}
    assert left == {("xalt_run", "cmdline")}
    found = exported(filled, new)
    assert found["xalt"]["xalt_run"][0]["environment"]["HOME"] == f"/home/{new}"
    assert found["epmt"]["epmt_job"][0]["env_dict"]["HOME"] == f"/home/{new}"


def lines(text):
    """Return the lines of reports, in no order."""
    return sorted(text.splitlines())


def test_the_same_input_stays_known_after_a_name_was_replaced(filled, tmp_path):
    person(filled, "pseudonymise", "otter", "--key-file", tmp_path / "key", "--yes")
    before = counts(filled)
    load(filled, filled.inputs)
    after = counts(filled)
    for table in (
        "lmod_use", "lmod_load", "lmod_month", "lmod_user", "xalt_run", "xalt_link", "xalt_pkg",
        "join_run_env", "join_run_object", "epmt_job", "epmt_process", "epmt_user",
    ):  # fmt: skip
        assert after[table] == before[table], table


def test_new_records_of_a_pseudonymised_person_join_the_old_ones_when_it_is_done_again(
    filled, tmp_path
):
    words = ("pseudonymise", "otter", "--key-file", tmp_path / "key", "--yes")
    assert person(filled, *words).returncode == 0
    more = tmp_path / "inputs" / "more.log"
    more.write_text(filled.inputs["lmod"][0].read_text().replace("T00:00:00+", "T00:00:09+"))
    assert filled.run("store_module_data", "--store_all", more).returncode == 0
    assert person(filled, *words).returncode == 0
    users = [row[0] for row in filled.rows("SELECT user_name FROM lmod_user ORDER BY 1")]
    assert len(users) == 2 and users[1] == "bert"
    found = exported(filled, users[0])["lmod"]
    assert sorted(row["loads"] for row in found["lmod_use"]) == [2, 2, 2, 2]
    assert len(found["lmod_load"]) == 8 and len(found["lmod_month"]) == 2


def test_statistics_can_stay_without_the_name(filled):
    before = totals(filled)
    told = erased(filled, "otter", "--keep-statistics")
    assert totals(filled) == before
    assert told["lmod", "lmod_load", "removed"] == 4
    assert {key for key in traces(filled, "otter") if key not in ALLOWED} == {
        ("xalt_run", "cmdline")
    }
    (run,) = exported(filled, "erased")["xalt"]["xalt_run"]
    assert (run["environment"], run["cwd"], run["cmdline"]) == ({}, "", "[]")
    (job,) = exported(filled, "erased")["epmt"]["epmt_job"]
    assert (job["env_dict"], job["tags"], job["jobname"]) == ({}, {}, "")
    assert [row["args"] for row in exported(filled, "erased")["epmt"]["epmt_process"]] == ["", ""]


def totals(site):
    """Return what statistics count."""
    sums = site.rows("SELECT SUM(loads) FROM lmod_use") + site.rows(
        "SELECT SUM(loads) FROM lmod_month"
    )
    return [int(row[0]) for row in sums] + [
        site.rows("SELECT COUNT(*), SUM(run_time) FROM xalt_run"),
        site.rows("SELECT COUNT(*), SUM(cpu_time), SUM(num_procs) FROM epmt_job"),
    ]


def test_a_stopped_erasure_goes_on_where_it_was(filled):
    first = site_run_with_fault(filled)
    assert first.returncode != 0
    told = erased(filled, "otter", "--wait", "60")
    assert told and exported(filled) == {}
    assert {key for key in traces(filled, "otter") if key not in ALLOWED} == {
        ("xalt_run", "cmdline")
    }


def site_run_with_fault(site):
    """Run the erasure of otter in a process that is killed after its third transaction."""
    import subprocess
    import sys

    script = (
        "import os, signal, sys\n"
        "from usagedb import database\n"
        "plain = database.Database.transaction\n"
        "count = [0]\n"
        "import contextlib\n"
        "@contextlib.contextmanager\n"
        "def counted(self):\n"
        "    with plain(self):\n"
        "        yield self\n"
        "    count[0] += 1\n"
        "    if count[0] == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "database.Database.transaction = counted\n"
        "from usagedb.usage_person import main\n"
        "main()\n"
    )
    words = ["erase", "otter", "--yes", "--confFn", str(site.conf_path)]
    words += ["--schema", "lmod", "--schema", "xalt", "--schema", "epmt"]
    return subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, check=False, text=True
    )


def test_a_key_that_others_can_read_is_refused(filled, tmp_path):
    key = tmp_path / "key"
    key.write_text("00" * 32)
    key.chmod(0o644)
    done = person(filled, "pseudonymise", "otter", "--key-file", key, "--yes")
    assert (done.returncode, done.stdout) == (77, "") and "chmod 600" in done.stderr


@pytest.mark.parametrize("first", ["anonymize", "pseudonymise"])
def test_a_person_has_one_pseudonym_whichever_command_makes_it(
    filled, tmp_path, monkeypatch, first
):
    path = tmp_path / "pseudonyms.key"
    monkeypatch.setattr(pseudonyms, "usual_key_path", lambda: path)
    key = pseudonyms.read_key(path) if first == "pseudonymise" else None
    database = filled.connect()
    secret = read_secret(database)
    database.close()
    assert (secret == key) is bool(key)
    done = person(filled, "pseudonymise", "otter", "--schema", "lmod", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    name = pseudonyms.pseudonym_of("otter", secret)
    assert filled.rows("SELECT COUNT(*) FROM lmod_user WHERE user_name = ?", (name,)) == [(1,)]


def test_rejected_lines_of_csv_begin_with_the_user(filled, tmp_path):
    rejects = tmp_path / "rejects.jsonl"
    rows = ("otter,2026_02_30_10_00_00,gcc/12:/p", "beaver,2026_02_30_10_00_00,otter/1:/p")
    lines = [json.dumps({"file": "a.csv", "line": 1, "reason": "r", "text": row}) for row in rows]
    rejects.write_text("\n".join(lines) + "\n")
    exported = json.loads(person(filled, "export", "otter", "--reject", rejects).stdout)
    assert exported["rejects"] == {str(rejects): [json.loads(lines[0])]}
    key = ("--key-file", tmp_path / "pseudonyms.key")
    words = ("--as", "anon-1", "--yes", "--reject", rejects, *key)
    assert person(filled, "pseudonymise", "otter", *words).returncode == 0
    assert rejects.read_text() == lines[0].replace('"otter,', '"anon-1,') + "\n" + lines[1] + "\n"
    counted = erased(filled, "anon-1", "--reject", str(rejects))
    assert counted["rejects", str(rejects), "removed"] == 1
    assert rejects.read_text() == lines[1] + "\n"


def test_reject_files_are_exported_and_cleaned(filled, tmp_path):
    rejects = tmp_path / "rejects.jsonl"
    lines = ['{"line": "user=otter module=x"}', '{"line": "user=bert module=otter"}']
    rejects.write_text("\n".join(lines) + "\n")
    rejects.chmod(0o640)
    done = person(filled, "export", "otter", "--reject", rejects)
    assert json.loads(done.stdout)["rejects"] == {str(rejects): [{"line": "user=otter module=x"}]}
    assert (
        erased(filled, "otter", "--reject", str(rejects))["rejects", str(rejects), "removed"] == 1
    )
    assert rejects.read_text() == lines[1] + "\n"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o640


def test_options_of_another_action_are_refused(filled):
    for words in (
        ["export", "otter", "--yes"], ["export", "otter", "--format", "csv"],
        ["erase", "otter", "--as", "x", "--yes"], ["erase", "otter", "--directory", "x", "--yes"],
        ["pseudonymise", "otter", "--keep-statistics", "--yes"], ["erase", "", "--yes"],
        ["pseudonymise", "otter", "--as", "a/b", "--yes"],
    ):  # fmt: skip
        done = person(filled, *words)
        assert (done.returncode, done.stdout) == (2, ""), words
    assert exported(filled) != {}


def test_a_reject_file_stays_that_of_the_account_that_loads(filled, tmp_path, nobody):
    rejects = tmp_path / "rejects.jsonl"
    rejects.write_text('{"text": "user=otter module=x"}\n')
    os.chown(rejects, nobody["user"], nobody["group"])
    erased(filled, "otter", "--reject", str(rejects))
    status = rejects.stat()
    assert (status.st_size, status.st_uid, status.st_gid) == (0, nobody["user"], nobody["group"])


@pytest.mark.parametrize("kind", ["none", "link", "fifo"])
def test_nothing_is_erased_if_a_reject_file_cant_be_read(filled, tmp_path, kind):
    good, bad = tmp_path / "good.jsonl", tmp_path / kind
    good.write_text('{"text": "user=otter module=x"}\n')
    if kind == "link":
        bad.symlink_to(good)
    if kind == "fifo":
        os.mkfifo(bad)
    before = exported(filled)
    for action in (["export"], ["erase", "--yes"]):
        done = person(filled, action[0], "otter", *action[1:], "--reject", good, "--reject", bad)
        assert (done.returncode, done.stdout) == (66, "")
        assert str(bad) in done.stderr and done.stderr.count("\n") == 1
    assert exported(filled) == before and "otter" in good.read_text()


def test_a_name_is_found_however_json_writes_it(filled, tmp_path):
    rejects = tmp_path / "rejects.jsonl"
    name = "j\N{LATIN SMALL LETTER O WITH DIAERESIS}rg"
    texts = (f"user={name} module=x", f"{name},2026", json.dumps({"user": name}), "user=bert")
    records = [json.dumps({"file": "a", "line": 1, "text": text}) for text in texts]
    half = records[0][:-2]
    rejects.write_text("\n".join([*records, half]) + "\n")
    done = person(filled, "export", name, "--reject", rejects)
    (found,) = json.loads(done.stdout)["rejects"].values()
    assert found == [*map(json.loads, records[:3]), {"line": half}]
    words = ("--as", "anon-1", "--yes", "--reject", rejects)
    assert person(filled, "pseudonymise", name, *words).returncode == 0
    expected = [
        record.replace(json.dumps(json.dumps(name))[3:-3], "anon-1").replace(
            json.dumps(name)[1:-1], "anon-1"
        )
        for record in [*records, half]
    ]
    assert rejects.read_text().splitlines() == expected
    assert "anon-1" in expected[2] and "rg" not in "".join(expected)
    counted = erased(filled, "anon-1", "--reject", str(rejects))
    assert counted["rejects", str(rejects), "removed"] == 4
    assert rejects.read_text() == records[3] + "\n"


def test_who_is_quiet_is_told_too_that_a_reader_keeps_what_was_deleted(tmp_path, caplog):
    path = tmp_path / "x.db"
    writer, reader = (sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2))
    writer.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    with caplog.at_level(logging.ERROR), overwriting(lambda sql: writer.execute(sql).fetchall()):
        writer.execute("DELETE FROM t")
    assert "run the same command again" in caplog.text
    reader.execute("COMMIT")
    caplog.clear()
    with overwriting(lambda sql: writer.execute(sql).fetchall()):
        pass
    assert caplog.text == ""
    writer.close()
    reader.close()
