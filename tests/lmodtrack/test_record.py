"""Every kind of line that sites have becomes a load, or a reason why not."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmodtrack import record
from lmodtrack.clusters import ClusterNames
from lmodtrack.logtally import LogTally
from lmodtrack.tally import Rules, split_key
from tests.lmodtrack.logs import log_of, make_loads
from usagedb.days import Calendar
from usagedb.site import Site

UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 1, 2, 12, tzinfo=UTC).timestamp()
CONTEXT = record.Context(NOW, Calendar(UTC), default_host="north")
BODY = b"user=ann module=gcc/13.2 path=/a/gcc/13.2.lua host=l1.north.edu time=1767225600.5"
LOAD = record.Load("ann", "gcc/13.2", "/a/gcc/13.2.lua", "l1.north.edu", 1767225600.5)


def parsed(line):
    return record.parse_line(line, CONTEXT)


def refused(line):
    with pytest.raises(record.Rejected) as reason:
        parsed(line)
    return str(reason.value)


@pytest.mark.parametrize(
    "line",
    [
        b"Jan  1 00:00:00 l1 ModuleUsageTracking: " + BODY,
        b"2026-01-01T00:00:00.123456-06:00 l1 ModuleUsageTracking " + BODY,
        b"Jan  1 00:00:00 l1 ModuleUsageTracking[12]: " + BODY,
        b"Jan  1 00:00:00 l1 ModuleUsageTracking: '" + BODY + b"'",
        b"ModuleUsageTracking: extra=1 " + BODY + b" more=x",
        b"ModuleUsageTracking: " + BODY.replace(b"user=ann", b'user="ann"'),
        b"ModuleUsageTracking: message repeated 1 times: [ " + BODY + b"]",
    ],
)
def test_a_tracking_message_is_read_with_any_header_and_quotes(line):
    assert parsed(line) == [LOAD]


def test_a_value_may_hold_an_equals_sign_and_a_quote():
    line = b"ModuleUsageTracking: user=o'hara module=a/1 path=/a/b=c host=h time=1767225600"
    assert parsed(line)[0].path == "/a/b=c"
    assert parsed(line)[0].user == "o'hara"


def test_a_repeated_message_counts_as_often_as_it_says():
    line = b"ModuleUsageTracking: message repeated 3 times: [ " + BODY + b"]"
    assert parsed(line)[0].loads == 3
    assert "repeated" in refused(b"Jan  1 00:00:00 l1 last message repeated 3 times")


@pytest.mark.parametrize("times", ["0", "1000001", "4294967297", "0" * 5000, "9" * 5000])
def test_a_message_cant_be_repeated_more_often_than_any_daemon_tells(times):
    line = b"ModuleUsageTracking: message repeated %s times: [ " + BODY + b"]"
    assert refused(line % times.encode()) == record.TOO_MANY
    assert parsed(line % b"1000000")[0].loads == parsed(line % b"0001000000")[0].loads == 1_000_000


def test_a_ugent_message_takes_host_and_time_from_its_header():
    line = b"Dec 31 23:00:00 gent1 lmod: username=bob, jobid=12, userload=yes, module=x/1, fn=/p/x"
    load = parsed(line)[0]
    assert (load.user, load.job_id, load.user_load, load.path) == ("bob", "12", 1, "/p/x")
    assert load.host == "gent1"
    assert load.time == datetime.datetime(2025, 12, 31, 23, tzinfo=UTC).timestamp()


def test_a_ugent_command_line_is_no_load_and_no_error():
    with pytest.raises(record.Ignored):
        parsed(b"Jan  1 00:00:00 g1 lmod: username=bob, cmd=avail, args=gcc other")


def test_29_february_belongs_to_a_leap_year():
    line = b"Feb 29 10:00:00 g1 lmod: username=bob, module=x/1, fn=/p/x"
    assert parsed(line)[0].time == datetime.datetime(2024, 2, 29, 10, tzinfo=UTC).timestamp()


def test_json_and_csv_of_older_tools_are_read():
    line = b'{"user":"ann","path":"/p","module":"m/1","syshost":"fr","date":"1767225600"}'
    assert parsed(line) == [record.Load("ann", "m/1", "/p", "fr", 1767225600.0)]
    loads = parsed(b"ann,2026_01_01_00_00_00,m/1:/p,n/2:/q")
    assert [(load.module, load.path, load.host) for load in loads] == [
        ("m/1", "/p", "north"),
        ("n/2", "/q", "north"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"hello", "no module load"),
        (b"{broken", "JSON"),
        (b'{"user":1,"path":"/p","module":"m","syshost":"s","date":"1767225600"}', "no user"),
        (b"ModuleUsageTracking: " + BODY.replace(b"user=ann", b"user="), "no user"),
        (b"ModuleUsageTracking: " + BODY.replace(b"1767225600.5", b"soon"), "not a number"),
        (b"ModuleUsageTracking: " + BODY.replace(b"1767225600.5", b"nan"), "2000"),
        (b"ModuleUsageTracking: " + BODY.replace(b"ann", b"a" * 256), "longer than 255"),
        (b"x" * 70000, "too long"),
    ],
)
def test_what_cant_be_stored_has_a_reason(line, reason):
    assert reason in refused(line)


def test_a_message_that_was_cut_off_is_no_load():
    line = b"Jan  1 00:00:00 l1 ModuleUsageTracking: " + BODY
    for end in range(len(line) - len(b"host=l1.north.edu time=1767225600.5"), len(line) - 13):
        with pytest.raises(record.Rejected):
            parsed(line[:end])


def test_bytes_that_are_not_utf8_and_nul_are_stored_as_escapes():
    line = b"ModuleUsageTracking: " + BODY.replace(b"ann", b"a\xff\x00n")
    assert parsed(line)[0].user == "a\\xff\\x00n"


texts = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=30
)
all_loads = st.builds(
    record.Load,
    user=texts,
    module=texts,
    path=texts,
    host=texts,
    time=st.integers(946684800 * 10**6, 4102444799 * 10**6).map(lambda number: number / 1e6),
    user_load=st.sampled_from((-1, 0, 1)),
    job_id=st.one_of(st.just(""), texts),
)


@given(all_loads)
def test_what_is_formatted_comes_back_as_it_was(load):
    assert parsed(record.format_line(load)) == [load]


@given(st.one_of(st.binary(), st.binary().map(lambda tail: b"ModuleUsageTracking: " + tail)))
@settings(max_examples=500)
def test_no_line_raises_anything_but_a_rejection(line):
    try:
        assert parsed(line)
    except (record.Rejected, record.Ignored):
        pass


fragments = st.sampled_from(
    [BODY, b"user=ann", b"user=", b'"', b"'", b" ", b"=", b",", b"module=", b"time=1767225600.5",
     b"host=a.b", b"\\", b"\\x4", b"[", b"message repeated 2 times: [ ", b"{", b'"date":', b"\xff",
     b"lmod: ", b"Jan  1 00:00:00 h ", b"2026-01-01T00:00:00Z ", b"ModuleUsageTracking"]
)  # fmt: skip


def rules(**changes):
    site = Site(UTC, (), "")
    return Rules(ClusterNames(site), CONTEXT, **changes)


def counts_of(tally):
    found = {}
    for key, count in tally.counts.items():
        spot, user, module = split_key(key)
        day, cluster = tally.spots.values[spot]
        names = tally.users.values[user], tally.modules.values[module]
        found[(day.number, tally.clusters.values[cluster][0], *names)] = count
    return found


@given(
    st.lists(
        st.one_of(
            st.sampled_from(log_of(make_loads(40)).splitlines()),
            st.lists(fragments, max_size=8).map(b"".join),
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_the_fast_path_counts_what_reading_line_by_line_counts(lines, user_loads_only):
    fast = LogTally(rules(user_loads_only=user_loads_only))
    slow = LogTally(rules(user_loads_only=user_loads_only))
    fast.add_block(b"".join(line + b"\n" for line in lines), 1)
    for number, line in enumerate(lines, 1):
        slow.add_line(line, number)
    slow.totals.lines = fast.totals.lines
    assert counts_of(fast) == counts_of(slow)
    assert fast.totals == slow.totals
