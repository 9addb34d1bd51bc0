"""What the collector brings to the portal: each script once, whatever happens on the way."""

import logging
import time

import pytest

from tests.userportal.jobscripts.serving import CLOSE, TOKEN
from userportal.jobscripts.collector import Collector
from userportal.jobscripts.portal import Kind


def try_again(collector):
    """Do a round as if the pause were over."""
    collector._next_try = 0.0
    return collector.round()


def warnings(caplog):
    """Return the texts of the warnings so far, and forget them."""
    found = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    caplog.clear()
    return found


def test_scripts_arrive_as_documented(machine, server):
    machine.submit(4711, "#!/bin/sh\necho é\n")
    machine.submit(5, is_old=True)
    with machine.collector() as collector:
        assert collector.round()
    assert server.scripts == {4711: "#!/bin/sh\necho é\n", 5: "#!/bin/sh\nsrun ./model\n"}
    path, headers, _job_id, status = server.posts[0]
    assert (path, status) == ("/api/jobscripts/", 201)
    assert headers["Authorization"] == f"Token {TOKEN}"
    assert headers["Content-Type"] == "application/json"


def test_a_portal_below_a_path_is_reached(machine, server):
    machine.write_ini(host=f"{server.host}/portal/")
    machine.submit(1)
    with machine.collector() as collector:
        assert collector.round()
    assert server.posts[0][0] == "/portal/api/jobscripts/"


def test_only_new_jobs_are_sent_and_one_connection_is_kept(machine, server):
    with machine.collector() as collector:
        for job_id in range(1, 301):
            machine.submit(job_id)
        while not collector.round():
            pass
        machine.submit(301)
        assert collector.round()
    assert server.statuses() == [(job_id, 201) for job_id in range(1, 302)]
    assert server.connections == 1


def test_a_restart_sends_nothing_again(machine, server):
    machine.submit(1)
    for _ in range(2):
        with machine.collector() as collector:
            assert collector.round()
    assert server.statuses() == [(1, 201)]


def test_what_the_portal_has_already_is_done(machine, server, caplog):
    server.scripts[1] = "as it was"
    machine.submit(1)
    with machine.collector() as collector:
        assert collector.round() and collector.round()
    assert server.statuses() == [(1, 400)]
    assert warnings(caplog) == [] and server.scripts == {1: "as it was"}


def test_a_script_that_is_refused_is_told_and_not_sent_again(machine, server, caplog):
    server.answers = [413]
    machine.submit(1)
    with machine.collector() as collector:
        assert collector.round() and collector.round()
    assert [status for _id, status in server.statuses()] == [413]
    [told] = warnings(caplog)
    assert told.startswith("job 1: the portal refuses the script: 413")


def test_a_portal_that_comes_back_gets_what_waited_also_of_ended_jobs(machine, server, caplog):
    server.stop()
    with machine.collector() as collector:
        machine.submit(1, "first")
        assert not collector.round()
        [told] = warnings(caplog)
        assert "takes no scripts, they wait: " in told and "refused" in told
        machine.end(1)
        machine.submit(2, "second")
        assert not try_again(collector)
        assert warnings(caplog) == []
        assert collector._pause_seconds == 60
        server.start()
        assert try_again(collector)
        assert warnings(caplog) == ["well again: portal"]
    assert server.scripts == {1: "first", 2: "second"}


def test_what_waits_survives_a_restart(machine, server):
    server.stop()
    machine.submit(1, "first")
    with machine.collector() as collector:
        assert not collector.round()
    machine.end(1)
    server.start()
    with machine.collector() as collector:
        assert collector.round()
    assert server.scripts == {1: "first"}


def test_nothing_is_sent_before_the_pause_is_over(machine, server):
    server.answers = [(503, {"Retry-After": "120"})]
    machine.submit(1)
    with machine.collector() as collector:
        assert not collector.round()
        assert not collector.round()
        assert server.statuses() == [(1, 503)]
        assert 100 < collector._next_try - time.monotonic() <= 120
        assert try_again(collector)
    assert server.scripts.keys() == {1}


def test_pauses_grow_up_to_a_bound_and_end(machine, server):
    machine.submit(1)
    pauses = []
    with machine.collector() as collector:
        server.answers = [(503, {"Retry-After": "1"})] * 20
        for _ in range(20):
            try_again(collector)
            pauses.append(collector._pause_seconds)
        assert try_again(collector)
        assert collector._pause_seconds == 0
    assert pauses[:3] == [30, 60, 120] and pauses[-1] == 300


