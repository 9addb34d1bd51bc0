"""Records come out of syslog as they went in, in whatever order and number their blocks come."""

import base64
import random
import re
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from tests.xaltload.samples import RUN, written
from xaltload import checksum, syslog
from xaltload.record import Rejected, parse_record
from xaltload.syslog import Assembler, Block, format_block, parse_line

SAMPLES = CHECKOUT.parent / "shared" / "samples" / "xalt"
HEADER = b"2026-01-01T00:00:00 node1 "
TEXT = written(RUN).rstrip()


def lines_of(text, version=4, size=512, key=b"run_fini_1", crc=b"0x12AB", syshost=b"aurora"):
    """Return the syslog lines of a record, as the versions of XALT write them."""
    if version == 1:
        return [HEADER + b"XALT_LOGGING_aurora: run:" + base64.b64encode(text)]
    payload = base64.b64encode(zlib.compress(text)) if version == 2 else text
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    mark = b" crcStr:" + crc if version == 4 else b""
    return [
        HEADER + b"XALT_LOGGING_%s V:%d kind:run idx:%02d nb:%02d syshost:%s%s key:%s value:%s"
        % (syshost, version, index, len(parts), syshost, mark, key, part.rstrip())
        for index, part in enumerate(parts)
    ]  # fmt: skip


def assembled(lines, assembler=None):
    """Return the texts of the records that some lines make complete."""
    assembler = assembler or Assembler()
    found = []
    for line in lines:
        block = parse_line(line)
        partial = block and assembler.add(block)
        if partial:
            found.append(partial.text())
    return found


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_record_comes_out_as_it_went_in(version):
    lines = lines_of(TEXT, version)
    assert assembled(lines) == [TEXT]
    assert parse_record(assembled(lines)[0]).user == "otter"


@given(st.integers(1, 200), st.integers(0, 10**9), st.integers(1, 3))
@settings(max_examples=60)
def test_order_copies_and_other_records_between_do_not_matter(size, seed, copies):
    texts = [written(RUN).rstrip().replace(b"otter", b"a b  c " * n) for n in range(1, 4)]
    lines = [
        line
        for number, text in enumerate(texts)
        for line in lines_of(text, 3, size, key=b"run_fini_%d" % number) * copies
    ]
    random.Random(seed).shuffle(lines)
    # A block of blanks alone is cut to nothing: its length is that of the others.
    assert sorted(assembled(lines)) == sorted(texts)


def test_records_with_one_key_are_told_apart_by_their_crc():
    texts = [TEXT, TEXT.replace(b"otter", b"ibexx")]
    lines = [
        line
        for pair in zip(lines_of(texts[0], crc=b"0x0001"), lines_of(texts[1], crc=b"0x0002"))
        for line in pair
    ]
    assert sorted(assembled(lines)) == sorted(texts)


def test_a_payload_that_looks_like_a_header_changes_nothing():
    text = TEXT.replace(b"/home/otter", b"/x V:9 value:7 XALT_LOGGING_y V:4 kind:run idx:3 ")
    assert assembled(lines_of(text, 3, 300)) == [text]


@pytest.mark.parametrize(
    "prefix",
    [b"", b"23/owens.log:730359:Jan  1 00:00:00 node ", b"<13>1 2026-01-01T00:00:00.1Z h - - - "],
)
def test_what_stands_before_the_tag_does_not_matter(prefix):
    lines = [prefix + line[len(HEADER) :] for line in lines_of(TEXT)]
    assert assembled(lines) == [TEXT]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"kernel: nothing",
        b"x XALT_LOGGING_ERROR_aurora: curl failed",
        b"XALT_LOGGING_",
        b"\xff",
    ],
)
def test_other_lines_are_not_ours(line):
    assert parse_line(line) is None


