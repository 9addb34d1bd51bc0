"""What /api/jobs/ tells, to whom, and how it takes what it is asked."""

import re

import pytest

from tests.userportal.api.site import USERS
from userportal.api import base
from userportal.slurm import account_queries
from userportal.slurm.asking import Memory
from userportal.web.slots import Slots

URL = "/api/jobs/"
RUNNING = {"state": 1, "time_end": 0}
KEYS = ["id_job", "job_name", "account", "time_submit", "time_start", "time_eligible", "time_end",
        "timelimit", "get_state_display", "nodes", "username", "elapsed_seconds"]  # fmt: skip


@pytest.fixture
def jobs(site):
    """Jobs of ann and bob in one account, of eve in another."""
    site.add_jobs(
        {"id_job": 1, "user": "ann"},
        {"id_job": 2, "user": "ann", "state": 1, "time_start": 1_790_000_300, "time_end": 0},
        {"id_job": 3, "user": "bob", "state": 11, "time_start": 1_790_000_200},
        {"id_job": 4, "user": "eve", "account": "other", "time_start": 1_790_000_400},
        {"id_job": 5, "user": "ann", "state": 0, "time_start": 0, "time_end": 0,
         "nodelist": "None assigned", "timelimit": 4294967295, "time_eligible": 0},
    )  # fmt: skip
    return site


def ids(answer):
    """Return the job ids of a list."""
    assert answer.status_code == 200, answer.content
    content = answer.json()
    return [row["id_job"] for row in content.get("results", content.get("data"))]


def ask(site, username, query="", scopes=()):
    return site.client(username, scopes).get(f"{URL}{query}")


def page(site, username, path):
    """Return the status and the text of a page."""
    answer = site.client(username).get(f"/secure/{path}")
    return answer.status_code, answer.content.decode()


def table(**changed):
    """Return the query of a table as DataTables sends it."""
    names = ["id_job", "get_state_display", "job_name", "time_submit", "time_eligible",
             "time_start", "time_end", "timelimit"]  # fmt: skip
    values = {"format": "datatables", "draw": 3, "start": 0, "length": 10, "_": 1790000000000,
              "search[value]": "", "search[regex]": "false",
              "order[0][column]": 0, "order[0][dir]": "desc"}  # fmt: skip
    for number, name in enumerate(names):
        values |= {f"columns[{number}][data]": name, f"columns[{number}][name]": "",
                   f"columns[{number}][searchable]": "true",
                   f"columns[{number}][orderable]": "true",
                   f"columns[{number}][search][value]": "",
                   f"columns[{number}][search][regex]": "false"}  # fmt: skip
    return {**values, **changed}


def test_a_job_is_told_as_documented(jobs):
    content = ask(jobs, "bob").json()
    assert content == {
        "count": 1, "next": None, "previous": None,
        "results": [{
            "id_job": 3, "job_name": "model", "account": "lab",
            "time_submit": "2026-09-21T14:13:20Z", "time_start": "2026-09-21T14:16:40Z",
            "time_eligible": "2026-09-21T14:13:20Z", "time_end": "2026-09-21T14:16:40Z",
            "timelimit": 60, "get_state_display": "Oom", "nodes": ["nc01", "nc02"],
            "username": "bob", "elapsed_seconds": 0,
        }],
    }  # fmt: skip
    assert list(content["results"][0]) == KEYS


def test_one_reader_has_only_so_many_questions_under_way(jobs, monkeypatch):
    slots = Slots(1)
    monkeypatch.setattr(base, "SLOTS", slots)
    assert slots.take("bob")  # as a page of his does
    refused = ask(jobs, "bob")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert ask(jobs, "ann").status_code == 200
    slots.give_back("bob")
    for query in ("", "3/", "?nonsense=1", "77/"):  # also one that fails gives it back
        assert ask(jobs, "bob", query).status_code in (200, 400, 404)
    assert slots.take("bob")


def test_jobs_of_who_had_the_user_id_before_are_not_shown(jobs):
    jobs.add_jobs({"id_job": 90, "user": "eve", "account": "other", "id_user": USERS["bob"]})
    assert ids(ask(jobs, "bob")) == [3]
    assert ask(jobs, "bob", "90/").status_code == 404
    assert ask(jobs, "bob", "3/").status_code == 200
    assert page(jobs, "bob", "jobstats/bob/90/")[0] == 404


