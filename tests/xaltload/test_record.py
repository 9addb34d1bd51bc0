"""Every record that XALT ever wrote is read; what is none is rejected, and nothing else happens."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from tests.xaltload.samples import LINK, PACKAGE, RUN, changed, written
from xaltload import checksum, record
from xaltload.record import Link, Package, Rejected, Run, parse_record

SAMPLES = CHECKOUT.parent / "shared" / "samples" / "xalt"
UUID = RUN["userT"]["run_uuid"]


def test_a_run_has_all_that_its_record_says():
    run = parse_record(written(RUN))
    assert isinstance(run, Run)
    assert (run.syshost, run.run_uuid, run.user, run.account) == ("aurora", UUID, "otter", "chem01")
    assert (run.start_time, run.end_time, run.run_time) == (1767225600.1234, 1767225660.5, 60.3766)
    assert (run.num_cores, run.num_nodes, run.num_threads, run.num_gpus) == (16, 1, 2, 0)
    assert json.loads(run.cmdline) == ["./prog", "--n", "4"]
    assert run.libraries == (
        ("/lib64/libc-2.28.so", "0"), ("/apps/fftw3/3.3.10/lib/libfftw3.so.3", "0"),
    )  # fmt: skip
    assert run.environment == tuple(RUN["envT"].items())
    assert run.link_uuid == LINK["resultT"]["uuid"] and run.container == ""


def test_a_link_has_all_that_its_record_says():
    link = parse_record(written(LINK))
    assert isinstance(link, Link) and link.build_epoch == 1767225000.25
    assert link.link_line == "gcc -o prog prog.c -lm"
    assert link.libraries == (("/usr/lib/libm.a", "0"),)
    assert link.functions == ("fftw_execute", "dgemm_")


def test_a_package_belongs_to_a_run():
    assert parse_record(written(PACKAGE)) == Package(
        UUID, "python", "numpy", "3.11.2", "/apps/py/numpy/__init__.py"
    )


def test_version_1_has_its_numbers_as_texts_and_its_keys_with_dots():
    user = {**RUN["userT"], "start_time": "1767225600.5", "end_time": "0", "num_cores": "8"}
    old = {"userT": user, "xaltLinkT": {"Build.UUID": LINK["resultT"]["uuid"]}, "hash_id": "x" * 99}
    run = parse_record(written(old))
    assert (run.start_time, run.end_time, run.num_cores, run.num_nodes) == (1767225600.5, 0.0, 8, 1)
    assert run.link_uuid == LINK["resultT"]["uuid"] and run.hash_id == "0"
    assert (run.libraries, run.environment, run.cmdline) == ((), (), "[]")
    flat = {**LINK["resultT"], "exit_code": 0, "linkA": [], "link_line": "gcc -o prog"}
    assert parse_record(written(flat)).link_line == "gcc -o prog"


def test_a_record_that_names_no_cluster_has_that_of_its_file():
    user = {key: value for key, value in RUN["userT"].items() if key != "syshost"}
    assert parse_record(written({**RUN, "userT": user}), "cirrus").syshost == "cirrus"


def test_names_of_functions_that_are_not_escaped_do_not_lose_the_link():
    names = rb'"function":["operator\"\" _km","plain","back\slash"],"link_line":'
    text = written(LINK).replace(b'"function":["fftw_execute","dgemm_"],"link_line":', names)
    link = parse_record(text.replace(rb"\"\"", b'""'))
    assert link.functions == ('operator"" _km', "plain", r"back\slash")
    assert link.link_program == "gcc"


def test_an_exec_path_that_was_escaped_twice_is_read_as_it_was():
    path = '/home/otter/r\u00e9sum\u00e9 "1"/prog'
    twice = json.dumps(path)[1:-1]
    assert parse_record(written(changed(RUN, userT__exec_path=twice))).exec_path == path
    odd = r"/home/otter/back\slash"
    assert parse_record(written(changed(RUN, userT__exec_path=odd))).exec_path == odd


def test_bytes_that_are_not_utf8_and_nul_are_stored_as_escapes():
    text = written(RUN).replace(b"/home/otter/prog", b"/home/\xff/prog")
    assert parse_record(text).exec_path == r"/home/\xff/prog"
    assert parse_record(written(changed(RUN, userT__cwd="a\0b"))).cwd == r"a\x00b"
    assert parse_record(written(changed(RUN, userT__cwd="a\ud800b"))).cwd == r"a\xed\xa0\x80b"


@pytest.mark.parametrize(
    "text, reason",
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"[]", "no JSON object"),
        (b"{}", "no record of XALT"),
        (written(RUN)[:-20], "broken JSON"),
        (written(LINK)[:-20], "broken JSON"),
        (b'{"userT":' + b"[" * 100_000, "broken JSON"),
        (b'{"userT":{},"a":NaN}', "broken JSON"),
        (written({**RUN, "userT": []}), "userT is no object"),
        (written({**RUN, "userDT": None}), "userDT is no object"),
        (written(changed(RUN, userT__run_uuid="1")), "no valid uuid"),
        (written(changed(RUN, userT__exec_path=None)), "no exec_path"),
        (written(changed(RUN, userDT__start_time=0.0)), "no start_time"),
        (written(changed(RUN, userDT__start_time="soon")), "start_time is no time"),
        (written(changed(RUN, userDT__end_time=10**400)), "end_time is no time"),
        (written(changed(LINK, resultT__build_epoch="")), "build_epoch is no time"),
        (written(changed(PACKAGE, package_name=None)), "no package_name"),
        (b" " * (record.MAX_RECORD_BYTES + 1), "too long"),
    ],
)
def test_what_cannot_be_stored_has_a_reason(text, reason):
    with pytest.raises(Rejected, match=f"^{reason}$"):
        parse_record(text)


def test_numbers_that_fit_no_column_are_brought_into_its_range():
    numbers = {"num_cores": 1e30, "num_gpus": -1, "num_threads": True, "probability": 7}
    run = parse_record(written(changed(RUN, userDT={**RUN["userDT"], **numbers})))
    assert (run.num_cores, run.num_gpus, run.num_threads) == (2**31 - 1, 0, 1)
    assert run.probability == 1.0
    for probability in (5e-324, 0.00009, "1e-300"):  # 1/p would be infinite, or might as well be
        least = parse_record(written(changed(RUN, userDT__probability=probability)))
        assert least.probability == 1.0


def test_many_arguments_are_cut_to_a_json_list():
    run = parse_record(written(changed(RUN, cmdlineA=["argument"] * 200_000)))
    arguments = json.loads(run.cmdline)
    assert arguments[-1] == "..." and len(run.cmdline) < 65_535


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
places = st.sampled_from(
    [(RUN, key) for key in [*RUN, *(f"userT__{key}" for key in RUN["userT"]),
                            *(f"userDT__{key}" for key in RUN["userDT"])]]
    + [(LINK, key) for key in [*LINK, *(f"resultT__{key}" for key in LINK["resultT"])]]
    + [(PACKAGE, key) for key in PACKAGE]
)  # fmt: skip


@given(places, values)
@settings(max_examples=300)
def test_any_value_anywhere_is_read_or_rejected(place, value):
    sample, key = place
    text = json.dumps(changed(sample, **{key: value})).encode("utf-8", "surrogatepass")
    try:
        found = parse_record(text)
    except Rejected as reason:
        assert str(reason)
    else:
        assert_storable(found)


@given(st.sampled_from([written(RUN), written(LINK), written(PACKAGE)]), st.data())
@settings(max_examples=200)
def test_any_damage_is_read_or_rejected(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 40, len(text))))
    damaged = text[:start] + data.draw(st.binary(max_size=8)) + text[end:]
    try:
        assert_storable(parse_record(damaged))
    except Rejected as reason:
        assert str(reason)


def assert_storable(value):
    if isinstance(value, tuple):
        for part in value:
            assert_storable(part)
    elif isinstance(value, str):
        value.encode()
        assert "\0" not in value
    else:
        assert isinstance(value, (int, float)) and value >= 0


@pytest.mark.parametrize("sample", [RUN, LINK, PACKAGE])
def test_a_crc_holds_until_a_byte_changes(sample):
    text = written(sample)
    assert checksum.holds(text) is True
    assert checksum.holds(text.replace(b"otter", b"Otter").replace(b"numpy", b"Numpy")) is False
    assert checksum.holds(written({key: sample[key] for key in sample if key != "crc"})) is None


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real records of XALT are here")
@pytest.mark.parametrize("name", ["run.example.json", "run.example_3.json", "link.example.json"])
def test_real_records_are_read_and_their_crc_holds(name):
    text = Path(SAMPLES, name).read_bytes()
    assert checksum.holds(text) in (True, None)
    found = parse_record(text)
    assert isinstance(found, Link if name.startswith("link") else Run)
    assert_storable(found)
    assert found.libraries
