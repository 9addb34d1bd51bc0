"""What submit -m moves away: nothing is lost, replaced, or given away."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from epmtlite import dispose
from epmtlite.collect import errors
from tests.epmtlite.made_jobs import aged, archived, epmt, made_job, write_job

NOBODY = 65534


@pytest.fixture
def elsewhere(tmp_path):
    """A directory on another file system than tmp_path."""
    for place in ("/dev/shm", "/run", str(Path.home()), "/var/tmp"):
        if os.access(place, os.W_OK) and Path(place).stat().st_dev != tmp_path.stat().st_dev:
            with tempfile.TemporaryDirectory(prefix="hpcusage-test-", dir=place) as directory:
                yield Path(directory)
            return
    pytest.skip(f"no second file system that can be written beside that of {tmp_path}")


@pytest.fixture(params=["rename", "copy"])
def source(request, tmp_path):
    """A directory for what is moved: on the file system of what it is moved to, or another."""
    if request.param == "rename":
        (tmp_path / "source").mkdir()
        return tmp_path / "source"
    return request.getfixturevalue("elsewhere")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Let what was written just now count as whole."""
    monkeypatch.setattr(dispose, "QUIET_SECONDS", 0.0)


@pytest.fixture
def failed(tmp_path):
    """The directory that things are moved to."""
    (tmp_path / "failed").mkdir(mode=0o700)
    return tmp_path / "failed"


def move(path, directory):
    """Move a path away as it is now."""
    dispose.move_away(str(path), str(directory), dispose.state_of(str(path)))


def mode_of(path):
    """Return the permission bits of a path that is no link."""
    return stat.S_IMODE(path.lstat().st_mode)