@pytest.fixture
def of_zoe(jobs, monkeypatch):
    """Jobs of zoe, whom the directory does not know any more, and whose uid eve has: who has no
    association yet."""
    monkeypatch.setattr(account_queries, "MEMORY", Memory(300.0))
    jobs.disassociate("eve")
    jobs.associate("zoe", "lab")
    old = {"user": "zoe", "id_user": USERS["eve"]}
    jobs.add_jobs({"id_job": 91, **old}, {"id_job": 92, **old, **RUNNING},
                  {"id_job": 93, **old, "id_assoc": 0})  # fmt: skip
    return jobs


def test_who_has_no_association_yet_sees_no_jobs_of_who_had_the_user_id(of_zoe):
    assert ids(ask(of_zoe, "eve")) == [4, 93]
    seen = {number: ask(of_zoe, "eve", f"{number}/").status_code for number in (91, 92, 93)}
    assert seen == {91: 404, 92: 404, 93: 200}
    assert page(of_zoe, "eve", "jobstats/eve/91/")[0] == 404
    assert "eve has no such jobs: 91-92" in page(of_zoe, "eve", "jobstats/eve/91-93/")[1]
    assert "No job is running." in page(of_zoe, "eve", "jobstats/eve/")[1]
    linked = re.findall(r"jobstats/eve/(\d+)/", page(of_zoe, "eve", "usersummary/eve/")[1])
    assert sorted(linked) == ["4", "93"]
    assert page(of_zoe, "eve", "jobstats/zoe/91/")[0] == 403


@pytest.mark.parametrize("is_known", [False, True])
def test_a_site_whose_names_in_slurm_are_others_of_the_same_people_shows_their_jobs(
    jobs, is_known, monkeypatch
):
    monkeypatch.setattr(account_queries, "MEMORY", Memory(300.0))
    for name in ("bobby", "BOB"):
        jobs.associate(name, "lab")
    jobs.know("bobby", USERS["bob"])
    jobs.associate("zoe", "lab")
    if not is_known:
        jobs.disassociate("bob")
    for number, user in ((94, "bobby"), (95, "BOB"), (96, "zoe")):
        jobs.add_jobs({"id_job": number, "user": user, "id_user": USERS["bob"]})
    assert ids(ask(jobs, "bob")) == [3, 95, 94]
    owners = {row["id_job"]: row["username"] for row in ask(jobs, "sue").json()["results"]}
    assert (owners[94], owners[95], owners[96]) == ("bob", "bob", "zoe")


def test_under_the_name_of_who_left_are_no_jobs_of_who_has_the_user_id_now(of_zoe):
    of_zoe.associate("eve", "other")
    new = {"user": "eve", "account": "other"}
    of_zoe.add_jobs({"id_job": 98, **new}, {"id_job": 99, **new, **RUNNING})
    assert set(ids(ask(of_zoe, "sue", "?username=zoe"))) == {91, 92}
    assert page(of_zoe, "sue", "jobstats/zoe/98/")[0] == 404
    assert "1 running job<" in page(of_zoe, "sue", "jobstats/zoe/")[1]


def test_who_left_and_can_still_log_in_sees_no_jobs_of_who_has_the_user_id_now(of_zoe):
    from django.contrib.auth import get_user_model

    of_zoe.users["zoe"] = get_user_model().objects.create_user("zoe")
    of_zoe.associate("eve", "other")
    of_zoe.add_jobs({"id_job": 98, "user": "eve", "account": "other"})
    # Nor 4 and 93, of which Slurm does not say whose they are.
    assert set(ids(ask(of_zoe, "zoe"))) == {91, 92}
    assert ask(of_zoe, "zoe", "98/").status_code == 404


