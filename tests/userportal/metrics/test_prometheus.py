"""The client asks in parallel, once, within limits, and says what is wrong."""

import json
import os
import socket
import ssl
import threading

import pytest
import trustme

from tests.services import free_port
from tests.userportal.metrics.metrics_http import Answer, MetricsServer, matrix
from usagedb.errors import ConfigurationError, RefusedError, UnavailableError
from userportal.metrics import server as server_module
from userportal.metrics.expression import metric, total
from userportal.metrics.prometheus import Prometheus
from userportal.metrics.source import QueryRejected

NOW = 1_750_000_000
UP = metric("up")
POINTS = [[NOW, "1"], [NOW + 60, "2.5"]]
SECRET = "the-secret-of-the-site"


def serving(answer):
    return MetricsServer(answer if callable(answer) else lambda _asked: answer)


def client(server, **options):
    return Prometheus(getattr(server, "url", server), clock=lambda: NOW, **options)


def test_a_range_is_asked_as_a_form():
    with serving(matrix(({"a": "b"}, POINTS))) as server:
        source = client(
            f"{server.url}/select/0/",
            headers={"Authorization": f"Bearer {SECRET}", "X-Scope-OrgID": "one"},
            site_filter="cluster='abc'",
            timeout_seconds=7,
        )
        (series,) = source.range(total(UP), NOW - 590, NOW + 31, 60)
    assert (series.labels, series.times, series.values) == ({"a": "b"}, [NOW, NOW + 60], [1, 2.5])
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/select/0/api/v1/query_range")
    assert asked.parameters == {
        "query": ['sum(up{cluster="abc"})'],
        "start": ["1749999360"],
        "end": ["1750000020"],
        "step": ["60"],
        "timeout": ["7s"],
    }
    assert asked.headers["Authorization"] == f"Bearer {SECRET}"
    assert asked.headers["X-Scope-OrgID"] == "one"


def test_a_password_in_the_url_is_sent_and_not_told():
    with serving(Answer(500)) as server:
        source = client(server.url.replace("//", f"//ann:{SECRET}@"))
        with pytest.raises(UnavailableError) as caught:
            source.check()
    assert server.asked[0].headers["authorization"].startswith("Basic ")
    assert SECRET not in str(caught.value)


def test_labels_are_asked_with_the_filter():
    with serving(Answer(body=b'{"status":"success","data":["b","a"]}')) as server:
        source = client(server, site_filter="cluster='abc'")
        assert source.label_values("user", metric("up", x="1"), NOW - 60, NOW) == ["a", "b"]
        assert source.label_values("user") == ["a", "b"]
        with pytest.raises(ValueError):
            source.label_values("../x")
    first, second = server.asked
    assert (first.method, first.path) == ("GET", "/api/v1/label/user/values")
    assert first.parameters["match[]"] == ['up{x="1", cluster="abc"}']
    assert second.parameters["match[]"] == ['{cluster="abc"}']


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success", "data": {"resultType": "matrix", "result": []}},
        {"status": "success", "data": {"result": None}, "warnings": ["partial"]},
        {"status": "success", "data": {}},
        {"data": None},
        {"data": {"result": [{"metric": {}}]}},
        {"data": {"result": [{"values": []}, {"value": None}, {"histograms": [[1, {}]]}]}},
        {"data": {"result": [{"metric": {}, "values": [[1, "NaN"], [2, "+Inf"], [3, "-Inf"]]}]}},
    ],
)
def test_nothing_is_found_in_an_answer_without_points(answer):
    with serving(Answer(body=json.dumps(answer).encode())) as server:
        assert client(server).range(UP, NOW - 60, NOW, 60) == []


@pytest.mark.parametrize("label", ["plain", 'a"],["b', "],[", "é"])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_points_are_read_however_they_are_written(label, separators):
    result = [
        {"metric": {"x": label}, "values": POINTS},
        {"metric": {"x": label + "2"}, "values": []},
    ]
    text = json.dumps({"data": {"result": result}}, separators=separators)
    with serving(Answer(body=text.encode())) as server:
        (series,) = client(server).range(UP, NOW - 60, NOW, 60)
    assert (series.labels, series.times) == ({"x": label}, [NOW, NOW + 60])
    assert series.values == [1, 2.5]