def tree_of(directory):
    """Return {path in a directory: bytes of the file, or None} of what is below it."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


def test_files_and_directories_are_moved_whole(source, failed):
    (source / "a.tgz").write_bytes(b"a" * 3_000_000)
    (source / "100" / "deep").mkdir(parents=True)
    (source / "100" / "job_metadata").write_text("m")
    (source / "100" / "deep" / "x").write_text("x")
    before = tree_of(source)
    move(source / "a.tgz", failed)
    move(f"{source}/100/", failed)
    assert tree_of(failed) == before and tree_of(source) == {}


def test_a_copy_has_no_set_user_id_bit_and_keeps_its_owner(elsewhere, failed):
    (elsewhere / "100" / "inner").mkdir(parents=True)
    paths = [elsewhere / name for name in ("x.tgz", "100/shell", "100/inner/y", "100/inner", "100")]
    for path in paths:
        if not path.is_dir():
            path.write_text("#!")
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        path.chmod(0o6755)
    owner = paths[0].stat().st_uid
    move(elsewhere / "x.tgz", failed)
    move(elsewhere / "100", failed)
    for path in (failed / one.relative_to(elsewhere) for one in paths):
        assert mode_of(path) == (0o700 if path.is_dir() else 0o600), path
        assert path.stat().st_uid == owner


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
@pytest.mark.parametrize("name", ["a.tgz", "100"])
def test_no_name_is_replaced(source, failed, tmp_path, kind, name):
    if kind == "file":
        (failed / name).write_text("older")
    elif kind == "directory":
        (failed / name).mkdir()
    else:
        (failed / name).symlink_to(tmp_path / "outside")
    before = (failed / name).lstat()
    for _twice in range(2):
        if name == "100":
            (source / name).mkdir()
            (source / name / "new").write_text("new")
        else:
            (source / name).write_text("new")
        move(source / name, failed)
    assert (failed / name).lstat() == before and not (tmp_path / "outside").exists()
    others = {"a-2.tgz", "a-3.tgz"} if name == "a.tgz" else {"100-2", "100-3"}
    assert {path.name for path in failed.iterdir()} == {name, *others}
    moved = [failed / one / "new" if name == "100" else failed / one for one in others]
    assert {path.read_text() for path in moved} == {"new"}


def test_links_and_pipes_are_not_copied_and_nothing_is_lost(elsewhere, failed, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for make in (lambda path: path.symlink_to(secret), os.mkfifo):
        directory = elsewhere / "100"
        directory.mkdir()
        (directory / "a").write_text("a")
        make(directory / "z")
        before = tree_of(directory)
        with pytest.raises(errors.WriteError, match="z is no regular file"):
            move(directory, failed)
        assert tree_of(directory) == before and list(failed.iterdir()) == []
        shutil.rmtree(directory)


def test_a_link_itself_is_not_moved(source, failed, tmp_path):
    (source / "a.tgz").symlink_to(tmp_path / "secret")
    with pytest.raises(errors.WriteError, match="no regular file"):
        move(source / "a.tgz", failed)
    assert (source / "a.tgz").is_symlink() and list(failed.iterdir()) == []


def test_what_is_something_else_by_now_stays(source, failed, tmp_path):
    """As when a directory above it became a link to one that has a file of the same name."""
    (source / "jobs").mkdir()
    path = source / "jobs" / "a.tgz"
    path.write_text("a")
    state = dispose.state_of(str(path))
    (source / "jobs").rename(source / "old")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.tgz").write_text("precious")
    (source / "jobs").symlink_to(tmp_path / "other")
    with pytest.raises(errors.WriteError, match="has changed since it was read"):
        dispose.move_away(str(path), str(failed), state)
    dispose.remove(str(path), state)
    assert (tmp_path / "other" / "a.tgz").read_text() == "precious"
    assert list(failed.iterdir()) == []


def test_where_everyone_can_write_it_goes_into_a_directory_of_its_own(source, failed):
    failed.chmod(0o1777)
    (source / "a.tgz").write_text("a")
    move(source / "a.tgz", failed)
    (own,) = failed.iterdir()
    assert own.name.startswith("epmt-failed-") and mode_of(own) == 0o700
    assert (own / "a.tgz").read_text() == "a"


@pytest.mark.parametrize("trap", ["link", "writable", "owner"])
def test_a_directory_that_somebody_else_has_made_is_not_used(source, failed, tmp_path, trap):
    failed.chmod(0o1777)
    (source / "a.tgz").write_text("a")
    move(source / "a.tgz", failed)
    (own,) = failed.iterdir()
    (own / "a.tgz").unlink()
    if trap == "link":
        own.rmdir()
        (tmp_path / "theirs").mkdir()
        own.symlink_to(tmp_path / "theirs")
    elif trap == "writable":
        own.chmod(0o777)
    elif os.geteuid() == 0:
        os.chown(own, NOBODY, NOBODY)
    else:
        pytest.skip("only root can give a directory to another account")
    (source / "a.tgz").write_text("a")
    with pytest.raises((errors.WriteError, errors.RefusedError)):
        move(source / "a.tgz", failed)
    assert (source / "a.tgz").exists() and list(own.iterdir()) == []


def test_what_is_there_already_is_left_alone(failed):
    (failed / "a.tgz").write_text("a")
    move(failed / "a.tgz", failed)
    assert [path.name for path in failed.iterdir()] == ["a.tgz"]


def test_submit_moves_what_failed_to_another_file_system(
    sqlite_site, elsewhere, failed, tmp_path, monkeypatch
):
    settings = tmp_path / "epmt.ini"
    settings.write_text(f"[EPMT]\ningest_failed_dir = {failed}\n")
    monkeypatch.setenv("EPMT_SETTINGS", str(settings))
    bad = write_job(made_job(job_el_stop_ts=None), elsewhere / "100")
    packed = archived(bad)
    packed.chmod(0o4755)
    aged(bad, packed)
    done = epmt(sqlite_site, "submit", "-m", bad, packed, elsewhere / "none.tgz", status=3)
    assert done.stderr.count("was moved to") == 2 and list(elsewhere.iterdir()) == []
    assert mode_of(failed / "100.tgz") == 0o600
    assert sorted(path.name for path in (failed / "100").iterdir()) == [
        "job_metadata", "n1-papiex-header.tsv", "n1-papiex.tsv",
    ]  # fmt: skip
