"""Every number of the reports is that of an independent count over the same records."""

import collections
import json
import math

import pytest

from tests.xaltload.loading import expected, make_records, write_records
from tests.xaltload.samples import LINK, changed
from xaltload.applications import read_entries, shipped_map_path

START, END = "2026-01-01", "2026-01-03"
ENTRIES = list(read_entries(shipped_map_path()))


def site_records():
    """Return records of several days and two clusters, with probabilities, GPUs, containers."""
    records = []
    for name, record in make_records(150, seed=21):
        if "userT" in record:
            number = int(record["userT"]["run_uuid"][:6], 16)  # the same for start and end
            run = record["userDT"]
            shift = 86400 * (number % 4) - 3600 * (number % 7)
            more = {
                "userDT__start_time": run["start_time"] + shift,
                "userDT__end_time": run["end_time"] and run["end_time"] + shift,
                "userDT__probability": (1.0, 0.5, 0.01)[number % 3],
                "userT__syshost": ("aurora", "polaris")[number % 5 == 0],
                "userT__queue": ("normal", "largemem", "gpu,short")[number % 3],
            }
            if number % 9 == 0:
                more["userT__container"] = "singularity"
            if number % 11 == 0:
                more["userT__job_id"] = "unknown"
            record = changed(record, **more)
        records.append((name, record))
    return records


RECORDS = site_records()
MODULES = {
    f"/apps/pkg{number:03d}/{top}.{low}": f"pkg{number:03d}/{top}.{low}"
    for number in range(300) for top in range(4) for low in range(7)
}  # fmt: skip
MODULES.update({f"/apps/pkg{number:03d}/1.0": f"pkg{number:03d}/1.0(gcc)" for number in range(300)})
MODULES["/apps/gcc/13.2.0"] = "gcc/13.2.0"


def module_of(path):
    """Return the module whose directory is the deepest above a path."""
    parts = path.split("/")
    above = ("/".join(parts[:end]) for end in range(len(parts) - 1, 1, -1))
    return next((MODULES[directory] for directory in above if directory in MODULES), None)


def code_of(path):
    """Return the code of an executable: the first pattern that matches."""
    name = path.rsplit("/", 1)[1]
    return next((code for code, pattern in ENTRIES if pattern.search(name.lower())), name)


class OneRun:
    """A run as the reports count it."""

    def __init__(self, run, weighted):
        (self.syshost, self.uuid, _hash, _start, self.end_time, self.seconds, self.probability,
         self.cores, _nodes, _threads, self.gpus, self.job, self.account, self.queue, self.user,
         self.exec_type, self.path, _cwd, self.container, self.link) = run["columns"]  # fmt: skip
        self.date = run["date"]
        self.weight = 1 / self.probability if weighted else 1
        self.hours = self.seconds * self.cores / 3600 * self.weight
        self.module, self.code = module_of(self.path), code_of(self.path)
        self.libraries = run["libraries"]


def selected(weighted=False, syshost="aurora", queue=None):
    """Return the runs that the report is asked for."""
    runs = [OneRun(run, weighted) for run in expected(RECORDS)["runs"].values()]
    return [
        run
        for run in runs
        if START <= run.date[:10] < END and run.syshost == syshost and queue in (None, run.queue)
    ]


def fill_with(site, directory):
    site.create()
    (directory / "xalt_rmapT.json").write_text(json.dumps({"reverseMapT": MODULES}))
    write_records(directory / "tree", RECORDS)
    done = site.run("xalt_file_to_db", "--reverseMapD", directory, directory / "tree")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def reported(site, tmp_path):
    """A function that runs a report and returns {table: rows as dicts}."""
    fill_with(site, tmp_path)

    def run(command, *options, days=("--start", START, "--end", END)):
        done = site.run(command, *days, "--syshost", "aurora", "--format", "json", *options)
        assert (done.returncode, done.stderr) == (0, "")
        return {table["table"]: table["rows"] for table in json.loads(done.stdout)}

    return run