def test_points_that_are_no_numbers_are_left_out():
    points = [[1.5, "NaN"], [2, "3"], [3, "+Inf"], [4, "-Inf"], [5, "1e3"]]
    with serving(matrix(({}, points), warnings=["x"], isPartial=True)) as server:
        (series,) = client(server).range(UP, NOW - 60, NOW, 60)
    assert (series.times, series.values) == ([2, 5], [3, 1000])


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (Answer(401, b"who are you"), RefusedError, "who are you"),
        (Answer(403, SECRET.encode()), RefusedError, "***"),
        (Answer(500, b"broken\nlong story"), UnavailableError, "500: broken"),
        (Answer(503), UnavailableError, "503"),
        (Answer(429), UnavailableError, "429"),
        (Answer(404, b"<html>"), ConfigurationError, "is the URL right?"),
        (Answer(302, b"", {"Location": "/elsewhere"}), ConfigurationError, "redirects"),
        (Answer(308, b"", {"Location": "http://x.test"}), ConfigurationError, "redirects"),
        (Answer(400, b'{"status":"error","error":"too long"}'), QueryRejected, "too long"),
        (Answer(422, b'{"status":"error","error":"twice"}'), QueryRejected, "twice"),
        (Answer(200, b'{"status":"error","error":"odd"}'), QueryRejected, "odd"),
        (Answer(400, b"\x1b[31m" + SECRET.encode() * 999), QueryRejected, r"\x1b[31m***"),
        (Answer(200, b'{"status":'), ConfigurationError, "not that of Prometheus"),
        (Answer(200, b"<html>log in</html>"), ConfigurationError, "not that of Prometheus"),
        (Answer(200, b"[" * 99999), ConfigurationError, "not that of Prometheus"),
        (Answer(200, b"[1]"), ConfigurationError, "not that of Prometheus"),
        (Answer(200, b'{"data":{"result":7}}'), ConfigurationError, "not that of Prometheus"),
        (Answer(200, b'{"data":[1]}'), ConfigurationError, "not that of Prometheus"),
        (Answer(200, b'{"data":{"result":[7]}}'), ConfigurationError, "not that of Prometheus"),
        *(
            (
                Answer(200, b'{"data":{"result":[{"values":%s}]}}' % points),
                ConfigurationError,
                "not that of Prometheus",
            )
            for points in (b'[[1,"x"]]', b"[[1]]", b"[1,2]", b'["ab"]', b'{"a":1}', b"[[1,null]]")
        ),
        (None, UnavailableError, "cannot reach"),
        (Answer(200, b"{", {"Content-Length": 9}), UnavailableError, "cannot reach"),
    ],
)
def test_each_fault_has_its_class_and_no_secret(answer, error, text):
    headers = {"Authorization": f"Bearer {SECRET}", "X-Short": "a"}
    if answer and answer.headers.get("Content-Length"):
        answer.headers["Connection"] = "close"
    with serving(answer) as server:
        with pytest.raises(error) as caught:
            client(server, headers=headers).range(UP, NOW - 60, NOW, 60)
        assert all(asked.path == "/api/v1/query_range" for asked in server.asked)
    told = str(caught.value)
    assert text in told
    assert SECRET not in told
    assert told.isprintable()
    assert len(told) < 600


def test_a_server_that_hangs_is_left_after_the_time_limit():
    done = threading.Event()
    with serving(lambda _asked: done.wait() and None) as server:
        try:
            with pytest.raises(UnavailableError, match="did not answer within 0.2 s"):
                client(server, timeout_seconds=0.2).check()
        finally:
            done.set()


def test_a_server_that_drips_is_left_after_the_time_limit():
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            connection, _address = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b"1\r\n \r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with pytest.raises(UnavailableError, match="took too long|did not answer within"):
                client(url, timeout_seconds=0.3).check()
        finally:
            stop.set()
            thread.join()


def test_a_closed_port_is_unavailable():
    with pytest.raises(UnavailableError, match="cannot reach http://127.0.0.1:.*refused"):
        client(f"http://127.0.0.1:{free_port()}").check()


def test_a_name_without_an_address_is_unavailable():
    with pytest.raises(UnavailableError, match="cannot reach http://nowhere.invalid"):
        client("http://nowhere.invalid").check()


def test_a_connection_that_was_closed_meanwhile_is_made_again():
    answers = iter([matrix(), None, matrix()])
    with serving(lambda _asked: next(answers)) as server:
        source = client(server)
        source.check()
        source.check()
    assert len(server.asked) == 3


def test_an_answer_has_a_longest_size(monkeypatch):
    monkeypatch.setattr(server_module, "LARGEST_ANSWER_BYTES", 1 << 20)
    with serving(Answer(body=b" " * (1 << 20) + b"{}")) as server:
        with pytest.raises(QueryRejected, match="longer than 1048576 bytes"):
            client(server).check()
        monkeypatch.setattr(server_module, "LARGEST_ANSWER_BYTES", 2 << 20)
        client(server).check()


def test_an_answer_has_a_largest_number_of_series():
    with serving(matrix(*(({"n": str(n)}, POINTS) for n in range(4)))) as server:
        assert len(client(server, most_series=4).range(UP, NOW - 60, NOW, 60)) == 4
        with pytest.raises(QueryRejected, match="4 series, more than 3"):
            client(server, most_series=3).range(UP, NOW - 60, NOW, 60)