@pytest.mark.parametrize("reader", ["max", "sue"])
def test_helpers_and_staff_find_the_jobs_of_who_left_under_their_name(of_zoe, reader):
    rows = {row["id_job"]: row["username"] for row in ask(of_zoe, reader).json()["results"]}
    assert (rows[91], rows[92], rows[93]) == ("zoe", "zoe", "eve")
    assert ask(of_zoe, reader, "91/").json()["username"] == "zoe"
    for path in ("91/", "91-92/", "91/report.txt", "91/value/cost.json", "92/graph/cpu.json"):
        assert page(of_zoe, reader, f"jobstats/zoe/{path}")[0] == 200
    assert "User/Account: zoe/lab" in page(of_zoe, reader, "jobstats/zoe/91/report.txt")[1]
    assert "1 running job<" in page(of_zoe, reader, "jobstats/zoe/")[1]
    for path in ("nobody/91/", "eve/91/"):
        assert page(of_zoe, reader, f"jobstats/{path}")[0] == 404


def test_a_script_of_a_number_that_is_used_again_is_nobody_s_though_the_user_id_is_too(of_zoe):
    from userportal.records.models import JobScript
    from userportal.web import knowledge

    for number in (91, 92):
        JobScript.objects.create(id_job=number, submit_script="cd /home/zoe")
    of_zoe.associate("eve", "other")
    new = {"user": "eve", "account": "other", "time_submit": 1_790_000_500}
    of_zoe.add_jobs({"id_job": 91, **new})
    assert knowledge.sent_script(91) is None
    assert knowledge.sent_script(92) == "cd /home/zoe"


def test_a_job_of_who_has_another_user_id_now_is_under_that_name(jobs):
    jobs.add_jobs({"id_job": 97, "user": "eve", "account": "other", "id_user": USERS["bob"]})
    assert ask(jobs, "sue", "97/").json()["username"] == "eve"
    assert page(jobs, "sue", "jobstats/eve/97/")[0] == 200
    assert page(jobs, "eve", "jobstats/eve/97/")[0] == 404


def test_suspended_time_is_no_run_time(site):
    day = 86400
    at = {"time_start": 1_790_000_000, "time_end": 1_790_000_000 + 6 * day}
    site.add_jobs(
        {"id_job": 1, **at, "time_suspended": 5 * day},
        {"id_job": 2, **at, "time_end": 0, "state": 2, "time_suspended": 1_790_000_000 + day},
        {"id_job": 3, **at},
    )
    rows = ask(site, "ann").json()["results"]
    assert {row["id_job"]: row["elapsed_seconds"] for row in rows} == {1: day, 2: day, 3: 6 * day}


def test_what_has_not_come_yet_is_null(jobs):
    row = ask(jobs, "ann", "?status=Pending").json()["results"][0]
    assert (row["time_start"], row["time_end"], row["time_eligible"]) == (None, None, None)
    assert (row["timelimit"], row["nodes"], row["get_state_display"]) == (None, [], "Pending")
    assert row["elapsed_seconds"] is None


@pytest.mark.parametrize(
    ("username", "query", "expected"),
    [
        ("ann", "", [2, 1, 5]),
        ("ann", "?username=ann", [2, 1, 5]),
        ("ann", "?account=lab", [2, 3, 1, 5]),
        ("bob", "?account=lab", [2, 3, 1, 5]),
        ("bob", "?account=lab&username=bob", [3]),
        ("bob", "?account=lab&username=ann", [2, 1, 5]),
        ("bob", "?account=lab&username=eve", []),
        ("bob", "?account=lab&username=nobody", []),
        ("ann", "?account=other", []),
        ("ann", "?account=other&username=ann", []),
        ("eve", "?account=lab", []),
        ("eve", "?account=", [4]),
        ("eve", "", [4]),
        ("max", "", [4, 2, 3, 1, 5]),
        ("max", "?username=bob", [3]),
        ("sue", "?account=other", [4]),
        ("sue", "?username=ann&account=other", []),
        ("sue", "?username=ann&account=lab", [2, 1, 5]),
        ("sue", "?username=nobody", []),
        ("sue", "?account=nothing", []),
    ],
)
def test_everybody_sees_what_is_theirs_those_that_began_last_first(jobs, username, query, expected):
    assert ids(ask(jobs, username, query)) == expected
    answer = jobs.client(username).get(URL + query, table(**{"order[0][column]": 5}))
    joined = f"{URL}{query}{'&' if query else '?'}format=datatables"
    assert sorted(ids(jobs.client(username).get(joined))) == sorted(expected)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("username", "query"),
    [
        ("ann", "?username=eve"), ("ann", "?username=nobody"), ("ann", "?username=ANN"),
        ("ann", "?account=other&username=eve"), ("eve", "?account=&username=ann"),
        ("eve", "?account=lab&username=ann"), ("eve", "?account=nothing&username=bob"),
    ],
)  # fmt: skip
def test_a_name_whose_jobs_one_may_not_see_is_refused(jobs, username, query):
    answer = ask(jobs, username, query)
    assert (answer.status_code, list(answer.json())) == (403, ["detail"])
    answer = jobs.client(username).get(f"{URL}{query}&format=datatables")
    assert (answer.status_code, list(answer.json())) == (403, ["detail"])


