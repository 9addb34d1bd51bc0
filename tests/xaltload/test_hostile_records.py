"""Whatever stands in a record, it is stored or rejected with a reason, and its neighbours are
stored."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.xaltload.loading import contents, expected, make_records
from tests.xaltload.samples import LINK, PACKAGE, RUN, changed, written
from xaltload.filters import Filters
from xaltload.modulemap import ModuleMap
from xaltload.reading import Reader
from xaltload.rows import RowMaker
from xaltload.store import Store
from xaltload.widths import Widths

GOOD = make_records(3, seed=50)
KEYS = {
    "run": ["hash_id", "cmdlineA", "libA", "envT", "userT", "userDT", "xaltLinkT"]
    + [f"userT__{key}" for key in RUN["userT"]]
    + [f"userDT__{key}" for key in RUN["userDT"]],
    "link": ["linkA", "function", "link_line", "resultT"]
    + [f"resultT__{key}" for key in LINK["resultT"]],
    "pkg": [key for key in PACKAGE if key != "crc"],
}
BASE = {"run": RUN, "link": LINK, "pkg": PACKAGE}
texts = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["", "\0", "\x1b[31m", "'; DROP TABLE xalt_run; --", "%s%d{}", "x" * 5000, "\ud800",
         "\N{GRINNING FACE}" * 300, "\\", '"', "NaN", "-1", "1e400", "0x10", " ", "/" * 2000,
         "\u202e", "a\nb"]
    ),
)  # fmt: skip
values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), texts,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


@st.composite
def hostile(draw):
    """Return the bytes of a record with wrong values, perhaps cut or with bytes changed."""
    kind = draw(st.sampled_from(sorted(BASE)))
    record = BASE[kind]
    for key in draw(st.lists(st.sampled_from(KEYS[kind]), max_size=3, unique=True)):
        try:
            record = changed(record, **{key: draw(values)})
        except TypeError:  # a table that is no table any more
            continue
    text = json.dumps(record).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        text = written(json.loads(text)) if b"NaN" not in text and b"Inf" not in text else text
    how = draw(st.integers(0, 5))
    if how == 0:
        text = text[: draw(st.integers(0, len(text)))]
    elif how == 1:
        place = draw(st.integers(0, len(text) - 1))
        text = text[:place] + draw(st.binary(max_size=4)) + text[place + 1 :]
    return text


class Loader:
    """Loads texts of records as the commands do, without files."""

    def __init__(self, database):
        maker = RowMaker(Widths(database), ModuleMap(), lambda syshost: None)
        self.reader, self.store = Reader(maker, Filters()), Store(database)

    def load(self, *some):
        for text in some:
            self.reader.add_text(text, "aurora", "test")
        part = self.reader.take()
        return part, self.store.write(part.batch)


@pytest.fixture
def loader(database):
    return Loader(database)


@hypothesis.settings(max_examples=120)
@hypothesis.given(record=hostile())
def test_a_hostile_record_is_stored_or_rejected_and_its_neighbours_are_there(loader, site, record):
    good = [written(one) for _name, one in GOOD]
    part, _stored = loader.load(good[0], record, *good[1:])
    assert part.records == len(GOOD) + 1
    assert len(part.rejects) <= 1 and all(reject.reason for reject in part.rejects)
    loader.load(record)


def test_the_good_neighbours_are_stored_as_they_are(loader, site):
    loader.load(b"{", *(written(one) for _name, one in GOOD), b"\xff")
    assert contents(site) == expected(GOOD)