def test_too_many_points_are_not_asked():
    with serving(matrix()) as server:
        source = client(server)
        source.range(UP, 0, 10_999, 1)
        for start, end, step in ((0, 11_000, 1), (0, 60, 0), (0, float("inf"), 1), (0, 60, -1)):
            with pytest.raises(QueryRejected):
                source.range(UP, start, end, step)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url",
    ["", "prometheus:9090", "ftp://x", "http://", "http://x/?a=b", "http://x/#a", "http://x y",
     "http://x\n", "http://x:99999", "file:///etc/passwd"],
)  # fmt: skip
def test_a_wrong_url_is_a_wrong_configuration(url):
    with pytest.raises(ConfigurationError, match="the URL of the metrics"):
        client(url)


@pytest.mark.parametrize(
    "headers", [{"A b": "x"}, {"": "x"}, {"A": SECRET + "\r\nB: y"}, {"A": "✓"}]
)
def test_a_wrong_header_is_a_wrong_configuration(headers):
    with pytest.raises(ConfigurationError, match="wrong header") as caught:
        client("http://x", headers=headers)
    assert SECRET not in str(caught.value)


def test_a_certificate_is_checked(tmp_path):
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with MetricsServer(lambda _asked: matrix(), context) as server:
        assert client(server, ca_file=ca_file).check() == f"{server.url} answers"
        with pytest.raises(ConfigurationError, match="certificate"):
            client(server).check()
    with pytest.raises(ConfigurationError, match="the file of certificates is missing"):
        client("https://x", ca_file=tmp_path / "missing.pem")


def test_queries_run_at_the_same_time():
    together = threading.Barrier(4)

    def answer(_asked):
        together.wait(20)  # breaks if fewer than four are asked at once
        return matrix()

    with serving(answer) as server:
        source = client(server, workers=4)
        queries = [(metric(f"m{number}"), NOW - 60, NOW, 60) for number in range(8)]
        assert source.range_many(queries) == [[]] * 8
        assert source.instant_many([(query[0], NOW) for query in queries]) == [[]] * 8
    assert len(server.asked) == 16


def test_no_more_queries_than_workers_run_at_the_same_time():
    lock, running, most = threading.Lock(), [0], [0]

    def answer(_asked):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with lock:
            running[0] -= 1
        return matrix()

    with serving(answer) as server:
        client(server, workers=2).range_many([(metric(f"m{n}"), 0, 60, 60) for n in range(40)])
    assert most[0] <= 2
    assert len(server.asked) == 40


def test_a_child_of_a_process_that_has_asked_can_ask():
    with serving(matrix()) as server:
        source = client(server)
        queries = [(metric(f"m{number}"), 0, 60, 60) for number in range(20)]
        source.range_many(queries)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if source.range_many(queries) == [[]] * 20 else 1
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
    assert len(server.asked) == 40


def test_answers_come_in_the_order_of_the_questions():
    def answer(asked):
        return matrix(({"query": asked.parameters["query"][0]}, POINTS))

    with serving(answer) as server:
        queries = [(metric(f"m{number}"), NOW - 60, NOW, 60) for number in range(30)]
        found = client(server).range_many(queries)
    assert [series.labels["query"] for (series,) in found] == [f"m{n}" for n in range(30)]


def test_a_page_that_is_loaded_again_asks_nothing():
    now = [NOW]
    with serving(matrix(({}, POINTS))) as server:
        source = Prometheus(server.url, clock=lambda: now[0], cache_seconds=30)
        first = source.range(UP, NOW - 7 * 86400, NOW, 1200)
        now[0] += 20
        assert source.range(UP, NOW - 7 * 86400 + 20, NOW + 20, 1200) == first
        source.instant(UP, NOW + 10)
        source.instant(UP, NOW + 19)
        assert len(server.asked) == 2
        source.range(UP, NOW - 7 * 86400, NOW, 600)
        source.range(metric("down"), NOW - 7 * 86400, NOW, 1200)
        assert len(server.asked) == 4


def test_without_a_cache_everything_is_asked():
    with serving(matrix()) as server:
        source = client(server, cache_seconds=0)
        for _time in range(3):
            source.range(UP, 0, 60, 60)
            source.instant(UP, NOW)
    assert len(server.asked) == 6


def test_a_fault_is_not_kept():
    answers = iter([Answer(503), matrix(({}, POINTS))])
    with serving(lambda _asked: next(answers)) as server:
        source = client(server)
        with pytest.raises(UnavailableError):
            source.range(UP, NOW - 60, NOW, 60)
        assert len(source.range(UP, NOW - 60, NOW, 60)) == 1


def test_a_thousand_series_are_read_with_one_list_of_times():
    points = [[NOW + 60 * number, str(number)] for number in range(50)]
    with serving(matrix(*(({"core": str(core)}, points) for core in range(1000)))) as server:
        found = client(server).range(UP, NOW - 60, NOW, 60)
    assert len(found) == 1000
    assert len({id(series.times) for series in found}) == 1
