"""What programs that send job scripts can rely on."""

import json
import threading

import pytest

URL = "/api/jobscripts/"
SCRIPT = "#!/bin/sh\n  srun ./model\n\n"


@pytest.fixture
def client(site):
    """A client as the collector is."""
    return site.client("sue", ["jobscripts"])


def post(client, content, **more):
    return client.post(URL, json.dumps(content), content_type="application/json", **more)


def test_a_script_is_stored_as_it_is(client):
    answer = post(client, {"id_job": 4711, "submit_script": SCRIPT})
    assert (answer.status_code, answer.json()) == (201, {"id_job": 4711, "submit_script": SCRIPT})
    answer = client.get(f"{URL}4711/")
    assert (answer.status_code, answer.json()) == (200, {"id_job": 4711, "submit_script": SCRIPT})


def test_a_form_does_as_well(client):
    answer = client.post(
        URL, "id_job=5&submit_script=%23%21%2Fbin%2Fsh",
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["submit_script"]) == (201, "#!/bin/sh")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_duplicate_is_told_with_400_in_the_words_that_clients_know(client, language):
    post(client, {"id_job": 1, "submit_script": "first"})
    answer = post(
        client, {"id_job": 1, "submit_script": "second"}, headers={"Accept-Language": language}
    )
    assert answer.status_code == 400
    assert answer.json() == {"id_job": ["job script with this id job already exists."]}
    assert client.get(f"{URL}1/").json()["submit_script"] == "first"


def sent_at(id_job, moment):
    """Let a script have come at a moment, epoch seconds."""
    import datetime

    from userportal.records.models import JobScript

    at = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    assert JobScript.objects.filter(id_job=id_job).update(last_modified=at) == 1


@pytest.mark.parametrize(
    ("submits", "status", "script"),
    [
        ((1_790_000_000,), 201, "new"),  # the old job's script: the number is used again
        ((1_780_000_000,), 400, "old"),
        ((1_780_000_000, 1_790_000_000), 400, "old"),  # was requeued
        ((), 201, "new"),  # Slurm's database does not have the new job yet
    ],
)
def test_a_number_that_is_used_again_gets_the_new_jobs_script(
    site, client, submits, status, script
):
    post(client, {"id_job": 7, "submit_script": "old"})
    sent_at(7, 1_780_000_100)
    for submit in submits:
        site.add_jobs({"id_job": 7, "time_submit": submit})
    answer = post(client, {"id_job": 7, "submit_script": "new"})
    assert answer.status_code == status
    assert client.get(f"{URL}7/").json()["submit_script"] == script
    answer = post(client, {"id_job": 7, "submit_script": "third"})
    assert (answer.status_code, list(answer.json())) == (400, ["id_job"])


