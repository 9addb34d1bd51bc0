"""Old records go, or lose the names of people; what is young stays as it was."""

import pytest

from tests.xaltload.loading import assert_sets_hold, contents, expected, make_records, write_records
from tests.xaltload.samples import LINK, PACKAGE, RUN, changed

COMMAND = "delete_old_records"
OLD, YOUNG = 86400.0 * 400, 0.0
RECORDS = make_records(60, seed=41)


def aged(records, every=2):
    """Return the records, those of every second run (by its uuid) 400 days older."""
    changed_records = []
    for name, record in records:
        if "userT" in record and int(record["userT"]["run_uuid"][:4], 16) % every == 0:
            times = record["userDT"]
            record = changed(
                record,
                userDT__start_time=times["start_time"] - OLD,
                userDT__end_time=times["end_time"] and times["end_time"] - OLD,
            )
        elif "resultT" in record and int(record["resultT"]["uuid"][:4], 16) % every == 0:
            epoch = float(record["resultT"]["build_epoch"]) - OLD
            record = changed(record, resultT__build_epoch=f"{epoch:.4f}")
        changed_records.append((name, record))
    return changed_records


def is_old(record):
    if "userT" in record:
        return record["userDT"]["start_time"] < 1_767_225_600
    if "resultT" in record:
        return float(record["resultT"]["build_epoch"]) < 1_767_225_600
    return False


@pytest.fixture
def filled(site, tmp_path):
    """A Site with old and young records; and the records."""
    site.create()
    records = aged(RECORDS)
    write_records(tmp_path / "tree", records)
    assert site.run("xalt_file_to_db", tmp_path / "tree").returncode == 0
    return site, records


def purge(site, *options, status=0):
    done = site.run(COMMAND, "--schema", "xalt", "--end", "2026-01-01", *options)
    assert done.returncode == status, done.stderr
    return done


def test_old_runs_and_links_go_with_all_that_hangs_on_them(filled):
    site, records = filled
    young = [one for one in records if not is_old(one[1])]
    done = purge(site, "--dry-run")
    assert "would delete" in done.stdout and contents(site) == expected(records)
    purge(site, "--yes")
    found, wanted = contents(site), expected(young)
    assert found["runs"] == wanted["runs"] and found["links"] == wanted["links"]
    assert found["packages"] == wanted["packages"]
    for child, parent, key in (
        ("join_run_object", "xalt_run", "run_id"), ("join_run_env", "xalt_run", "run_id"),
        ("xalt_pkg", "xalt_run", "run_id"), ("join_link_object", "xalt_link", "link_id"),
        ("join_link_function", "xalt_link", "link_id"),
        ("xalt_set_object", "xalt_object_set", "set_id"),
    ):  # fmt: skip
        orphans = f"SELECT COUNT(*) FROM {child} WHERE {key} NOT IN (SELECT {key} FROM {parent})"
        assert site.rows(orphans) == [(0,)]
    used = {path for run in wanted["runs"].values() for path in run["libraries"]}
    used |= {path for link in wanted["links"].values() for path in link["libraries"]}
    assert {row[0] for row in site.rows("SELECT object_path FROM xalt_object")} == used
    assert_sets_hold(site)
    assert "nothing" in purge(site, "--yes").stdout


def test_loads_go_on_after_old_records_went(filled, tmp_path):
    site, records = filled
    purge(site, "--yes")
    assert site.run("xalt_file_to_db", tmp_path / "tree").returncode == 0
    assert contents(site)["runs"] == expected(records)["runs"]
    assert_sets_hold(site)


def test_only_the_cluster_that_is_named_is_concerned(filled):
    site, records = filled
    done = purge(site, "--yes", "--syshost", "polaris", status=2)
    assert "there are aurora" in done.stderr
    purge(site, "--yes", "--syshost", "aurora")
    assert len(contents(site)["runs"]) < len(expected(records)["runs"])


