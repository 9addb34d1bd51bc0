"""What users can do to jobs that lie where they write, while root submits them."""

import os

import pytest

from epmtlite import copying
from tests import attackers
from tests.conftest import run_command
from tests.epmtlite.made_jobs import aged, archived, epmt, made_job, write_job
from tests.services import wait_until

SECRET = "marked-secret-of-another-account"
ROUNDS = 5
TERABYTE = 1 << 40


def opened(directory):
    """Return a descriptor of a directory."""
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY)


def test_the_holes_of_a_copied_file_stay_holes(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    with (source / "100.tgz").open("wb") as file:
        file.write(b"begin")
        file.seek(TERABYTE // 2)
        file.write(b"middle")
        file.truncate(TERABYTE)
    folders = opened(source), opened(target)
    copying.copy_and_remove(folders[0], "100.tgz", folders[1], "100.tgz")
    for one in folders:
        os.close(one)
    made = target / "100.tgz"
    assert made.stat().st_size == TERABYTE and made.stat().st_blocks * 512 < 10 << 20
    with made.open("rb") as file:
        assert file.read(6) == b"begin\0"
        file.seek(TERABYTE // 2)
        assert file.read(7) == b"middle\0"
    assert not (source / "100.tgz").exists()


@pytest.mark.parametrize("content", [b"", b"x", b"x" * (3 << 20), b"\0" * 70000])
def test_a_copy_has_every_byte(tmp_path, content):
    (tmp_path / "target").mkdir()
    (tmp_path / "one").write_bytes(content)
    folders = opened(tmp_path), opened(tmp_path / "target")
    copying.copy_and_remove(folders[0], "one", folders[1], "one")
    assert (tmp_path / "target" / "one").read_bytes() == content


def test_a_file_that_grows_while_it_is_copied_stays(tmp_path, monkeypatch):
    copy_bytes = copying.copy_bytes

    def while_it_grows(source, made, size_bytes):
        copy_bytes(source, made, size_bytes)
        wait_until(lambda: os.fstat(source).st_size != size_bytes, "the file to grow")

    monkeypatch.setattr(copying, "copy_bytes", while_it_grows)
    (tmp_path / "target").mkdir()
    path = tmp_path / "one"
    path.write_bytes(b"x" * 40_000_000)
    folders = opened(tmp_path), opened(tmp_path / "target")
    with attackers.at_work(attackers.append_on, path), pytest.raises(OSError):
        copying.copy_and_remove(folders[0], "one", folders[1], "one")
    assert path.exists() and list((tmp_path / "target").iterdir()) == []


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """A directory to which `epmt submit -m` moves what cannot be stored."""
    directory = tmp_path / "failed"
    directory.mkdir(mode=0o700)
    settings = tmp_path / "epmt.ini"
    settings.write_text(f"[EPMT]\ningest_failed_dir = {directory}\n")
    monkeypatch.setenv("EPMT_SETTINGS", str(settings))
    return directory


def submit(site, *arguments):
    """Submit something, and make sure that it ends as expected errors end."""
    done = run_command("epmt", "submit", "--confFn", site.conf_path, *arguments)
    assert done.returncode in (0, 3, 65, 66, 74, 75, 77) and "Traceback" not in done.stderr, (
        done.stderr
    )
    return done


@pytest.mark.parametrize("options", [("--remove",), ("-m",), ("--remove", "-m")])
def test_a_job_that_changes_places_with_a_link_loses_nothing_that_it_leads_to(
    sqlite_site, failing, tmp_path, options
):
    inbox, victim = tmp_path / "inbox", tmp_path / "victim"
    job = write_job(made_job(jobid="100"), inbox / "100")
    write_job(made_job(jobid="200"), victim / "100")
    (tmp_path / "link").symlink_to(victim / "100")
    before = {path.name: path.read_bytes() for path in (victim / "100").iterdir()}
    sqlite_site.create("epmt")
    with attackers.at_work(attackers.exchange_on, job, tmp_path / "link"):
        for _round in range(ROUNDS):
            submit(sqlite_site, *options, job)
    assert {path.name: path.read_bytes() for path in (victim / "100").iterdir()} == before


def test_of_a_file_of_another_account_under_a_second_name_nothing_is_told(
    sqlite_site, failing, tmp_path
):
    (tmp_path / "secret").write_text(f"root:{SECRET}:1\n" * 3)
    job = write_job(made_job(), tmp_path / "inbox" / "100")
    for name in ("job_metadata", "n1-papiex-header.tsv", "n1-papiex.tsv"):
        (job / name).unlink()
        os.link(tmp_path / "secret", job / name)
        done = submit(sqlite_site, "-v", job)
        assert done.returncode == 65 and SECRET not in done.stdout + done.stderr, name
        job = write_job(made_job(), job.with_name(name))
    os.link(tmp_path / "secret", tmp_path / "inbox" / "9.tgz")
    done = submit(sqlite_site, "-m", tmp_path / "inbox" / "9.tgz")
    told = "".join(path.read_text() for path in failing.glob("*.reason"))
    assert SECRET not in done.stdout + done.stderr + told


@pytest.mark.parametrize("name", [b"two\nlines", b"\xff\xfe", b"\x1b[31mred", b"-rf", b"a'\"$(x)"])
@pytest.mark.parametrize("is_archive", [False, True])
def test_a_job_in_a_place_of_any_name_is_stored_or_moved_away(
    sqlite_site, failing, tmp_path, name, is_archive
):
    inbox = tmp_path / "inbox" / os.fsdecode(name)
    good = write_job(made_job(jobid="100"), inbox / "100")
    bad = write_job(made_job(jobid="200", job_el_stop_ts=None), inbox / os.fsdecode(name))
    paths = [archived(one) if is_archive else one for one in (good, bad)]
    aged(*paths)
    done = epmt(sqlite_site, "submit", "--remove", "-m", *paths, status=3)
    assert "\x1b" not in done.stderr and "\n'" not in done.stderr
    assert sqlite_site.rows("SELECT jobid FROM epmt_job") == [("100",)]
    assert [path for path in paths if path.exists()] == []