def grouped(runs, key):
    """Return {key: (core hours, users, accounts, runs, jobs)} of some runs; None is left out."""
    groups = collections.defaultdict(list)
    for run in runs:
        if key(run) is not None:
            groups[key(run)].append(run)
    return {name: counted(some) for name, some in groups.items()}


def counted(runs):
    jobs = {(run.syshost, run.job) for run in runs if run.job != "unknown"}
    return (
        round(math.fsum(run.hours for run in runs)), len({run.user for run in runs}),
        len({run.account for run in runs}), round(math.fsum(run.weight for run in runs)), len(jobs),
    )  # fmt: skip


def of_table(rows, name="exec", with_jobs=False):
    """Return {name: counts} of a table's rows."""
    keys = ["corehrs", "number_of_users", "number_of_accts", "number_of_runs"]
    keys += ["number_of_jobs"] if with_jobs else []
    return {row[name]: tuple(row[key] for key in keys) for row in rows}


def assert_same(rows, groups, name, with_jobs=False):
    """Compare a table with groups; the rows may be only the first ones."""
    found = of_table(rows, name, with_jobs)
    wanted = {key: value if with_jobs else value[:4] for key, value in groups.items()}
    assert found == wanted


@pytest.mark.parametrize("weighted", [False, True])
def test_the_tables_of_executables(reported, weighted):
    options = ["--num", "1000", *(["--weighted"] if weighted else [])]
    tables = reported("xalt_usage_report", "--short", *options)
    assert len(tables) == 9
    runs = selected(weighted)
    assert len(runs) > 40
    for style, wanted in (
        ("all", runs),
        ("mpi", [run for run in runs if run.cores > 1]),
        ("non_mpi", [run for run in runs if run.cores <= 1]),
    ):
        groups = grouped(wanted, lambda run: run.code)
        for order, column in (("hours", 0), ("users", 1), ("runs", 3)):
            rows = tables[f"executables_{style}_by_{order}"]
            assert_same(rows, groups, "exec")
            values = [groups[row["exec"]][column] for row in rows]
            assert values == sorted(values, reverse=True)


def test_the_first_rows_and_the_order_of_equal_ones(reported):
    few = reported("xalt_usage_report", "--short", "--num", "3")
    many = reported("xalt_usage_report", "--short", "--num", "1000")
    assert all(many[name][:3] == rows and len(rows) == 3 for name, rows in few.items())


def test_the_overall_counts(reported):
    rows = reported("xalt_usage_report")["overall"]
    runs = selected()
    sums = [0, 0, 0]
    for kind in ("sys", "usr"):
        (row,) = [row for row in rows if row["kind"] == kind]
        own = [run for run in runs if (run.module is None) == (kind == "usr")]
        hours, users, accounts, count, jobs = counted(own)
        assert (row["corehrs"], row["runs"], row["jobs"]) == (hours, count, jobs)
        assert (row["users"], row["accts"]) == (users, accounts)
        share = 100 * sum(run.hours for run in own) / sum(run.hours for run in runs)
        assert row["corehrs_percent"] == pytest.approx(share, abs=1e-4)
        sums = [total + value for total, value in zip(sums, (hours, count, jobs))]
    total = rows[-1]
    assert total["corehrs"] == pytest.approx(sums[0], abs=1)
    assert [total["runs"], total["jobs"]] == sums[1:]


def links():
    """Return {uuid: (program, build user)} of all links."""
    found = expected(RECORDS)["links"]
    return {uuid: (link["columns"][1], link["columns"][4]) for uuid, link in found.items()}


