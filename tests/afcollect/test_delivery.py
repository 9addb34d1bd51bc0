"""Everything that waits is sent, in order and once, whatever the endpoint answers meanwhile."""

import random
import time

import pytest

from afcollect import delivery, endpoint
from afcollect.delivery import Delivery, iso_time
from afcollect.endpoint import Away, Endpoint
from afcollect.outbox import Outbox
from tests.afcollect.conftest import TOKEN
from tests.afcollect.serving import BYTE_BY_BYTE, CLOSE, Server
from tests.afcollect.test_outbox import documents
from usagedb import errors

LATE = {"collected_at", "document_id"}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Let nobody wait long."""
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(endpoint, "READ_SECONDS", 2.0)


@pytest.fixture
def outbox(tmp_path):
    """An Outbox with ten documents."""
    one = Outbox(tmp_path / "state")
    one.add(documents(10), time.time(), {})
    yield one
    one.close()


def send(outbox, server, **options):
    """Send all that waits; return the Delivery."""
    one = Endpoint(server.url, server.ca_file)
    sending = Delivery(outbox, one, TOKEN, **options)
    try:
        sending.run()
    finally:
        one.close()
    return sending


def numbers(taken):
    """Return which documents came, in order."""
    return [one["number"] for one in taken]


def test_documents_that_are_sent_at_once_have_their_own_keys_and_the_token(outbox, server):
    assert send(outbox, server).sent == 10
    assert server.taken == [{"token": TOKEN, **one} for one in documents(10)]
    assert outbox.counts() == (0, 0)
    path, headers, _documents, _status = server.posts[0]
    assert (path, headers["Content-Type"]) == ("/af", "application/json")


def test_all_go_over_one_connection(outbox, server):
    send(outbox, server)
    assert (len(server.posts), server.connections) == (10, 1)


def test_one_that_is_late_says_when_it_was_collected_and_which_it_is(outbox, server):
    collected_at = next(outbox.waiting()).collected_at
    send(outbox, server, newest_before=3)
    late = server.taken[:3]
    assert {one["collected_at"] for one in late} == {iso_time(collected_at)}
    assert len({one["document_id"] for one in late}) == 3
    assert all(set(one).isdisjoint(LATE) for one in server.taken[3:])


@pytest.mark.parametrize("answer", [500, 502, 503, 429, 408, CLOSE])
def test_one_that_must_be_sent_again_says_so_and_comes_once(outbox, server, answer):
    server.answers = [200, answer, answer]
    send(outbox, server)
    assert numbers(server.taken) == list(range(10))
    assert [bool(LATE & set(one)) for one in server.taken] == [False, True] + [False] * 8


def test_an_answer_without_end_is_left_and_the_next_try_has_a_connection_of_its_own(
    outbox, server, monkeypatch
):
    monkeypatch.setattr(endpoint, "POST_SECONDS", 0.5)
    server.answers = [BYTE_BY_BYTE]
    send(outbox, server)
    assert numbers(server.taken) == list(range(10)) and server.connections == 2


@pytest.mark.parametrize("answer", [400, 413, 422])
def test_one_that_never_will_be_taken_is_set_aside_and_holds_up_no_other(outbox, server, answer):
    server.answers = [200, answer]
    sending = send(outbox, server)
    assert (sending.sent, sending.aside, outbox.counts()) == (9, 1, (0, 1))
    assert numbers(server.taken) == [0, *range(2, 10)]
    assert str(answer) in outbox.summary()[0][1]


@pytest.mark.parametrize(
    "answer, error, word",
    [
        (401, errors.RefusedError, "refuses the token"),
        (403, errors.RefusedError, "refuses the token"),
        (404, errors.ConfigurationError, "check --url"),
        ((302, {"Location": "https://elsewhere.example.org/"}), errors.ConfigurationError, "302"),
    ],
)
def test_what_an_administrator_must_mend_keeps_all_that_waits(outbox, server, answer, error, word):
    server.answers = [200, answer]
    with pytest.raises(error, match=word) as found:
        send(outbox, server)
    assert outbox.counts() == (9, 0) and TOKEN not in str(found.value)
    assert len(server.posts) == 2  # no redirection is followed: it would get the token
    send(outbox, server)
    assert numbers(server.taken) == list(range(10))


@pytest.mark.parametrize("batch_format", [None, "array"])
def test_a_document_that_the_endpoint_cannot_bear_does_not_hold_up_the_others_for_ever(
    outbox, server, monkeypatch, batch_format
):
    monkeypatch.setattr(delivery, "POISON_TRIES", 6)
    server.always = lambda taken: 500 if 4 in numbers(taken) else 200
    for _run in range(2):
        with pytest.raises(errors.UnavailableError, match="500"):
            send(outbox, server, batch_format=batch_format)
        assert outbox.counts()[1] == 0
    sending = send(outbox, server, batch_format=batch_format)
    assert numbers(server.taken) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert sending.aside == 1 and "500" in outbox.summary()[0][1]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_is_down_for_long_sets_nothing_aside(outbox, server, monkeypatch, status):
    monkeypatch.setattr(delivery, "POISON_TRIES", 3)
    server.always = status
    for _run in range(4):
        with pytest.raises(errors.UnavailableError):
            send(outbox, server)
    assert outbox.counts() == (10, 0)


def test_a_run_ends_though_the_endpoint_refuses_each_document_slowly(outbox, server, monkeypatch):
    monkeypatch.setattr(delivery, "RUN_SECONDS", 0.0)
    monkeypatch.setattr(delivery, "LEAST_SECONDS", 0.0)
    server.always = 400
    with pytest.raises(errors.UnavailableError, match="too slow"):
        send(outbox, server)
    assert outbox.counts()[0] >= 9


@pytest.mark.parametrize("text", ["Fri, 31 Dec 99999 23:59:59 GMT", "soon", "-1", "9" * 400])
def test_a_pause_that_cannot_be_is_none(outbox, server, text):
    server.answers = [(200, {"Retry-After": text})]
    send(outbox, server)
    assert numbers(server.taken) == list(range(10))


def test_an_endpoint_that_fails_for_all_keeps_all_that_waits_in_order(outbox, server):
    server.always = 503
    for _run in range(4):
        with pytest.raises(errors.UnavailableError, match="takes nothing now: 503"):
            send(outbox, server)
    assert outbox.counts() == (10, 0)
    server.always = None
    send(outbox, server)
    assert numbers(server.taken) == list(range(10))


def test_an_endpoint_that_asks_for_much_time_gets_it(outbox, server):
    server.answers = [(429, {"Retry-After": "3600"})]
    with pytest.raises(errors.UnavailableError, match="429"):
        send(outbox, server)
    assert len(server.posts) == 1 and outbox.counts() == (10, 0)


def test_a_short_pause_that_it_asks_for_is_kept(outbox, server, monkeypatch):
    slept = []
    monkeypatch.setattr(delivery.time, "sleep", slept.append)
    server.answers = [(429, {"Retry-After": "7"})]
    send(outbox, server)
    assert slept == [7.0] and numbers(server.taken) == list(range(10))


def test_no_document_is_sent_without_a_certificate_that_holds(outbox, server, tmp_path):
    (tmp_path / "other").mkdir()
    stranger = Server(tmp_path / "other")  # with an authority of its own
    for ca_file in (stranger.ca_file, None):
        one = Endpoint(server.url, ca_file)
        with pytest.raises(errors.UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            Delivery(outbox, one, TOKEN).run()
    assert server.posts == [] and outbox.counts() == (10, 0)


def test_a_certificate_of_another_name_is_refused(outbox, server):
    one = Endpoint(server.url.replace("127.0.0.1", "localhost"), server.ca_file)
    with pytest.raises(errors.UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        Delivery(outbox, one, TOKEN).run()
    assert server.posts == []


def test_nobody_at_home_is_said_in_plain_words(outbox, server):
    server.stop()
    with pytest.raises(errors.UnavailableError, match="Connection refused") as found:
        send(outbox, server)
    assert "object at 0x" not in str(found.value) and TOKEN not in str(found.value)


@pytest.mark.parametrize("batch_format", ["array", "ndjson"])
def test_many_go_in_one_post_kind_by_kind(outbox, server, batch_format, monkeypatch):
    monkeypatch.setattr(delivery, "BATCH_DOCUMENTS", 4)
    outbox.add(documents(3, "condorjob"), 1.0, {})
    assert send(outbox, server, batch_format=batch_format).sent == 13
    assert [len(one[2]) for one in server.posts] == [4, 4, 2, 3]
    assert numbers(server.taken) == [*range(10), 0, 1, 2]
    assert all(one["token"] == TOKEN for one in server.taken)


def test_a_batch_has_a_bounded_size(outbox, server, monkeypatch):
    monkeypatch.setattr(delivery, "BATCH_BYTES", 150)
    send(outbox, server, batch_format="array")
    assert len(server.posts) > 2 and numbers(server.taken) == list(range(10))


def test_one_bad_document_of_a_batch_is_set_aside_alone(outbox, server):
    server.always = lambda taken: 400 if 6 in numbers(taken) else 200
    sending = send(outbox, server, batch_format="ndjson")
    assert (sending.sent, sending.aside) == (9, 1)
    assert sorted(numbers(server.taken)) == [0, 1, 2, 3, 4, 5, 7, 8, 9]


def test_whatever_it_answers_nothing_is_lost_and_all_comes_in_order_and_once(outbox, server):
    source = random.Random(11)
    number = 10
    for _run in range(40):
        server.answers = [
            source.choice((200, 200, 200, 429, 500, 503, CLOSE)) for _answer in range(12)
        ]
        try:
            send(outbox, server)
        except errors.UnavailableError:
            pass
        more = [{"kind": "ssh", "cluster": "X", "number": number}]
        outbox.add(more, 2.0, {})
        number += 1
    server.answers = []
    send(outbox, server)
    assert numbers(server.taken) == list(range(number)) and outbox.counts() == (0, 0)


def test_a_url_that_would_show_the_token_is_refused():
    for url in (
        "http://af.example.org/",
        "ftp://x/",
        "af.example.org",
        "https://",
        "https://u:p@x/",
    ):
        with pytest.raises(errors.UsageError):
            Endpoint(url)
    Endpoint("http://af.example.org/", insecure_http=True).close()


@pytest.mark.parametrize("url", ["https://h:99999/", "https://h:abc/", "https://[::1/"])
def test_a_url_that_cannot_be_is_said(url):
    with pytest.raises(errors.UsageError, match="--url"):
        Endpoint(url)


def test_a_proxy_without_a_scheme_is_one_of_http_and_others_are_refused(monkeypatch, server):
    monkeypatch.setenv("https_proxy", "127.0.0.1:9")
    Endpoint(server.url, server.ca_file).close()
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(errors.ConfigurationError, match="proxy"):
        Endpoint(server.url, server.ca_file).open()


def test_a_wrong_file_of_authorities_is_said(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(errors.ConfigurationError, match="--ca-file"):
            Endpoint("https://af.example.org/", tmp_path / name).open()


def test_the_proxy_of_the_environment_is_used_and_no_proxy_heeded(monkeypatch, server, tmp_path):
    proxy = Server(tmp_path, tls=False).start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(Away):
        Endpoint(server.url, server.ca_file).post(b"{}")  # it knows no CONNECT
    assert proxy.connections == 1 and server.posts == []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert Endpoint(server.url, server.ca_file).post(b"{}").is_taken
    proxy.stop()
