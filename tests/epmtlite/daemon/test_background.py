"""epmt daemon -s, which nobody waits for: signals end it as they end the one in the foreground."""

import os
import signal
import time
from pathlib import Path

import pytest

from epmtlite.daemon import background
from tests.epmtlite.daemon.runs import DaemonSite, heed_all_signals
from tests.epmtlite.daemon.test_command import LOCKS, SERVERS, SIGNALS, WAITING_STATEMENTS, pid_of
from tests.services import wait_until
from usagedb.errors import RunInterrupted


def has_ended(pid):
    """Tell whether there is no process of that number, or only its status."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def check_good_end(log, number):
    """Check what a daemon in the background has logged."""
    text = log.read_text()
    assert f"ends, asked by signal {number}" in text
    assert "Traceback" not in text and "fault" not in text


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_in_good_order_between_rounds(sqlite_site, tmp_path, number):
    place, log = DaemonSite(sqlite_site.create(), tmp_path), tmp_path / "log"
    place.write_settings(logfile=log)
    place.epmt("-s", "-v", "--interval", "3600", preexec_fn=heed_all_signals)
    pid = pid_of(place)
    os.kill(pid, number)
    wait_until(lambda: has_ended(pid), "the daemon to end")
    check_good_end(log, number)


@SERVERS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_archive_in_work_is_stored_before_it_ends(site, tmp_path, number):
    place, log, database = DaemonSite(site.create(), tmp_path), tmp_path / "log", site.connect()
    place.write_settings(logfile=log)
    statements, release = LOCKS[site.config.backend]
    for statement in statements:
        database.run_ddl(statement)
    place.put(1)
    place.put(2)
    place.epmt("-s", "-v", "-i", "--interval", "0.2", preexec_fn=heed_all_signals)
    wait_until(lambda: site.rows(WAITING_STATEMENTS[site.config.backend]), "the first archive")
    pid = pid_of(place)
    os.kill(pid, number)
    time.sleep(1)  # nothing tells when the thread of signals has heeded it
    database.run_ddl(release)
    database.close()
    wait_until(lambda: has_ended(pid), "the daemon to end")
    check_good_end(log, number)
    assert place.jobs() == ["1"] and place.names() == ["2.tgz"]
    assert place.runs() == [(0, 1, 0, 0)]


def test_a_signal_before_it_heeds_them_is_told_to_who_started_it():
    def interrupted(_ready):
        raise RunInterrupted(signal.SIGTERM)

    with pytest.raises(background.NotStarted) as caught:
        background.start(interrupted)
    assert (caught.value.exit_code, str(caught.value)) == (143, "ended by signal 15")