def test_names_become_pseudonyms_that_stay_the_same(site, tmp_path):
    site.create()
    old = {"userDT__start_time": 1_735_689_600.5, "userDT__end_time": 1_735_689_700.0}
    run = changed(
        RUN, **old, userT__cwd="/scratch/otter/case",
        cmdlineA=["./prog", "/home/otter/x", "otters"],
        envT={"HOME": "/home/otter", "USER": "otter", "PATH": "/usr/bin"},
    )  # fmt: skip
    run["libA"] = [["/home/otter/lib/mine.so", "0"], ["/lib64/libc.so", "0"]]
    again = changed(run, hash_id="e" * 40)
    young = changed(RUN, hash_id="d" * 40)
    link = changed(LINK, resultT__build_epoch="1735689600.5")
    uuid = RUN["userT"]["run_uuid"]
    names = [f"run.aurora.2026_01_01_00_00_00_{n}.otter.zzz.{uuid}.json" for n in (1, 2, 3)]
    records = list(zip(names, (run, again, young)))
    records.append((f"link.aurora.2026_01_01_00_00_00_1.otter.{uuid}.json", link))
    records.append((f"pkg.aurora.2026_01_01_00_00_00_1.otter.{uuid}.0123456789ab.json", PACKAGE))
    write_records(tmp_path / "tree", records)
    assert site.run("xalt_file_to_db", tmp_path / "tree").returncode == 0
    done = purge(site, "--anonymize", "--yes")
    assert "anonymize records" in done.stdout
    found = contents(site)
    anonymous = [one for key, one in found["runs"].items() if key[2] != "d" * 40]
    users = {one["columns"][14] for one in anonymous}
    assert len(anonymous) == 2 and len(users) == 1
    (name,) = users
    assert name.startswith("anon-") and len(name) == 17
    for one in anonymous:
        assert one["columns"][16] == f"/home/{name}/prog"
        assert one["columns"][17] == f"/scratch/{name}/case"
        assert one["cmdline"] == ["./prog", f"/home/{name}/x", "otters"]
        assert one["environment"] == {"HOME": f"/home/{name}", "USER": name, "PATH": "/usr/bin"}
        assert one["libraries"] == {"/lib64/libc.so"}
    (stored,) = found["links"].values()
    assert stored["columns"][4] == name and stored["columns"][7] == f"/home/{name}/prog"
    assert found["runs"][("aurora", uuid, "d" * 40, 1767225600.1234)]["columns"][14] == "otter"
    assert "/home/otter/lib/mine.so" not in {
        row[0] for row in site.rows("SELECT object_path FROM xalt_object")
    }
    assert "nothing" in purge(site, "--anonymize", "--dry-run").stdout
    assert site.run("xalt_file_to_db", tmp_path / "tree").returncode == 0
    assert contents(site) == found
    assert_sets_hold(site)


def test_anonymizing_is_for_the_schema_that_can_do_it(site):
    site.create()
    done = site.run(COMMAND, "--anonymize", "--keepMonths", "1", "--yes")
    assert done.returncode == 2 and "--anonymize is not for --schema lmod" in done.stderr


def test_modules_are_named_anew_by_a_new_reverse_map(filled, tmp_path):
    site, _records = filled
    (tmp_path / "xalt_rmapT.json").write_text('{"reverseMapT": {"/apps/pkg001": "pkg001/new"}}')
    done = site.run("xalt_update_modules", "--reverseMapD", tmp_path, "--dry-run")
    assert "would change" in done.stdout
    null = "SELECT COUNT(*) FROM xalt_run WHERE module_name IS NOT NULL"
    assert site.rows(null) == [(0,)]
    assert site.run("xalt_update_modules", "--reverseMapD", tmp_path).returncode == 0
    wrong = "SELECT COUNT(*) FROM {} WHERE (module_name IS NOT NULL) <> ({} LIKE '/apps/pkg001/{}')"
    for table, column in (("xalt_run", "exec_path"), ("xalt_object", "object_path")):
        assert site.rows(wrong.format(table, column, "%")) == [(0,)]
    (tmp_path / "xalt_rmapT.json").write_text('{"reverseMapT": {"/none": "none/1"}}')
    site.run("xalt_update_modules", "--reverseMapD", tmp_path)
    assert site.rows(null) != [(0,)]
    site.run("xalt_update_modules", "--reverseMapD", tmp_path, "--all")
    assert site.rows(null) == [(0,)]
