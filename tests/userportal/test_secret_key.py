"""The key that sessions are signed with: made once, kept, and nobody else's."""

import os
import stat
import threading

import pytest

from usagedb import errors
from userportal.configuration import Configuration
from userportal.secret_key import FILE_NAME, secret_key
from userportal.sections import Portal


@pytest.fixture
def configuration(tmp_path):
    """A configuration whose state directory is not there yet."""
    return Configuration(portal=Portal(state=tmp_path / "state"))


def test_the_key_is_made_once_and_kept(configuration, tmp_path):
    first = secret_key(configuration)
    assert len(first) >= 50
    assert secret_key(configuration) == first
    path = tmp_path / "state" / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [FILE_NAME]


def test_two_portals_have_two_keys(tmp_path):
    keys = {secret_key(Configuration(portal=Portal(state=tmp_path / name))) for name in "ab"}
    assert len(keys) == 2


def test_of_many_who_begin_at_once_all_have_the_same_key(configuration):
    found, barrier = [], threading.Barrier(8)

    def begin():
        barrier.wait()
        found.append(secret_key(configuration))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


@pytest.mark.parametrize("text", ["", "short\n", "é" * 60])
def test_a_file_that_holds_no_key_is_refused(configuration, tmp_path, text):
    path = tmp_path / "state" / FILE_NAME
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(errors.ConfigurationError, match=FILE_NAME):
        secret_key(configuration)


def test_a_key_that_all_may_read_is_refused(configuration, tmp_path):
    secret_key(configuration)
    (tmp_path / "state" / FILE_NAME).chmod(0o644)
    with pytest.raises(errors.ConfigurationError, match="all users may read it"):
        secret_key(configuration)


def test_a_state_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    configuration = Configuration(portal=Portal(state=tmp_path / "file" / "state"))
    with pytest.raises(errors.ConfigurationError, match="cannot read"):
        secret_key(configuration)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_that_may_not_be_read_is_refused(configuration, tmp_path):
    secret_key(configuration)
    (tmp_path / "state" / FILE_NAME).chmod(0)
    with pytest.raises(errors.RefusedError):
        secret_key(configuration)
