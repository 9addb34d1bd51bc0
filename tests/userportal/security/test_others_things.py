"""What belongs to others stays closed, whatever the method and however a name is written."""

import pytest

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")


@pytest.fixture
def names(portal):
    """The user, a job of somebody in none of the user's groups, and that job's user and account."""
    from userportal.access.memberships import allocations

    own = set(allocations().accounts_of(portal.name_of("user")))
    job = portal.jobs(
        lambda one: one.account not in own and one.user_id not in own and one.start, role=None
    )[0]
    return {
        "user": portal.name_of("user"), "job": job.job_id, "other": portal.owner(job),
        "account": job.account, "group": job.account.partition("_")[0],
        "own": portal.jobs()[0].job_id,
    }  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "path",
    [
        "/secure/jobstats/{other}/", "/secure/jobstats/{other}/graph/cpu.json",
        "/secure/jobstats/{other}/{job}/", "/secure/jobstats/{other}/{own}/",
        "/secure/jobstats/{user}/{job}/", "/secure/jobstats/{user}/{job}/graph/cpu.json",
        "/secure/jobstats/{user}/{job}/value/cost.json", "/secure/jobstats/{user}/{job}/report.txt",
        "/secure/suite/{user}/{job}/timeline.json", "/secure/suite/{user}/{job}/processes.html",
        "/secure/suite/{other}/{job}/timeline.json", "/secure/usersummary/{other}/",
        "/secure/quotas/{other}/", "/secure/quotas/{user}/home/{other}/bytes.json",
        "/secure/quotas/{user}/project/{group}/bytes.json", "/secure/quotas/project/{group}/",
        "/secure/accountstats/{account}/", "/secure/accountstats/{account}/graph/cpu.json",
        "/secure/accountstats/{group}/", "/secure/accountstats/{group}x_cpu/",
        "/secure/jobstats/{user}%2F..%2F{other}/",
        "/secure/cloudstats/graph/cpu.json", "/secure/notes/", "/secure/notes/1/", "/api/notes/",
        "/api/jobscripts/", "/api/jobscripts/{job}/", "/secure/search/query",
        "/secure/top/compute/", "/secure/nodes/c001/", "/secure/slurm/", "/admin/auth/user/",
    ],
)  # fmt: skip
def test_no_method_opens_what_is_not_the_users(portal, names, path, method):
    path = path.format(**names)

    response = getattr(portal.client("user"), method)(path)

    # The administration sends to its login.
    allowed = (302,) if path.startswith("/admin/") else (403, 404, 405)
    assert response.status_code in allowed


@pytest.mark.parametrize("method", METHODS)
def test_a_job_of_others_is_for_the_api_as_one_that_there_is_not(portal, names, method):
    browser = portal.client("user")

    answers = [
        getattr(browser, method)(f"/api/jobs/{job}/") for job in (names["job"], 4_000_000_000)
    ]

    assert answers[0].status_code == answers[1].status_code
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "query",
    ["username={other}", "username={other}&account=", "account={account}", "account={group}",
     "account={group}&username={user}", "account=%25", "account=_", "account=def-%25",
     "account={account}%20", "account={account}%27%20OR%201=1--"],
)  # fmt: skip
def test_no_filter_of_the_api_shows_jobs_of_others(portal, names, query):
    response = portal.client("user").get(f"/api/jobs/?{query.format(**names)}")

    shown = {job["username"] for job in response.json().get("results", ())}
    assert shown <= {names["user"]}


@pytest.mark.parametrize("helper_path", ["/secure/notes/", "/secure/notes/new/", "/api/notes/",
                                         "/api/jobscripts/", "/secure/notes/1/"])  # fmt: skip
@pytest.mark.parametrize("method", METHODS)
def test_a_helper_reads_no_notes_and_writes_nothing(portal, helper_path, method):
    response = getattr(portal.client("helper"), method)(helper_path)

    assert response.status_code in (403, 405)


def test_a_set_of_jobs_leaves_out_those_of_others(portal, names):
    path = f"/secure/jobstats/{names['user']}/{names['own']},{names['job']}/"

    page = portal.client("user").get(path).content.decode()

    assert f"/{names['own']}/" in page
    assert f"/{names['user']}/{names['job']}/" not in page


@pytest.mark.parametrize("jobs", ["1-4294967295", "1-1000,2000-3000", "0", "9999999999", "5-1"])
def test_a_set_without_end_is_refused_at_once(portal, names, jobs):
    path = f"/secure/jobstats/{names['user']}/{jobs}/"

    assert portal.client("user").get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/secure/notes/{0}/", "/api/notes/{0}/", "/api/jobscripts/{0}/", "/api/jobs/{0}/",
             "/secure/suite/x/{0}/timeline.json"],
)  # fmt: skip
@pytest.mark.parametrize("number", ["9" * 10, "9" * 30, "9" * 4000])
def test_a_number_that_no_database_holds_is_not_there(portal, path, number):
    assert portal.client("staff").get(path.format(number)).status_code == 404