def test_who_has_no_number_sees_nothing(jobs):
    from django.contrib.auth import get_user_model

    jobs.users["new"] = get_user_model().objects.create_user("new")
    assert ids(ask(jobs, "new")) == []


def test_who_is_not_known_is_refused(jobs):
    assert ask(jobs, None).status_code == 401
    assert ask(jobs, "ann", scopes=["notes", "jobscripts"]).status_code == 403
    assert ids(ask(jobs, "ann", scopes=["jobs"])) == [2, 1, 5]
    assert jobs.client("sue").post(URL).status_code == 405
    assert jobs.client("sue").delete(f"{URL}1/").status_code == 405


@pytest.mark.parametrize(
    ("status", "expected"),
    [("Running", [2]), ("running", [2]), ("OOM", [3]), ("Oom", [3]), ("Out of memory", [3]),
     ("OUT_OF_MEMORY", [3]), ("Complete,Running", [4, 2, 1]), ("COMPLETED", [4, 1]),
     ("Canceled", []), ("Cancelled", []), ("Node Fail,Node failed", []), ("End", []),
     ("", [4, 2, 3, 1, 5]), (",", [4, 2, 3, 1, 5])],
)  # fmt: skip
def test_every_spelling_of_a_state_is_known(jobs, status, expected):
    answer = jobs.client("sue").get(URL, {"status": status})
    assert ids(answer) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"status": "Nonsense"}, {"status": "x" * 1000}, {"status": "1"}, {"page": "x"},
        {"page": "0"}, {"page": "-1"}, {"page": "1e3"}, {"page": "9" * 30}, {"page": "२"},
        {"account": "a\0"}, {"account": "a" * 300}, {"username": "a\n"}, {"user": "ann"},
        {"draw": "1"}, {"format": "api"}, {"format": "html"}, {"acount": "lab"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_asked_is_told(jobs, query):
    answer = jobs.client("sue").get(URL, query)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize(
    "changed",
    [
        {"draw": "x"}, {"draw": "<script>"}, {"draw": "-1"}, {"start": "-1"}, {"start": "9" * 20},
        {"length": "-2"}, {"length": "ten"}, {"search[value]": "x" * 201},
        {"search[value]": "\0"}, {"order[0][column]": "99"}, {"order[0][column]": "7"}
        | {"columns[7][data]": "nodes"}, {"order[0][dir]": "up"},
        {"columns[2][data]": "id_user; DROP TABLE"}, {"columns[2][data]": "work_dir"},
        {"page": "2"}, {"columns[0][data][x]": "1", "columns[]": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_what_no_table_asks_is_told(jobs, changed):
    answer = jobs.client("sue").get(URL, table(**changed))
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


def test_a_table_is_answered(jobs):
    answer = jobs.client("sue").get(URL, table(length=2, start=1))
    assert answer["Content-Type"] == "application/json"
    content = answer.json()
    assert list(content) == ["draw", "recordsTotal", "recordsFiltered", "data"]
    assert [content[key] for key in ("draw", "recordsTotal", "recordsFiltered")] == [3, 5, 5]
    assert ids(answer) == [4, 3] and list(content["data"][0]) == KEYS


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"order[0][dir]": "asc"}, [1, 2, 3, 4, 5]),
        ({"order[0][column]": 1, "order[0][dir]": "asc"}, [5, 2, 1, 4, 3]),
        ({"order[0][column]": 5}, [4, 2, 3, 1, 5]),
        ({"search[value]": "3"}, [3]),
        ({"search[value]": "MOD"}, [5, 4, 3, 2, 1]),
        ({"search[value]": "%"}, []),
        ({"search[value]": "' OR 1=1 --"}, []),
        ({"status": "Oom,Running"}, [3, 2]),
        ({"length": -1}, [5, 4, 3, 2, 1]),
        ({"length": 0}, []),
        ({"start": 4}, [1]),
        ({"start": 5000}, []),
        ({"username": "bob"}, [3]),
    ],
    ids=str,
)
def test_a_table_is_sorted_searched_and_paged(jobs, changed, expected):
    assert ids(jobs.client("sue").get(URL, table(**changed))) == expected