def test_who_built_what_and_with_which_compiler(reported):
    tables = reported("xalt_usage_report", "--full", "--num", "1000")
    built = links()
    runs = [run for run in selected() if run.link in built]
    assert runs
    others = [run for run in runs if built[run.link][1] != run.user and run.module is None]
    own = [run for run in runs if built[run.link][1] == run.user]
    for kind, some in (("diff user", others), ("same user", own)):
        (row,) = [row for row in tables["builders"] if row["kind"] == kind]
        hours, users, _accounts, count, _jobs = counted(some)
        assert (row["corehrs"], row["number_of_runs"], row["number_of_users"]) == (
            hours, count, users,
        )  # fmt: skip
    groups = grouped(runs, lambda run: built[run.link][0])
    assert_same(tables["compilers_by_hours"], groups, "link_program")
    days = [link["columns"][6] for link in expected(RECORDS)["links"].values()]
    assert len(days) == sum(row["count"] for row in tables["compilers_by_count"])
    for compiler in ("gcc", "ifort"):
        some = [run for run in runs if built[run.link][0] == compiler]
        groups = grouped(some, lambda run: run.code)
        assert_same(tables[f"built_with_{compiler}"], groups, "exec")


def library_groups(runs):
    """Return {module: counts}: of a module's libraries that with the most core hours counts."""
    by_path = collections.defaultdict(list)
    for run in runs:
        for path in run.libraries:
            by_path[path].append(run)
    best = {}
    for path, some in sorted(by_path.items()):
        module = module_of(path)
        hours = math.fsum(run.hours for run in some)
        if module and (module not in best or hours > best[module][0] * (1 + 1e-12)):
            best[module] = (hours, some)
    return {module: some for module, (_hours, some) in best.items()}


def test_modules_and_libraries(reported):
    tables = reported("xalt_usage_report", "--full", "--num", "5000")
    runs = selected()
    assert_same(tables["modules"], grouped(runs, lambda run: run.module), "modules")
    for prefix, some in (
        ("", runs),
        ("largemem_", [run for run in runs if run.queue == "largemem"]),
    ):
        groups = library_groups(some)
        assert groups
        wanted = {module: counted(of_module) for module, of_module in groups.items()}
        assert_same(tables[prefix + "libraries"], wanted, "library_module", with_jobs=True)


def test_the_library_report_sees_the_same_and_families(reported):
    tables = reported("xalt_library_usage", "--sqlPattern", "pkg0%")
    groups = {name: runs for name, runs in library_groups(selected()).items() if "pkg0" in name}
    wanted = {module: counted(runs) for module, runs in groups.items()}
    assert_same(tables["libraries"], wanted, "library_module", with_jobs=True)
    users = collections.defaultdict(set)
    hours = collections.Counter()
    for module, runs in groups.items():
        family = module.split("(")[0].rsplit("/", 1)[0]
        users[family] |= {run.user for run in runs}
        hours[family] += math.fsum(run.hours for run in runs)
    found = {row["library_module"]: row for row in tables["library_families"]}
    assert {name: len(names) for name, names in users.items()} == {
        name: row["number_of_users"] for name, row in found.items()
    }
    assert all(round(hours[name]) == row["corehrs"] for name, row in found.items())


def test_the_scalar_bins(reported):
    tables = reported("xalt_scalar_bins_usage_report", "--full")
    scalar = [run for run in selected() if run.cores <= 1]
    for name, low, high in (
        ("scalar_05", 0, 300), ("scalar_10", 0, 600), ("scalar_20", 0, 1200),
        ("scalar_30", 0, 1800), ("scalar_lg", 1800, math.inf),
    ):  # fmt: skip
        groups = grouped([run for run in scalar if low <= run.seconds < high], lambda run: run.code)
        found = {
            row["exec"]: (row["corehrs"], row["number_of_users"], row["number_of_runs"],
                          row["number_of_jobs"])
            for row in tables[name]
        }  # fmt: skip
        assert found == {code: (one[0], one[1], one[3], one[4]) for code, one in groups.items()}
    assert tables["scalar_05"] and tables["scalar_lg"]


def test_queues_are_told_apart(reported):
    tables = reported("xalt_usage_report", "--short", "--num", "1000", "--queue", "gp_")
    groups = grouped(selected(queue="gpu"), lambda run: run.code)
    assert groups
    assert_same(tables["executables_all_by_hours"], groups, "exec")


