"""Everything that waits is sent, in order and once, whatever the endpoint answers meanwhile."""

import random
import select
import time

import pytest

from afcollect import delivery, endpoint
from afcollect.delivery import Delivery, waits_until
from afcollect.endpoint import Endpoint
from afcollect.outbox import Outbox
from tests.afcollect.conftest import TOKEN
from tests.afcollect.serving import BYTE_BY_BYTE, CLOSE, RESET, SILENT_CLOSE
from tests.afcollect.test_outbox import documents
from usagedb import errors
from usagedb.dates import iso_time

LATE = {"collected_at", "document_id"}
LONG_SECONDS = 600.0


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Let nobody wait long."""
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.001)
    for name in ("CONNECT_SECONDS", "READ_SECONDS", "POST_SECONDS"):  # however slow the machine
        monkeypatch.setattr(endpoint, name, LONG_SECONDS)


@pytest.fixture
def slept(monkeypatch):
    """A list of the pauses between tries, which take no time."""
    seconds: list = []
    monkeypatch.setattr(delivery.time, "sleep", seconds.append)
    return seconds


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
    assert {one["collected_at"] for one in late} == {iso_time(collected_at, "seconds")}
    assert len({one["document_id"] for one in late}) == 3
    assert all(set(one).isdisjoint(LATE) for one in server.taken[3:])


def test_one_of_this_run_that_was_collected_a_while_ago_says_so_too(outbox, server):
    seconds_ago = time.time() - delivery.LATE_SECONDS
    outbox.add(documents(1, "MEM"), seconds_ago, {})
    outbox.add(documents(1, "DISK"), seconds_ago + 40, {})
    send(outbox, server, newest_before=0)
    late = [one for one in server.taken if LATE & set(one)]
    assert [one["kind"] for one in late] == ["MEM"] and set(late[0]) >= LATE
    assert late[0]["collected_at"] == iso_time(seconds_ago, "seconds")


@pytest.mark.parametrize("answer", [500, 502, 503, 429, 408, CLOSE])
def test_one_that_must_be_sent_again_says_so_and_comes_once(outbox, server, answer):
    server.answers = [200, answer, answer]
    send(outbox, server)
    assert numbers(server.taken) == list(range(10))
    assert [bool(LATE & set(one)) for one in server.taken] == [False, True] + [False] * 8


def test_an_answer_without_end_is_left_and_the_next_try_has_a_connection_of_its_own(
    outbox, server, monkeypatch
):
    def first(_documents):
        monkeypatch.setattr(endpoint, "POST_SECONDS", LONG_SECONDS)  # of all later ones
        return BYTE_BY_BYTE

    monkeypatch.setattr(endpoint, "POST_SECONDS", 2.0)
    server.answers = [first]
    send(outbox, server)
    assert numbers(server.taken) == list(range(10)) and server.connections >= 2


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


# Over one document the endpoint fails, again and again ---------------------

POISON = [(500, None), (CLOSE, None), (500, "array"), (CLOSE, "ndjson")]


def send_in_vain(outbox, server, runs, **options):
    """Send again and again while the endpoint is away; nothing is set aside by that."""
    for _run in range(runs):
        with pytest.raises(errors.UnavailableError):
            send(outbox, server, **options)
        assert outbox.counts()[1] == 0


@pytest.mark.parametrize("answer, batch_format", POISON)
def test_a_document_that_the_endpoint_cannot_bear_does_not_hold_up_the_others_for_ever(
    outbox, server, monkeypatch, answer, batch_format
):
    monkeypatch.setattr(delivery, "POISON_TRIES", 6)
    server.always = lambda taken: answer if 4 in numbers(taken) else 200
    send_in_vain(outbox, server, 2, batch_format=batch_format)
    sending = send(outbox, server, batch_format=batch_format)
    assert numbers(server.taken) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert sending.aside == 1 and outbox.counts() == (0, 1) and outbox.summary()[0][1]


@pytest.mark.parametrize("answer, batch_format", POISON)
def test_it_waits_until_a_later_one_is_taken(outbox, server, monkeypatch, answer, batch_format):
    monkeypatch.setattr(delivery, "POISON_TRIES", 3)
    server.always = lambda taken: answer if 9 in numbers(taken) else 200
    send_in_vain(outbox, server, 4, batch_format=batch_format)
    assert numbers(server.taken) == list(range(9)) and outbox.counts() == (1, 0)
    outbox.add([{"kind": "ssh", "cluster": "X", "number": 10}], time.time(), {})
    send(outbox, server, batch_format=batch_format)
    assert outbox.counts() == (0, 1) and numbers(server.taken) == [*range(9), 10]


@pytest.mark.parametrize("answer, batch_format", [*POISON, (103, None)])
def test_none_is_set_aside_while_all_fail(outbox, server, monkeypatch, answer, batch_format):
    monkeypatch.setattr(delivery, "POISON_TRIES", 3)
    outbox.drop_oldest(3)
    server.always = answer
    send_in_vain(outbox, server, 5, batch_format=batch_format)
    assert outbox.counts() == (3, 0)
    server.always = None
    send(outbox, server, batch_format=batch_format)
    assert numbers(server.taken) == [7, 8, 9]


@pytest.mark.parametrize("answer, batch_format", POISON)
def test_two_such_documents_in_a_row_are_both_set_aside(
    outbox, server, monkeypatch, answer, batch_format
):
    monkeypatch.setattr(delivery, "POISON_TRIES", 3)
    server.always = lambda taken: answer if {4, 5} & set(numbers(taken)) else 200
    send_in_vain(outbox, server, 1 if batch_format else 2, batch_format=batch_format)
    assert send(outbox, server, batch_format=batch_format).aside == 2
    assert numbers(server.taken) == [0, 1, 2, 3, 6, 7, 8, 9] and outbox.counts() == (0, 2)


def test_none_is_set_aside_when_the_server_goes_away_after_it(outbox, server, monkeypatch):
    monkeypatch.setattr(delivery, "POISON_TRIES", 3)

    def answer(_taken):
        if len(server.posts) == 5:  # the last try of the second run
            server.stop()
        return CLOSE

    server.always = answer
    send_in_vain(outbox, server, 2)
    assert len(server.posts) == 6
    send_in_vain(outbox, server, 2)
    server.always = None
    server.start()
    send(outbox, server)
    assert numbers(server.taken) == list(range(10))


def test_a_server_that_refuses_connections_for_long_sets_nothing_aside(outbox, server, monkeypatch):
    monkeypatch.setattr(delivery, "POISON_TRIES", 3)
    server.stop()
    send_in_vain(outbox, server, 6)
    assert outbox.counts() == (10, 0) and {one.tries for one in outbox.waiting()} == {0}
    server.start()
    server.answers = [500]  # as it starts
    send(outbox, server)
    assert numbers(server.taken) == list(range(10))


def test_none_is_set_aside_that_the_endpoint_takes_after_all(outbox, server, monkeypatch):
    monkeypatch.setattr(delivery, "POISON_TRIES", 3)
    server.always = 500
    send_in_vain(outbox, server, 1)
    server.answers = [500] * 3  # of the first in that run
    server.always = None
    assert send(outbox, server).aside == 0
    assert sorted(numbers(server.taken)) == list(range(10)) and outbox.counts() == (0, 0)


@pytest.mark.parametrize("batch_format", ["array", "ndjson"])
def test_an_endpoint_that_knows_no_batches_gets_plain_documents(outbox, server, batch_format):
    def answer(documents):
        is_plain = server.last_text.startswith("{") and not server.last_text.endswith("\n")
        return 200 if is_plain else 400

    server.always = answer
    assert send(outbox, server, batch_format=batch_format).sent == 10
    assert numbers(server.taken) == list(range(10))


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


def test_a_short_pause_that_it_asks_for_is_kept(outbox, server, slept):
    server.answers = [(429, {"Retry-After": "7"})]
    send(outbox, server)
    assert slept == [7.0] and numbers(server.taken) == list(range(10))


@pytest.mark.parametrize("text, seconds", [("600", 600), ("31", 31), ("86400", 3600)])
def test_an_endpoint_that_asks_for_much_time_gets_it(outbox, server, text, seconds):
    server.answers = [(429, {"Retry-After": text})]
    begin = time.time()
    with pytest.raises(errors.UnavailableError, match="429"):
        send(outbox, server)
    assert len(server.posts) == 1 and outbox.counts() == (10, 0)
    ((shown, until),) = outbox.state()[delivery.ENDPOINT_WAITS].items()
    assert begin + seconds <= until <= time.time() + seconds
    assert waits_until(outbox.state(), shown, time.time()) == until


def test_tries_that_cannot_be_counted_on_a_full_disk_are_made_all_the_same(outbox, server):
    outbox.database.run_ddl(
        "CREATE TRIGGER is_full BEFORE UPDATE ON afmetrics_document"
        " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    )
    server.answers = [503, 500, 200, 503, 503, 503]
    with pytest.raises(errors.UnavailableError, match="503"):
        send(outbox, server)
    send(outbox, server)
    assert numbers(server.taken) == list(range(10)) and outbox.counts() == (0, 0)


# Kept-alive connections ----------------------------------------------------


@pytest.mark.parametrize("answer", [CLOSE, RESET])
def test_one_whose_connection_was_closed_meanwhile_is_sent_again_at_once(
    outbox, server, slept, answer
):
    server.answers = [200, answer]
    send(outbox, server)
    assert slept == [] and server.connections == 2
    assert numbers(server.taken) == list(range(10))
    assert [set(one) >= LATE for one in server.taken] == [False, True] + [False] * 8


def test_that_is_not_counted_as_a_try(outbox, server):
    server.answers = [200, CLOSE, 401]
    with pytest.raises(errors.RefusedError):
        send(outbox, server)
    assert [one.tries for one in outbox.waiting()] == [0] * 9


@pytest.mark.parametrize("answer", [CLOSE, RESET])
def test_a_new_connection_that_is_closed_without_an_answer_is_a_try(outbox, server, slept, answer):
    server.answers = [answer, 200, answer, answer, 401]
    with pytest.raises(errors.RefusedError):
        send(outbox, server)
    assert len(slept) == 2 and all(seconds > 0 for seconds in slept)
    assert [one.tries for one in outbox.waiting()] == [1] + [0] * 8


def test_a_connection_that_is_closed_just_after_it_was_looked_at_is_no_failure(
    outbox, server, slept, monkeypatch
):
    def looked_at(connection):
        if connection.sock:
            select.select([connection.sock], [], [])  # until the server has closed it
        return not connection.sock

    monkeypatch.setattr("urllib3.connectionpool.is_connection_dropped", looked_at)
    server.always = SILENT_CLOSE
    send(outbox, server)
    assert numbers(server.taken) == list(range(10)) and slept == []


def test_a_server_that_closes_after_each_answer_gets_all_in_order_once(outbox, server, slept):
    server.always = (200, {"Connection": "close"})
    send(outbox, server)
    assert numbers(server.taken) == list(range(10)) and slept == []
    assert not any(LATE & set(one) for one in server.taken) and server.connections == 10


def test_a_large_post_over_a_connection_that_is_reset_is_sent_again_at_once(outbox, server, slept):
    outbox.add([{**one, "text": "x" * 100_000} for one in documents(5, "MEM")], time.time(), {})
    server.answers = [200, RESET]
    send(outbox, server, batch_format="array")
    assert slept == [] and numbers(server.taken) == [*range(10), *range(5)]


@pytest.mark.parametrize("status", [102, 103])
def test_an_interim_answer_is_none_and_its_final_one_is_not_that_of_another_post(
    outbox, server, slept, status
):
    server.answers = [200, status, 503]
    assert send(outbox, server).sent == 10
    assert numbers(server.taken) == list(range(10)) and outbox.counts() == (0, 0)
    assert server.connections == 2 and len(slept) == 2


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