def test_what_is_searched_for_narrows_one_of_the_counts(jobs):
    content = jobs.client("ann").get(URL, table(**{"search[value]": "2"})).json()
    assert (content["recordsTotal"], content["recordsFiltered"]) == (3, 1)


def test_pages_lead_to_one_another(site):
    site.add_jobs(*({"id_job": number, "time_start": number} for number in range(1, 252)))
    client, url, found = site.client("ann"), URL, []
    while url:
        content = client.get(url).json()
        found.append([row["id_job"] for row in content["results"]])
        assert content["count"] == 251
        url = content["next"]
    assert [len(page) for page in found] == [100, 100, 51]
    assert sum(found, []) == list(range(251, 0, -1))
    assert content["previous"] == f"http://testserver{URL}?page=2"
    content = client.get(content["previous"]).json()
    assert content["previous"] == f"http://testserver{URL}"
    assert client.get(f"{URL}?page=4").status_code == 404


def test_a_job_that_was_queued_again_has_two_rows(site):
    site.add_jobs({"id_job": 7, "state": 7}, {"id_job": 7, "time_submit": 1_790_000_900})
    assert ids(ask(site, "ann")) == [7, 7]
    answer = ask(site, "ann", "7/")
    assert (answer.status_code, answer.json()["get_state_display"]) == (200, "Complete")


@pytest.mark.parametrize(
    ("username", "expected"),
    [("ann", [200, 200, 404]), ("bob", [200, 200, 404]), ("eve", [404, 404, 200]),
     ("max", [200, 200, 200]), (None, [401, 401, 401])],
)  # fmt: skip
def test_one_job_is_shown_to_whom_it_concerns(jobs, username, expected):
    client = jobs.client(username)
    assert [client.get(f"{URL}{number}/").status_code for number in (1, 3, 4)] == expected


@pytest.mark.parametrize("number", ["0", "99", "4294967296", "9" * 30])
def test_a_job_that_there_is_not_is_404(jobs, number):
    assert ask(jobs, "sue", f"{number}/").status_code == 404


def test_a_user_without_a_name_is_a_number(site):
    site.add_jobs({"id_job": 1, "id_user": 4242, "id_assoc": 0})
    assert ask(site, "sue").json()["results"][0]["username"] == "4242"


def test_times_that_cannot_be_are_null(site):
    site.add_jobs({"id_job": 1, "time_end": 2**63 - 1})
    assert ask(site, "ann").json()["results"][0]["time_end"] is None


def test_a_database_that_is_away_is_told_as_json(site):
    (site.directory / "slurm.db").write_text("no database")
    answer = ask(site, "ann")
    assert answer.status_code == 503 and list(answer.json()) == ["detail"]
    assert str(site.directory) not in answer.content.decode()


def test_as_many_queries_are_made_for_many_jobs_as_for_one(site, monkeypatch):
    from usagedb.database import Database

    asked: list = []
    rows = Database.rows

    def counted(self, sql, *more):
        asked.append(sql)
        return rows(self, sql, *more)

    monkeypatch.setattr(Database, "rows", counted)
    site.add_jobs({"id_job": 1, "id_user": 5000})
    client, counts = site.client("sue"), []
    for numbers in (range(2, 60), ()):
        asked.clear()
        assert client.get(URL).status_code == 200
        counts.append(len(asked))
        site.add_jobs(*({"id_job": n, "id_user": 5000 + n} for n in numbers))
    assert counts[0] == counts[1]
