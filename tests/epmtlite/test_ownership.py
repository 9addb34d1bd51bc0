"""Root stores a job only from files of its user, of root, or of an account of the settings."""

import os
import pwd

import pytest

from epmtlite import ownership
from epmtlite.collect import errors
from epmtlite.collect.settings import Settings
from tests.epmtlite.daemon.runs import DaemonSite
from tests.epmtlite.made_jobs import aged, archived, contents, epmt, made_job, record, write_job
from tests.services import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root is shown files of others")


@pytest.fixture
def place(site, tmp_path, monkeypatch):
    """A DaemonSite on each database, whose settings epmt reads."""
    found = DaemonSite(site.create(), tmp_path)
    monkeypatch.setenv("EPMT_SETTINGS", str(found.settings_path))
    return found


def owned(path, name="nobody"):
    """Give a file, and all that is below it, to an account; return its path."""
    account = pwd.getpwnam(name)
    for one in (path, *path.rglob("*")):
        os.chown(one, account.pw_uid, account.pw_gid)
    return path


def made(place, user, is_archive, jobid="980"):
    """Return the path of a job that says it is that user's."""
    path = write_job(made_job(jobid=jobid, job_pl_username=user), place.directory / user / jobid)
    return archived(path) if is_archive else path


@pytest.mark.parametrize("is_archive", [True, False])
def test_a_stranger_cannot_store_a_job_in_the_name_of_another(place, is_archive):
    path = owned(made(place, "daemon", is_archive))
    for words in ((), ("-r",), ("-n",), ("-p", "2", path)):
        done = epmt(place.site, "submit", *words, path, status=65)
        assert f"{path} belongs to nobody, but its metadata name the user daemon" in done.stderr
        assert "trusted_owners" in done.stderr and path.exists()
    assert contents(place.site) == ({}, [])
    aged(path)
    epmt(place.site, "submit", "-m", path, status=65)
    assert place.failed_names() == [path.name] and not path.exists()


@pytest.mark.parametrize("is_archive", [True, False])
def test_the_user_and_root_and_named_accounts_can(place, is_archive):
    epmt(place.site, "submit", owned(made(place, "nobody", is_archive, "1")))
    epmt(place.site, "submit", owned(made(place, "daemon", is_archive, "2"), "root"))
    path = owned(made(place, "sys", is_archive, "3"))
    place.write_settings(trusted_owners="staging, no such account")
    epmt(place.site, "submit", path, status=65)
    place.write_settings(trusted_owners="staging, nobody")
    epmt(place.site, "submit", path)
    assert place.jobs() == ["1", "2", "3"]


def test_data_of_a_stranger_in_a_directory_of_the_user_are_refused(place):
    path = owned(made(place, "daemon", is_archive=False), "daemon")
    owned(path / "n1-papiex.tsv")
    epmt(place.site, "submit", path, status=65)
    owned(path / "n1-papiex.tsv", "daemon")
    epmt(place.site, "submit", path)
    assert place.jobs() == ["980"]


def test_a_path_that_leads_elsewhere_meanwhile_changes_no_owner(place, monkeypatch):
    """The owner is that of the file that is read: the name may be another file's by then."""
    from epmtlite import job_source

    path = owned(made(place, "daemon", is_archive=True))
    real = job_source.facts_of

    def facts_of(*arguments):
        path.unlink()
        path.write_bytes(b"of root")
        return real(*arguments)

    monkeypatch.setattr(job_source, "facts_of", facts_of)
    with pytest.raises(errors.MalformedError, match="belongs to nobody"):
        job_source.read_job(str(path), Settings({}))


def test_the_daemon_of_root_sets_a_forged_archive_aside(place):
    forged = owned(archived(write_job(made_job([record()], jobid="7", job_pl_username="daemon"),
                                      place.directory / "forged" / "7")))  # fmt: skip
    place.put_file(forged)
    place.put("8", job_pl_username="nobody")
    with place.foreground("--ingest", place.inbox, "--interval", "0.2"):
        wait_until(lambda: "7.tgz" in place.failed_names() and place.jobs(), "both archives")
    assert place.jobs() == ["8"] and place.failed_names() == ["7.tgz", "7.tgz.reason"]
    assert "belongs to nobody" in (place.failed / "7.tgz.reason").read_text()


def test_another_account_than_root_answers_for_itself(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ownership.check({65534}, "alice", Settings({}), "1.tgz")


@pytest.mark.parametrize("trusted", ["4294967294", "*"])
def test_accounts_that_this_machine_does_not_know_can_be_named(trusted):
    settings = Settings({"trusted_owners": ["root", trusted]})
    ownership.check({4294967294}, "alice", settings, "1.tgz")
    if trusted != "*":
        with pytest.raises(errors.MalformedError):
            ownership.check({4294967293}, "daemon", settings, "1.tgz")


@pytest.mark.parametrize("user", ["a/b", "a\0b", ""])
def test_an_impossible_name_is_nobody(user):
    with pytest.raises(errors.MalformedError, match="belongs to the user id 4294967294"):
        ownership.check({4294967294}, user, Settings({}), "1.tgz")


@pytest.mark.parametrize("user, trusted", [("no such account", ""), ("daemon", "no such account")])
def test_an_archive_stays_while_nobody_can_say_whose_it_is(place, user, trusted):
    """As when the directory of accounts is away: getpwnam finds nobody, then."""
    place.write_settings(trusted_owners=trusted)
    path = made(place, user, is_archive=True)
    os.chown(path, 4294967294, 4294967294)
    aged(path)
    done = epmt(place.site, "submit", "-r", "-m", path, status=75)
    assert "does not know" in done.stderr and "LDAP" in done.stderr
    assert "trusted_owners" in done.stderr
    assert path.exists() and place.failed_names() == []
    place.write_settings(trusted_owners="4294967294")
    epmt(place.site, "submit", "-r", path)
    assert place.jobs() == ["980"]


def test_the_daemon_keeps_what_nobody_can_say_whose_it_is_and_stores_others(place):
    for jobid in ("1", "2", "3", "4"):
        path = place.put(jobid, job_pl_username="no such account")
        os.chown(path, 4294967294, 4294967294)
    with place.foreground("--ingest", place.inbox, "--interval", "0.2"):
        wait_until(lambda: "does not know" in place.messages(), "the four")
        place.put("8", job_pl_username="nobody")
        wait_until(place.jobs, "the archive of a known user")
    assert place.jobs() == ["8"] and place.failed_names() == []
    assert place.names() == ["1.tgz", "2.tgz", "3.tgz", "4.tgz"]