def test_of_many_at_once_one_is_stored_and_the_others_are_told(site):
    clients = [site.client("sue", ["jobscripts"]) for _ in range(8)]
    barrier, answers = threading.Barrier(8), []

    def send(client, number):
        from django.db import connection

        barrier.wait()
        answer = post(client, {"id_job": 9, "submit_script": f"script {number}"})
        answers.append((answer.status_code, answer.json()["id_job"]))
        connection.close()

    threads = [threading.Thread(target=send, args=pair) for pair in zip(clients, range(8))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = (400, ["job script with this id job already exists."])
    assert sorted(answers, key=str) == sorted([(201, 9), *[told] * 7], key=str)


def test_a_script_can_be_replaced_changed_and_removed(client):
    post(client, {"id_job": 1, "submit_script": "first"})
    url = f"{URL}1/"
    new = {"id_job": 1, "submit_script": "requeued"}
    answer = client.put(url, json.dumps(new), content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, new)
    answer = client.patch(url, '{"submit_script": "again"}', content_type="application/json")
    assert (answer.status_code, answer.json()["submit_script"]) == (200, "again")
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    answer = client.put(url, json.dumps(new), content_type="application/json")
    assert answer.status_code == 404


def test_a_script_stays_with_its_job(client):
    post(client, {"id_job": 1, "submit_script": "first"})
    answer = client.put(
        f"{URL}1/", '{"id_job": 2, "submit_script": "x"}', content_type="application/json"
    )
    assert (answer.status_code, list(answer.json())) == (400, ["id_job"])
    assert client.get(f"{URL}2/").status_code == 404


@pytest.mark.parametrize(
    "id_job", [0, -1, 2**32, 10**30, 1.5, "x", None, [1], {"a": 1}, "", "1" * 5000]
)
def test_what_is_no_job_id_is_refused(client, id_job):
    answer = post(client, {"id_job": id_job, "submit_script": SCRIPT})
    assert (answer.status_code, list(answer.json())) == (400, ["id_job"])


@pytest.mark.parametrize(
    "script", ["x" * 1001, "", "a\0b", None, 5.5j, ["x"], {}, "\ud800"], ids=repr
)
def test_what_is_no_script_is_refused(client, script):
    if script == 5.5j:
        answer = post(client, {"id_job": 1})
    else:
        answer = post(client, {"id_job": 1, "submit_script": script})
    assert (answer.status_code, list(answer.json())) == (400, ["submit_script"])


def test_the_longest_script_fits(client):
    for number, letter in enumerate(("x", "€", "𝄞"), 1):
        script = letter * 1000
        answer = post(client, {"id_job": number, "submit_script": script})
        assert (answer.status_code, answer.json()["submit_script"]) == (201, script)


@pytest.mark.parametrize(
    "body", ["", "{", "[" * 100_00, "NaN", '{"id_job": NaN}', "[]", "1", '"x"', b"\xff", "null"],
    ids=lambda body: repr(body[:10]),
)  # fmt: skip
def test_what_is_no_document_is_told_as_json(client, body):
    answer = client.post(URL, body, content_type="application/json")
    assert answer.status_code == 400 and isinstance(answer.json(), dict)


def test_more_than_a_script_can_be_is_not_read(client):
    answer = client.post(URL, b" " * 20_000, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (413, ["detail"])


def test_a_type_that_is_not_taken_is_told(client):
    answer = client.post(URL, "<a/>", content_type="text/xml")
    assert (answer.status_code, list(answer.json())) == (415, ["detail"])


def test_the_newest_comes_first_a_hundred_a_page(client):
    from userportal.records.models import JobScript

    for number in range(1, 102):
        JobScript.objects.create(id_job=number, submit_script="x")
    answer = client.get(URL).json()
    assert (answer["count"], answer["previous"]) == (101, None)
    assert [one["id_job"] for one in answer["results"]] == list(range(101, 1, -1))
    assert answer["next"] == f"http://testserver{URL}?page=2"
    answer = client.get(answer["next"]).json()
    assert [one["id_job"] for one in answer["results"]] == [1] and answer["next"] is None


@pytest.mark.parametrize("query", ["pge=2", "format=xml", "page=2&x=1", "page=%00"])
def test_wrong_parameters_are_told(client, query):
    answer = client.get(f"{URL}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize("page", ["2", "0", "x", "99999999999999999999"])
def test_a_page_that_is_not_there_is_404(client, page):
    assert client.get(f"{URL}?page={page}").status_code == 404


@pytest.mark.parametrize("number", ["2", "99999999999999999999999", "0"])
def test_a_job_without_a_script_is_404(client, number):
    answer = client.get(f"{URL}{number}/")
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])


METHODS = (("get", URL), ("post", URL), ("get", f"{URL}1/"), ("put", f"{URL}1/"),
           ("patch", f"{URL}1/"), ("delete", f"{URL}1/"), ("options", URL))  # fmt: skip


@pytest.mark.parametrize(("method", "url"), METHODS)
@pytest.mark.parametrize(
    ("username", "scopes", "status"),
    [(None, (), 401), ("ann", (), 403), ("max", (), 403), ("ann", ("jobscripts",), 403),
     ("max", ("jobscripts",), 403), ("sue", ("jobs", "notes"), 403)],
)  # fmt: skip
def test_nobody_but_staff_with_the_scope_is_let_in(site, method, url, username, scopes, status):
    from userportal.records.models import JobScript

    JobScript.objects.create(id_job=1, submit_script="secret")
    answer = getattr(site.client(username, scopes), method)(url)
    assert answer.status_code == status and "secret" not in answer.content.decode()
    assert JobScript.objects.get().submit_script == "secret"


@pytest.mark.parametrize("text", ["Token", "Token x", "Token " + "0" * 40, "Bearer x", "Token é"])
def test_a_wrong_token_is_401_also_beside_a_session(site, text):
    answer = site.client("sue").get(URL, headers={"Authorization": text})
    expected = 200 if text.startswith("Bearer") else 401  # which is no token, but the session's
    assert answer.status_code == expected
    if expected == 401:
        assert answer["WWW-Authenticate"] == "Token"


def test_the_token_counts_and_not_the_session_of_somebody_else(site):
    client = site.client("sue")
    headers = {"Authorization": f"Token {site.token('ann', 'jobscripts')}"}
    assert client.get(URL, headers=headers).status_code == 403


def test_a_session_can_only_write_with_the_token_of_a_page(site):
    client = site.client("sue", enforce_csrf_checks=True)
    body = {"id_job": 1, "submit_script": SCRIPT}
    assert post(client, body).status_code == 403
    client = site.client("sue", ["jobscripts"], enforce_csrf_checks=True)
    assert post(client, body).status_code == 201


def test_who_asks_too_often_is_told_when_to_come_again(client, monkeypatch):
    from userportal.api import throttle

    monkeypatch.setitem(throttle.MOST, "jobscripts", 2)
    monkeypatch.setattr(throttle, "WINDOW_SECONDS", 10**12)
    statuses = [client.get(URL).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert int(client.get(URL)["Retry-After"]) > 0


def test_the_root_tells_what_there_is(site):
    answer = site.client("ann", ["jobs"]).get("/api/")
    assert answer.json() == {
        name: f"http://testserver/api/{name}/" for name in ("jobscripts", "jobs", "notes")
    }
    assert site.client().get("/api/").status_code == 401