def test_packages_gpus_containers_accounts_and_unended_runs(reported):
    def report(name):
        return reported("xalt_usage_report", "--report", name, "--num", "5000")

    runs = selected()
    uuids = {run.uuid: run for run in runs}
    importers = collections.defaultdict(dict)
    for uuid, program, name, _version, _path in expected(RECORDS)["packages"]:
        if uuid in uuids:
            importers[program, name][uuid] = uuids[uuid]
    wanted = {key: counted(some.values()) for key, some in importers.items()}
    found = {
        (row["program"], row["package"]): (row["number_of_users"], row["number_of_runs"])
        for row in report("packages")["packages"]
    }
    assert found == {key: (one[1], one[3]) for key, one in wanted.items()}
    gpu_hours = collections.Counter()
    for run in runs:
        if run.gpus:
            gpu_hours[run.account] += run.gpus * run.seconds / 3600
    rows = report("gpus")["gpus_by_account"]
    assert {row["account"]: row["gpu_hrs"] for row in rows} == {
        account: pytest.approx(hours, abs=0.006) for account, hours in gpu_hours.items()
    }
    inside = grouped(
        [run for run in runs if run.container], lambda run: (run.container, run.code)
    )  # fmt: skip
    rows = report("containers")["containers"]
    assert {(row["container"], row["exec"]): row["number_of_runs"] for row in rows} == {
        key: one[3] for key, one in inside.items()
    }
    groups = grouped(runs, lambda run: run.account)
    assert_same(report("accounts")["accounts"], groups, "account", with_jobs=True)
    started = [run for run in runs if not run.end_time]
    rows = report("unended")
    assert sum(row["unended"] for row in rows["unended"]) == len(started)
    assert {row["run"] for row in rows["unended_runs"]} == {run.uuid for run in started}


def test_fields_of_science(site, reported, tmp_path):
    (tmp_path / "fields.csv").write_text(
        "account,field_of_science,directorate\nacct1,Chemistry,MPS\nacct2,Physics,MPS\n"
        "acct3,Biology,BIO\nbad line\n"
    )
    done = site.run("xalt_load_fos", tmp_path / "fields.csv")
    assert (done.returncode, "line 5" in done.stderr) == (3, True)
    tables = reported("xalt_usage_report", "--report", "fields")
    names = {"acct1": "Chemistry", "acct2": "Physics", "acct3": "Biology"}
    groups = grouped(selected(), lambda run: names.get(run.account, "(unknown)"))
    assert_same(tables["fields"], groups, "field_of_science", with_jobs=True)
    directorates = {"acct1": "MPS", "acct2": "MPS", "acct3": "BIO"}
    groups = grouped(selected(), lambda run: directorates.get(run.account, "(unknown)"))
    assert_same(tables["directorates"], groups, "directorate", with_jobs=True)
    (tmp_path / "fields.csv").write_text("acct1,Astronomy,MPS\n")
    for _load in range(2):
        assert site.run("xalt_load_fos", tmp_path / "fields.csv").returncode == 0
    rows = site.rows("SELECT field_of_science FROM xalt_field_of_science ORDER BY 1")
    assert rows == [("Astronomy",), ("Biology",), ("Physics",)]


def test_a_field_may_be_in_two_directorates(site, reported, tmp_path):
    (tmp_path / "fields.csv").write_text("acct1,Other,MPS\nacct2,Other,ENG\nacct3,Other,BIO\n")
    assert site.run("xalt_load_fos", tmp_path / "fields.csv").returncode == 0
    tables = reported("xalt_usage_report", "--report", "fields")
    names = {"acct1": "MPS", "acct2": "ENG", "acct3": "BIO"}
    groups = grouped(selected(), lambda run: names.get(run.account, "(unknown)"))
    assert set(names.values()) <= set(groups)
    assert_same(tables["directorates"], groups, "directorate", with_jobs=True)
    groups = grouped(selected(), lambda run: "Other" if run.account in names else "(unknown)")
    assert_same(tables["fields"], groups, "field_of_science", with_jobs=True)


