"""A log is read as whole lines from files, compressed files and pipes."""

import bz2
import functools
import gzip
import lzma
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usagedb import errors, source
from usagedb.source import Fragment, LogSource, SourceChanged, line_blocks

TEXT = b"".join(b"line %d\n" % number for number in range(5000))
# bzip2 decompresses by blocks: those of level 1 are the smallest.
PACKERS = [bytes, gzip.compress, functools.partial(bz2.compress, compresslevel=1), lzma.compress]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Read in small blocks, so that a short log has many."""
    monkeypatch.setattr(source, "BLOCK_BYTES", 100)


def blocks_of(path):
    found = LogSource(path)
    try:
        return list(line_blocks(found)), found.rest_bytes
    finally:
        found.close()


@pytest.mark.parametrize("pack", PACKERS)
def test_a_log_is_read_whole_whatever_its_compression(tmp_path, pack):
    (tmp_path / "log").write_bytes(pack(TEXT))
    blocks, rest = blocks_of(tmp_path / "log")
    assert b"".join(blocks) == TEXT and rest == 0
    assert len(blocks) > 1 and all(block.endswith(b"\n") for block in blocks)


@given(
    content=st.binary(max_size=2000).map(b" ".__add__), long=st.booleans(), size=st.integers(1, 64)
)
@settings(max_examples=60)
def test_the_blocks_are_the_content(tmp_path, content, long, size):
    before, source.BLOCK_BYTES = source.BLOCK_BYTES, size
    limit, source.MAX_LINE_BYTES = source.MAX_LINE_BYTES, 20 if long else 65536
    try:
        (tmp_path / "rotated.log-20260101").write_bytes(content)
        blocks, _rest = blocks_of(tmp_path / "rotated.log-20260101")
    finally:
        source.BLOCK_BYTES, source.MAX_LINE_BYTES = before, limit
    whole = content if content.endswith(b"\n") else content + b"\n"
    assert b"".join(blocks) == whole
    lines = [block for block in blocks if not isinstance(block, Fragment)]
    assert all(block.endswith(b"\n") for block in lines)


@pytest.mark.parametrize(
    "name, grows",
    [
        ("moduleUsage.log", True), ("log2", True), ("messages", True),
        ("usage-host12345.log", True),
        ("moduleUsage.log-20260102", False), ("moduleUsage.log-20260102-1700000000", False),
        ("moduleUsage.log.1", False), ("moduleUsage.log-1700000000", False),
        ("moduleUsage.log-2026-01-02", False),
    ],
)  # fmt: skip
def test_only_the_last_line_of_a_log_that_may_grow_can_wait(tmp_path, name, grows):
    (tmp_path / name).write_bytes(b"whole\nunfinished")
    blocks, rest = blocks_of(tmp_path / name)
    assert (b"".join(blocks), rest) == (
        (b"whole\n", 10) if grows else (b"whole\nunfinished\n", 0)
    )  # fmt: skip


@pytest.mark.parametrize("pack", PACKERS[1:])
def test_damaged_compression_gives_what_comes_before_the_damage(tmp_path, pack):
    packed = pack(os.urandom(200_000).hex().encode() + b"\n" + TEXT)
    (tmp_path / "log").write_bytes(packed[: len(packed) // 2])
    found = LogSource(tmp_path / "log")
    read = bytearray()
    with pytest.raises(errors.MissingInputError, match="end too early or are damaged"):
        while True:
            read += found.read(1 << 16)
    assert len(read) > 0
    found.close()


def test_a_log_that_is_truncated_while_it_is_read_is_noticed(tmp_path):
    path = tmp_path / "moduleUsage.log"
    path.write_bytes(TEXT)
    found = LogSource(path)
    blocks = line_blocks(found)
    next(blocks)
    os.truncate(path, 0)
    with pytest.raises(SourceChanged, match="truncated"):
        list(blocks)


def test_a_log_that_is_truncated_and_written_anew_is_noticed(tmp_path):
    path = tmp_path / "moduleUsage.log"
    path.write_bytes(TEXT)
    found = LogSource(path)
    blocks = line_blocks(found)
    next(blocks)
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(TEXT.replace(b"line", b"LINE"))
    with pytest.raises(SourceChanged, match="written anew"):
        list(blocks)


def test_a_log_that_was_replaced_or_has_grown_is_not_unchanged(tmp_path):
    path = tmp_path / "moduleUsage.log"
    path.write_bytes(TEXT)
    found = LogSource(path)
    assert not found.is_unchanged()  # its end has not been read
    list(line_blocks(found))
    assert found.is_unchanged()
    with path.open("ab") as file:
        file.write(b"more\n")
    assert not found.is_unchanged()
    path.unlink()
    assert not found.is_unchanged()


@pytest.mark.parametrize("pack", PACKERS)
def test_a_named_pipe_is_read_and_can_be_read_again_from_its_beginning(tmp_path, pack):
    os.mkfifo(tmp_path / "pipe")
    packed = pack(TEXT)
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(packed,))
    writer.start()
    found = LogSource(tmp_path / "pipe")
    assert found.is_pipe and found.may_grow == (pack is bytes) and found.size_bytes == 0
    next(line_blocks(found))
    found.rewind()
    assert b"".join(line_blocks(found)) == TEXT
    writer.join()


def test_what_is_no_readable_file_is_missing_input(tmp_path):
    for path in (tmp_path, tmp_path / "none", tmp_path / "none" / "log"):
        with pytest.raises(errors.MissingInputError):
            LogSource(path)


def test_a_pipe_whose_beginning_was_dropped_is_not_taken_for_another_log(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(TEXT,))
    writer.start()
    found = LogSource(tmp_path / "pipe")
    found.forget_beginning()
    list(line_blocks(found))
    writer.join()
    with pytest.raises(errors.UnavailableError, match="send it again"):
        found.rewind()