@pytest.mark.parametrize(
    "rest, reason",
    [
        (b"nonsense", "no version in the line"),
        (b"V:4 kind:run idx:0 nb:1 key:k", "no value in the line"),
        (b"V:4 kind:walk idx:0 nb:1 key:k value:{}", "no kind in the line"),
        (b"V:4 kind:run idx:0 nb:1 value:{}", "no place in a record in the line"),
        (b"V:4 kind:run idx:1 nb:1 key:k value:{}", "no place in a record in the line"),
        (b"V:4 kind:run idx:-1 nb:1 key:k value:{}", "no place in a record in the line"),
        (b"V:4 kind:run idx:0 nb:99999999 key:k value:{}", "no place in a record in the line"),
        (b"V:4 kind:run idx:0 nb:" + b"9" * 5000 + b" key:k value:{}", "no place in a record"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected(rest, reason):
    with pytest.raises(Rejected, match=f"^{reason}"):
        parse_line(b"h XALT_LOGGING_aurora " + rest)


def test_an_empty_crc_does_not_shift_the_fields():
    block = parse_line(b"XALT_LOGGING_a V:4 kind:run idx:0 crc: nb:1 syshost:a key:k value:{}")
    assert (block.crc, block.total, block.key) == (b"", 1, b"k")


@pytest.mark.parametrize("version", [1, 2])
def test_damaged_blocks_are_rejected(version):
    lines = lines_of(TEXT, version)
    if version == 2:
        lines[0] = lines[0].replace(b"value:", b"value:AAAA")
    else:
        lines[0] += b"A"
    with pytest.raises(Rejected, match="damaged blocks"):
        assembled(lines)


def test_a_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(syslog, "MAX_RECORD_BYTES", 10_000)
    with pytest.raises(Rejected, match="damaged blocks"):
        assembled(lines_of(bytes(10_000_000), 2))


def test_what_is_incomplete_is_given_back_and_goes_on_from_a_leftover():
    lines = lines_of(TEXT)
    assembler = Assembler()
    assert assembled(lines[:1], assembler) == []
    (partial,) = assembler.take_all()
    leftover = [format_block(block._replace(epoch=1767225600.0)) for block in partial.blocks()]
    assert parse_line(leftover[0]).epoch == 1767225600.0
    assert assembled(leftover + lines[1:]) == [TEXT]
    assert assembler.held_bytes == 0 and list(assembler.take_all()) == []


def test_memory_is_bounded_and_the_oldest_go_first():
    assembler = Assembler(most_bytes=10_000)
    gone = []
    for number in range(100):
        block = parse_line(lines_of(TEXT, key=b"key%d" % number)[0])
        assert assembler.add(block) is None
        gone += assembler.take_excess()
        assert assembler.held_bytes <= 10_000
    assert [partial.first.key for partial in gone] == [b"key%d" % n for n in range(len(gone))]
    assert len(gone) + len(list(assembler.take_all())) == 100


def resident_bytes(make, count):
    """Return how many more bytes of Python's objects there are after make(number) for each."""
    tracemalloc.start()
    for number in range(count):
        make(number)
    size, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size


@pytest.mark.parametrize("length", [10, 4000])
@pytest.mark.parametrize("total", [1, 2])
def test_memory_is_bounded_whatever_the_blocks_are(monkeypatch, length, total):
    """Records that hold nothing but their keys, whole or not."""
    assembler = Assembler(most_bytes=2 << 20)
    header = b"XALT_LOGGING_a V:3 kind:run nb:%d idx:0 key:%0*d value:"

    def add(number):
        assembler.add(parse_line(header % (total, length, number)))
        for _partial in assembler.take_excess():
            pass

    monkeypatch.setattr(syslog, "MAX_COMPLETED_BYTES", 1 << 20)
    monkeypatch.setattr(syslog, "MAX_COMPLETED", 2000)
    assert resident_bytes(add, 8000) < 3 << 20


def test_one_long_block_does_not_make_all_others_as_long(monkeypatch):
    monkeypatch.setattr(syslog, "MAX_RECORD_BYTES", 100_000)
    header = b"XALT_LOGGING_a V:3 kind:run nb:1000 idx:%d key:k value:%s"
    lines = [header % (place, b"x" * (10_000 if place == 5 else 1)) for place in range(1000)]
    with pytest.raises(Rejected, match="too long"):
        assembled(lines)


blocks = st.builds(
    Block, st.integers(2, 4), st.sampled_from(syslog.KINDS), st.sampled_from(["a", "a.b"]),
    st.sampled_from([b"run_fini_1", b"k"]), st.sampled_from([b"", b"0x12AB"]), st.integers(0, 9),
    st.integers(10, 99), st.integers(0, 10**9).map(float),
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b"")),
)  # fmt: skip


@given(blocks)
def test_a_block_that_is_written_comes_back(block):
    assert parse_line(format_block(block)) == block


@given(st.binary(max_size=80), st.booleans())
@settings(max_examples=300)
def test_no_line_raises_anything_but_a_rejection(line, is_ours):
    try:
        parse_line(b"XALT_LOGGING_a V:4 " + line if is_ours else line)
    except Rejected as reason:
        assert str(reason)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real records of XALT are here")
@pytest.mark.parametrize("name", ["V2_syslog.log", "triple_dup_uuid_syslog.log"])
def test_real_logs_give_their_records_whole(name):
    lines = Path(SAMPLES, name).read_bytes().splitlines()
    random.Random(1).shuffle(lines)
    texts = assembled(lines)
    marks = (rb"key:\S+", rb"crcStr:\S+|$")
    records = {tuple(re.search(mark, line)[0] for mark in marks) for line in lines}
    assert len(texts) == len(records) >= 3
    for text in texts:
        assert parse_record(text)
        assert checksum.holds(text) in (True, None)