def test_the_last_use_of_every_module(site, reported, tmp_path):
    options = ("--report", "lastused", "--reverseMapD", tmp_path)
    of_all = reported("xalt_usage_report", *options, days=())["lastused"]
    of_queue = reported("xalt_usage_report", *options, "--queue", "largemem", days=())["lastused"]
    assert_last_uses(of_all, None)
    assert_last_uses(of_queue, "largemem")
    database = site.connect()
    database.execute("UPDATE xalt_run SET cluster_id = NULL WHERE run_id % 2 = 0")
    database.close()
    assert reported("xalt_usage_report", *options, days=())["lastused"] == of_all


def assert_last_uses(rows, queue):
    """Compare the rows of a report on the cluster aurora, and perhaps on one queue."""
    found = {row["module"]: row for row in rows}
    runs = [OneRun(run, False) for run in expected(RECORDS)["runs"].values()]
    runs = [one for one in runs if one.syshost == "aurora" and queue in (None, one.queue)]
    wanted = collections.defaultdict(lambda: ["", ""])
    last = {}
    for run in runs:
        if run.module:
            wanted[run.module][0] = max(wanted[run.module][0], run.date[:10])
            moment = last.setdefault(run.module, (run.date, set()))[0]
            if run.date > moment:
                last[run.module] = (run.date, set())
            if run.date >= moment:
                last[run.module][1].add((run.user, run.job))
        for module in {module_of(path) for path in run.libraries} - {None}:
            wanted[module][1] = max(wanted[module][1], run.date[:10])
    assert set(found) == set(MODULES.values()) and last
    for module, row in found.items():
        assert [row["last_run"], row["last_library"]] == wanted[module], module
        assert (row["user"], row["job"]) in last.get(module, ("", {("", "")}))[1]
        is_used = any((row["last_run"], row["last_library"], row["last_link"]))
        assert (row["last_use"] != "never") == is_used
    assert rows[0]["last_use"] == "never"


def test_links_of_other_clusters_are_no_last_use_and_queues_have_no_links(site, tmp_path):
    records = []
    for number, (cluster, module) in enumerate((("aurora", "a/1"), ("polaris", "b/1"))):
        uuid = LINK["resultT"]["uuid"][:-1] + str(number)
        library = [[f"/apps/{module}/lib/libz.a", "0"]]
        link = changed(LINK, resultT__uuid=uuid, resultT__build_syshost=cluster, linkA=library,
                       resultT__link_path=f"/apps/{module}/bin/gcc")  # fmt: skip
        name = f"link.{cluster}.2026_01_01_00_00_00_0001.otter.{uuid}.json"
        records.append((name, link))
    write_records(tmp_path / "tree", records)
    paths = {f"/apps/{name}": name for name in ("a/1", "b/1")}
    (tmp_path / "xalt_rmapT.json").write_text(json.dumps({"reverseMapT": paths}))
    site.create()
    done = site.run("xalt_file_to_db", "--reverseMapD", tmp_path, tmp_path / "tree")
    assert (done.returncode, done.stderr) == (0, "")

    def modules_of(*options):
        done = site.run("xalt_usage_report", "--report", "lastused", "--format", "json", *options)
        return [row["module"] for row in json.loads(done.stdout)[0]["rows"]]

    assert modules_of() == ["a/1", "b/1"] and modules_of("--syshost", "polaris") == ["b/1"]
    note = "\nlinks belong to no queue: those of all queues are counted\n"
    days = ("--start", "2025-12-01", "--end", "2026-02-01", "--table", "compilers_by_count")
    for options in (("--report", "lastused"), days):
        done = site.run("xalt_usage_report", *options, "--queue", "normal")
        assert done.returncode == 0 and done.stdout.count(note) == 1, done.stderr
        assert note not in site.run("xalt_usage_report", *options).stdout


