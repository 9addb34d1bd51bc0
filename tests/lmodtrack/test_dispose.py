"""A log goes only when all of it is stored and nobody has touched it since."""

import gzip
import logging
import os

import pytest

from lmodtrack.dispose import dispose
from lmodtrack.load import Outcome
from usagedb import errors
from usagedb.source import LogSource, line_blocks

TEXT = b"one\ntwo\n"
WHOLE = Outcome(is_whole=True)


@pytest.fixture
def log(tmp_path):
    """A rotated log that has been read to its end."""
    (tmp_path / "usage.log-20260101").write_bytes(TEXT)
    source = LogSource(tmp_path / "usage.log-20260101")
    list(line_blocks(source))
    yield source
    source.close()


def test_a_log_that_is_stored_is_deleted(log):
    assert dispose(log, WHOLE) and not log.path.exists()


@pytest.mark.parametrize(
    "outcome, reason",
    [
        (Outcome(is_whole=False), "not finished"),
        (Outcome(is_whole=True, change="was truncated while it was read"), "truncated"),
        (Outcome(is_whole=True, has_unsaved=True), "--reject"),
    ],
)
def test_a_log_that_is_not_wholly_stored_is_kept(log, outcome, reason, caplog):
    assert not dispose(log, outcome) and log.path.read_bytes() == TEXT
    assert reason in caplog.text


def test_a_log_that_has_grown_is_kept(log, caplog, tmp_path):
    with log.path.open("ab") as file:
        file.write(b"three\n")
    assert not dispose(log, WHOLE) and not dispose(log, WHOLE, tmp_path / "archive")
    assert "has changed since" in caplog.text and not (tmp_path / "archive").exists()


def test_a_link_is_kept_and_so_is_what_it_names(log, tmp_path, caplog):
    (tmp_path / "link").symlink_to(log.path)
    link = LogSource(tmp_path / "link")
    list(line_blocks(link))
    assert not dispose(link, WHOLE) and (tmp_path / "link").exists() and log.path.exists()
    assert "it is a link" in caplog.text
    link.close()


def test_an_archived_log_is_compressed_and_never_replaces_another(log, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / f"{log.path.name}.gz").write_bytes(b"of another year")
    assert dispose(log, WHOLE, archive) and not log.path.exists()
    assert sorted(path.name for path in archive.iterdir()) == [
        f"{log.path.name}.1.gz", f"{log.path.name}.gz",
    ]  # fmt: skip
    assert gzip.decompress((archive / f"{log.path.name}.1.gz").read_bytes()) == TEXT
    assert "archived" in caplog.text


def test_a_compressed_log_is_archived_as_it_is(tmp_path):
    (tmp_path / "usage.log-20260101.gz").write_bytes(gzip.compress(TEXT))
    source = LogSource(tmp_path / "usage.log-20260101.gz")
    list(line_blocks(source))
    assert dispose(source, WHOLE, tmp_path / "archive")
    archived = tmp_path / "archive" / "usage.log-20260101.gz"
    assert gzip.decompress(archived.read_bytes()) == TEXT
    source.close()


def test_an_archive_that_cannot_be_written_keeps_the_log(log, tmp_path):
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(errors.WriteError, match=r"cannot move .* to .*/archive: File exists"):
        dispose(log, WHOLE, tmp_path / "archive")
    assert log.path.read_bytes() == TEXT


def test_a_pipe_cannot_be_disposed_of(tmp_path, caplog):
    reading, writing = os.pipe()
    os.write(writing, TEXT)
    os.close(writing)
    source = LogSource(f"/dev/fd/{reading}")
    list(line_blocks(source))
    assert not dispose(source, WHOLE) and "it is no file" in caplog.text
    source.close()
    os.close(reading)