def test_one_script_over_which_the_portal_fails_does_not_hold_up_others(machine, server):
    for job_id in (1, 2, 3):
        machine.submit(job_id)
    server.answers = [lambda job_id: 500 if job_id == 1 else None] * 100
    with machine.collector() as collector:
        assert not collector.round()
        assert sorted(server.scripts) == [2, 3]
        machine.submit(4)
        assert not try_again(collector)
        assert sorted(server.scripts) == [2, 3, 4]
        server.answers = []
        assert try_again(collector)
    assert sorted(server.scripts) == [1, 2, 3, 4]


def test_a_portal_that_fails_over_all_is_not_asked_for_each(machine, server):
    for job_id in range(1, 11):
        machine.submit(job_id)
    server.answers = [502] * 100
    with machine.collector() as collector:
        assert not collector.round()
    assert len(server.posts) == 3


@pytest.mark.parametrize(
    ("status", "tries"), [(401, 1), (400, 3), (403, 3), (404, 3), (415, 3), (301, 3)]
)
def test_a_refusal_is_told_once_a_round_and_the_scripts_are_kept(
    machine, server, caplog, status, tries
):
    for job_id in range(1, 6):
        machine.submit(job_id)
    server.answers = [status] * 2 * tries
    with machine.collector() as collector:
        assert not collector.round()
        [told] = warnings(caplog)
        assert "refuses scripts, 5 wait: is [api] token right, and host?" in told
        assert str(status) in told and TOKEN not in told
        assert not try_again(collector)
        assert len(warnings(caplog)) == 1
        assert try_again(collector)
    assert [status for _id, status in server.statuses()] == [status] * 2 * tries + [201] * 5


@pytest.mark.parametrize("status", [400, 403])
def test_a_script_that_is_not_let_in_does_not_hold_up_others(machine, server, caplog, status):
    for job_id in range(100, 110):
        machine.submit(job_id)
    server.answers = [lambda job_id: status if job_id == 100 else None] * 100
    with machine.collector() as collector:
        assert not collector.round()
        assert sorted(server.scripts) == list(range(101, 110))
        [told] = warnings(caplog)
        assert told.startswith(f"job 100: the script is not let in, and tried again: {status}")
        assert not collector.round()  # at once: others go on, so there is no pause
        machine.submit(110)
        assert not collector.round()
        assert 110 in server.scripts and warnings(caplog) == []
        server.answers = []
        assert collector.round()
    assert sorted(server.scripts) == list(range(100, 111))


def test_a_single_script_that_is_not_let_in_is_told(machine, server, caplog):
    machine.submit(1)
    server.answers = [403, 403]
    with machine.collector() as collector:
        assert not collector.round()
        assert "refuses scripts, 1 wait" in warnings(caplog)[0]
        assert collector._pause_seconds == 30
        assert not try_again(collector)
        assert try_again(collector)
    assert server.statuses() == [(1, 403), (1, 403), (1, 201)]


def test_a_new_token_in_its_file_is_used(machine, server, tmp_path):
    (tmp_path / "token").write_text("wrong-wrong-wrong\n")
    (tmp_path / "token").chmod(0o600)
    machine.write_ini(api=f"token_file = {tmp_path}/token")
    machine.submit(1)
    with machine.collector() as collector:
        assert not collector.round()
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        assert try_again(collector)
        (tmp_path / "token").unlink()
        machine.submit(2)
        assert not try_again(collector)
        assert collector.last_answer.kind is Kind.DENIED
    assert server.statuses() == [(1, 401), (1, 201)]


def test_a_connection_that_was_closed_meanwhile_costs_nothing(machine, server, caplog):
    with machine.collector() as collector:
        machine.submit(1)
        assert collector.round()
        server.answers = [CLOSE]
        machine.submit(2)
        assert collector.round()
    assert server.statuses() == [(1, 201), (2, CLOSE), (2, 201)]
    assert warnings(caplog) == []


