"""No part keeps another from being sent, whatever happens in it; a signal ends all of them."""

import pytest

from afcollect import host, jupyter, logins
from afcollect.collect import Collector, Settings
from afcollect.failures import PartFailed
from usagedb import errors


def no_job(_system):
    """Return which finished jobs were reported."""
    return set()


@pytest.mark.parametrize(
    "error, shown",
    [
        (ZeroDivisionError("division by zero"), "CPU: ZeroDivisionError('division by zero')"),
        (OSError(5, "Input/output error"), "CPU: [Errno 5] Input/output error"),
        (PartFailed("it is away"), "CPU: it is away"),
    ],
)
def test_whatever_one_part_raises_the_others_are_collected(monkeypatch, tmp_path, error, shown):
    def load():
        raise error

    monkeypatch.setattr(host, "load", load)
    monkeypatch.setattr(logins, "present", lambda _ask: ["otter"])
    settings = Settings("X", ssh=True, host=True, mounts=(str(tmp_path),))
    found = Collector(settings, 1.0, {}, no_job).run()
    assert [one["kind"] for _part, one in found.documents] == ["ssh", "MEM", "DISK"]
    assert found.failures == [shown]


def test_who_is_logged_in_is_sent_though_last_fails(monkeypatch):
    def failing(_now, _ask):
        raise PartFailed("last ended with 1")

    monkeypatch.setattr(logins, "present", lambda _ask: ["otter"])
    monkeypatch.setattr(logins, "recent", failing)
    found = Collector(Settings("X", ssh=True, ssh_history=True), 1.0, {}, no_job).run()
    assert [one["users"] for _part, one in found.documents] == [["otter"]]
    assert found.failures == ["ssh: last ended with 1"]
    found = Collector(Settings("X", ssh_history=True), 1.0, {}, no_job).run()
    assert found.documents == [] and found.failures == ["ssh: last ended with 1"]


def test_a_signal_is_the_failure_of_no_part(monkeypatch):
    def interrupted(*_arguments):
        raise errors.RunInterrupted(15)

    monkeypatch.setattr(host, "load", interrupted)
    with pytest.raises(errors.RunInterrupted):
        Collector(Settings("X", host=True), 1.0, {}, no_job).run()
    with pytest.raises(errors.RunInterrupted), jupyter.failing_as("Kubernetes"):
        interrupted()


def test_logins_now_and_of_the_last_minutes_make_one_document(monkeypatch):
    monkeypatch.setattr(logins, "present", lambda _ask: ["otter"])
    monkeypatch.setattr(logins, "recent", lambda now, _ask: ["otter", "stoat"])
    both = ["otter", "stoat"]
    for ssh, history, users in ((True, False, ["otter"]), (False, True, both), (True, True, both)):
        found = Collector(Settings("X", ssh=ssh, ssh_history=history), 1.0, {}, no_job).run()
        ((part, document),) = found.documents
        assert (part, document["users"]) == ("ssh", users)
        assert document["ssh_user_count"] == len(users)