def test_runs_whose_set_of_libraries_is_not_known_count_the_same(site, reported):
    commands = ("xalt_library_usage", "xalt_usage_report", "xalt_scalar_bins_usage_report")
    before = [reported(command, "--weighted") for command in commands]
    database = site.connect()
    database.execute("UPDATE xalt_run SET cluster_id = NULL WHERE run_id % 3 = 0")
    database.close()
    assert [reported(command, "--weighted") for command in commands] == before


@pytest.mark.parametrize("is_prepared", [True, False])
def test_a_run_that_stands_for_endlessly_many_ends_no_weighted_report(site, tmp_path, is_prepared):
    """Other programs store whatever probability a record names."""
    run = next(one for one in make_records(5, seed=3) if "userT" in one[1])
    write_records(tmp_path / "tree", [run])
    site.create()
    assert site.run("xalt_file_to_db", tmp_path / "tree").returncode == 0
    database = site.connect()
    database.execute("UPDATE xalt_run SET probability = 1e-309")
    if not is_prepared:
        database.execute("UPDATE xalt_run SET cluster_id = NULL")
    database.close()
    assert len(site.rows("SELECT run_id FROM xalt_run")) == 1
    for options in ((), ("--report", "accounts")):
        options = (*options, "--start", "2020-01-01", "--weighted", "--format", "json")
        done = site.run("xalt_usage_report", *options)
        assert (done.returncode, done.stderr) == (0, "")
        assert "inf" not in done.stdout.lower() and '"acc' in done.stdout


def test_nothing_in_the_days_is_an_empty_report(reported):
    days = ("--start", "2020-01-01", "--end", "2020-02-01")
    for command in ("xalt_usage_report", "xalt_library_usage", "xalt_scalar_bins_usage_report"):
        for rows in reported(command, days=days).values():
            assert not [row for row in rows if row.get("kind") is None]


HOSTILE = "'; DROP TABLE xalt_run; --"


def test_options_cannot_inject_sql(site, reported):
    for option in ("--syshost", "--queue"):
        done = site.run("xalt_usage_report", option, HOSTILE, "--start", START, "--end", END)
        assert done.returncode == 0, done.stderr
    done = site.run("xalt_library_usage", "--sqlPattern", HOSTILE)
    assert done.returncode == 0
    assert site.rows("SELECT COUNT(*) FROM xalt_run")[0][0] > 40


@pytest.mark.parametrize(
    "options, word",
    [
        (("--start", "2026-02-30"), "2026-02-30"),
        (("--start", END, "--end", START), "exclusive"),
        (("--short", "--full"), "exclude each other"),
        (("--report", "gpus", "--full"), "--report usage"),
        (("--report", "lastused", "--start", START), "all days"),
        (("--report", "lastused", "--end", END), "all days"),
        (("--table", "none"), "there are overall"),
        (("--name-map", "/none"), "/none"),
    ],
)
def test_wrong_options_are_told(site, options, word):
    site.create()
    done = site.run("xalt_usage_report", *options)
    assert done.returncode in (2, 66) and word in done.stderr and done.stdout == ""


def test_formats_and_plots(site, reported, tmp_path):
    days = ("--start", START, "--end", END)
    done = site.run("xalt_usage_report", *days, "--format", "csv", "--table", "modules")
    lines = done.stdout.splitlines()
    assert lines[0] == "corehrs,number_of_users,number_of_accts,number_of_runs,modules"
    assert len(lines) > 5 and lines[1].count(",") == 4
    done = site.run("xalt_usage_report", *days, "--format", "csv")
    assert "# Overall Job Counts\nkind,corehrs,corehrs_percent" in done.stdout
    done = site.run("xalt_usage_report", *days, "--format", "markdown")
    assert "## Overall Job Counts" in done.stdout and "| sys" in done.stdout
    done = site.run("xalt_usage_report", *days, "--table", "executables_all_by_hours", "--plot",
                    tmp_path / "a.svg")  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert "Top 20 Executables" in (tmp_path / "a.svg").read_text()
    done = site.run("xalt_usage_report", *days, "--plot", tmp_path / "b.svg")
    assert done.returncode == 2 and "--table" in done.stderr
