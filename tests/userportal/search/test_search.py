"""The search of helpers: users, accounts, groups with quotas."""

import pytest

from tests.userportal.pages.tiny_portal import NO_METRICS, tiny_portal, write_conf_of_nowhere
from tests.userportal.quotas.site import record
from tests.userportal.quotas.test_quotas import plain
from tests.userportal.slurm.made import BOB, job_row

ROOT = "/secure/search/"
JOBS = (
    job_row(4711), job_row(4713, id_array_job=4712, id_array_task=3),
    job_row(4714, id_user=77777, id_assoc=1, job_name="<b>"),
    job_row(4715, id_user=BOB, id_assoc=6),  # of cy, who had bob's uid
    job_row(4717, id_array_job=4712, id_array_task=5),
)  # fmt: skip
PLACES = "[storage project]\nkind = gpfs\nfile_system = project\nlabel = group\n"


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal with people, accounts, and quotas of def-ann and def-cy."""
    directory = tmp_path_factory.mktemp("search")
    with tiny_portal(directory, record, PLACES, jobs=JOBS) as found:
        yield found


def found(portal, query, kind="all"):
    """Return [(kind, name)] of what is found, and whether there is more."""
    answer = portal.get(ROOT + "query", "hal", query=query, filtertype=kind).json()
    assert set(answer) == {"query", "results", "truncated"}
    return [(one["typetext"], one["username"]) for one in answer["results"]], answer["truncated"]


@pytest.mark.parametrize("path", ["", "query"])
def test_the_search_is_for_helpers(portal, path):
    assert portal.get(ROOT + path, "ann").status_code == 403
    assert portal.get(ROOT + path).status_code == 302
    assert {portal.get(ROOT + path, one).status_code for one in ("hal", "sue")} == {200}


@pytest.mark.parametrize(
    ("query", "kind", "names"),
    [
        ("ann", "all", [("User", "ann"), ("Account", "def-ann"), ("Storage", "def-ann")]),
        ("ANN", "users", [("User", "ann")]),
        ("ann", "slurm", [("Account", "def-ann")]),
        ("ann", "quotas", [("Storage", "def-ann")]),
        ("def-cy", "quotas", [("Storage", "def-cy")]),
        ("doe", "users", [("User", name) for name in ("ann", "bob", "cy", "hal", "sue")]),
        ("1002", "users", [("User", "bob")]),
        ("bob", "quotas", []),
        ("ann", "nonsense", [("User", "ann"), ("Account", "def-ann"), ("Storage", "def-ann")]),
        ("  ", "all", []), ("", "all", []), ("%", "all", []), ("_", "slurm", []),
        ("' OR 1=1", "all", []), (")(uid=*", "all", []), ("\0", "all", []),
    ],
)  # fmt: skip
def test_what_is_found_is_what_has_the_text_in_its_name(portal, query, kind, names):
    assert found(portal, query, kind) == (names, False)


@pytest.mark.parametrize(
    ("query", "kind", "jobs"),
    [
        ("4711", "all", [("4711", "job4711 · ann", "/secure/jobstats/ann/4711/")]),
        ("4712_3", "all", [("4712_3", "job4713 · ann", "/secure/jobstats/ann/4713/")]),
        ("4712_[1-4,5%2]", "all", [
            ("4712_3", "job4713 · ann", "/secure/jobstats/ann/4713/"),
            ("4712_5", "job4717 · ann", "/secure/jobstats/ann/4717/"),
        ]),
        ("4712_[1-2]", "all", []), ("4712_[5-3]", "all", []), ("4712_[0-1000]", "all", []),
        ("4714", "all", [("4714", "<b> · 77777", "")]),  # whose name nobody knows
        ("4715", "all", [("4715", "job4715 · cy", "/secure/jobstats/cy/4715/")]),
        ("4711", "users", []), ("4710", "all", []), ("0", "all", []), ("4712_4", "all", []),
        ("9999999999", "all", []), ("99999999999", "all", []), ("4711-4714", "all", []),
    ],
)  # fmt: skip
def test_a_job_is_found_by_its_number(portal, query, kind, jobs):
    answer = portal.get(ROOT + "query", "hal", query=query, filtertype=kind).json()
    found = [one for one in answer["results"] if one["typetext"] == "Job"]
    assert [(one["username"], one["name"], one["hyperlink"]) for one in found] == jobs


def test_a_job_of_who_had_another_s_uid_is_found_on_the_page_it_leads_to(portal):
    answer = portal.get(ROOT + "query", "hal", query="4715").json()
    assert "cy" in portal.text(answer["results"][0]["hyperlink"], "hal")


def test_who_left_is_found_on_the_page_of_the_jobs(tmp_path):
    with tiny_portal(tmp_path, record, PLACES, jobs=[job_row(4711, id_assoc=4)]) as portal:
        passwd = tmp_path / "passwd"
        lines = passwd.read_text().splitlines(keepends=True)
        passwd.write_text("".join(line for line in lines if not line.startswith("bob")))
        (result,) = portal.get(ROOT + "query", "hal", query="bob", filtertype="users").json()[
            "results"
        ]
        assert result["hyperlink"] == "/secure/jobstats/bob/"
        assert portal.get(result["hyperlink"], "hal").status_code == 200


def test_each_result_leads_to_its_page(portal):
    results = portal.get(ROOT + "query", "hal", query="ann").json()["results"]
    assert [(one["name"], one["hyperlink"], one["typefeathericon"]) for one in results] == [
        ("Ann Doe", "/secure/usersummary/ann/", "user"),
        ("Ann's group", "/secure/accountstats/def-ann/", "users"),
        ("Ann's stars", "/secure/quotas/project/def-ann/", "hard-drive"),
    ]
    page = portal.text(ROOT, "hal", query="ann")
    assert [one["hyperlink"] for one in results] == [
        part.split('"')[0] for part in page.split('<th scope="row"><a href="')[1:]
    ]
    assert portal.get(results[2]["hyperlink"], "hal").status_code == 200


def test_of_too_many_the_nearest_are_shown_and_that_there_are_more(tmp_path):
    sections = PLACES + "[limits]\nsearch_results = 2\n"
    with tiny_portal(tmp_path, record, sections) as portal:
        assert found(portal, "ann") == ([("User", "ann"), ("Account", "def-ann")], True)
        assert found(portal, "def-ann") == ([("Account", "def-ann"), ("Storage", "def-ann")], False)
        page = portal.text(ROOT, "hal", query="o")
        assert "There are more: ask for a longer part of the name." in page


def test_what_was_asked_is_shown_as_text(portal):
    page = portal.text(ROOT, "hal", query="<script>\"'")
    assert "<script>\"'" not in page and 'value="&lt;script&gt;&quot;&#x27;"' in page
    assert "Nothing was found." in page
    assert len(portal.get(ROOT + "query", "hal", query="x" * 5000).json()["query"]) == 100


def test_groups_are_found_where_their_measures_are_not_known(tmp_path):
    with tiny_portal(tmp_path, None, PLACES, metrics=NO_METRICS) as portal:
        assert found(portal, "def", "quotas") == (
            [("Storage", "def-ann"), ("Storage", "def-bob")], False,
        )  # fmt: skip


def test_without_slurm_users_are_found_all_the_same(tmp_path):
    with tiny_portal(tmp_path, record, PLACES, jobs=None) as portal:
        assert found(portal, "ann") == ([("User", "ann")], False)
        assert found(portal, "def-ann") == ([("Storage", "def-ann")], False)


def test_a_slurm_database_that_is_away_is_told(tmp_path):
    with tiny_portal(tmp_path, record, PLACES) as portal:
        write_conf_of_nowhere(portal.directory / "slurm_db.conf")
        answer = portal.get(ROOT, "hal", query="ann")
        assert answer.status_code == 503
        assert "cannot be reached now" in plain(answer.content.decode())