def test_a_portal_with_a_certificate_of_others_is_not_trusted(machine, server, caplog):
    import trustme

    trustme.CA().cert_pem.write_to_path(str(server.ca_file))
    machine.submit(1)
    with machine.collector() as collector:
        assert not collector.round()
    assert "[api] ca_file names other authorities" in warnings(caplog)[0]
    assert server.posts == []


def test_a_directory_without_a_script_is_asked_again(machine, server):
    machine.submit(1).unlink()
    with machine.collector() as collector:
        assert collector.round()
        machine.submit(1)
        assert collector.round()
    assert server.scripts.keys() == {1}


def test_a_job_id_that_comes_again_is_a_new_job(machine, server):
    machine.submit(1, "first")
    with machine.collector() as collector:
        collector.round()
        machine.end(1)
        collector.round()
        del server.scripts[1]
        machine.submit(1, "second")
        assert collector.round()
    assert server.scripts == {1: "second"}


def test_a_spool_that_is_away_for_a_while_makes_nothing_forgotten(machine, server, caplog):
    machine.submit(1)
    away = machine.spool.with_name("away")
    with machine.collector() as collector:
        collector.round()
        machine.spool.rename(away)
        for _ in range(2):
            collector.round()
        [told] = warnings(caplog)
        assert told.startswith(f"cannot read {machine.spool}: ")
        away.rename(machine.spool)
        collector.round()
        assert warnings(caplog) == ["well again: spool"]
    assert server.statuses() == [(1, 201)]


def test_what_waits_has_bounds_and_what_is_lost_is_told(machine, server, caplog):
    machine.write_ini(script_length=400_000, kept_megabytes=1)
    server.stop()
    for job_id in (1, 2, 3, 4):
        machine.submit(job_id, str(job_id) * 400_000)
    with machine.collector() as collector:
        assert not collector.round()
        told = [text for text in warnings(caplog) if "kept_megabytes" in text]
        assert len(told) == 1 and "2 of the oldest are not kept" in told[0]
        machine.end(1)
        assert not collector.round()
        lost = "job 1 has ended, and its script did not reach the portal"
        assert warnings(caplog) == [lost]
        server.start()
        while not try_again(collector):
            pass
    assert {job_id: script[0] for job_id, script in server.scripts.items()} == {
        2: "2", 3: "3", 4: "4"
    }  # fmt: skip
    assert {len(script) for script in server.scripts.values()} == {400_000}


def test_a_full_disk_stops_nothing(machine, server, caplog):
    machine.submit(1)
    with machine.collector() as collector:
        collector.round()
        state = collector.state._connection
        [(pages,)] = state.execute("PRAGMA page_count")
        state.execute(f"PRAGMA max_page_count = {pages}")
        server.stop()
        machine.submit(2, "x" * 900)
        for job_id in range(3, 40):
            machine.submit(job_id, "x" * 900)
        assert not collector.round()
        told = [text for text in warnings(caplog) if "kept in memory" in text]
        assert len(told) == 1 and "full" in told[0]
        machine.end(2)
        server.start()
        while not try_again(collector):
            pass
    assert sorted(server.scripts) == list(range(1, 40))
    with machine.collector() as collector:  # the file knows less, and the portal tells it
        assert collector.round()
    assert sorted(server.scripts) == list(range(1, 40))


def test_an_array_has_the_script_of_its_head(machine, server):
    machine.submit(1000, "#!/bin/sh\n#SBATCH --array=1-50\n")
    (machine.spool / "hash.1" / "job.1001").mkdir(parents=True)  # a task that was split off
    with machine.collector() as collector:
        assert collector.round()
    assert server.statuses() == [(1000, 201)]


def test_a_collector_reads_what_is_unreadable_later_and_tells_it_once(machine, server, caplog):
    machine.submit(1)
    machine.submit(2)

    class Barred(Collector):
        barred = {1}

        def _text(self, job_id, hash_name):
            if job_id in self.barred:
                self._unreadable = f"cannot read the script of job {job_id}: Permission denied"
                return None
            return super()._text(job_id, hash_name)

    with machine.collector() as whole:
        collector = Barred(whole.settings, whole.state, whole.portal)
        collector.round()
        machine.submit(3)
        collector.round()
        assert warnings(caplog) == ["cannot read the script of job 1: Permission denied"]
        Barred.barred = set()
        assert collector.round()
        assert warnings(caplog) == ["well again: scripts"]
    assert sorted(server.scripts) == [1, 2, 3]
