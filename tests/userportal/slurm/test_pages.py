"""A page of a table of jobs has the right rows and counts, in each order, on every database."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.userportal.slurm import made
from tests.userportal.slurm.made import ANN, BOB, NOON, add, job_row, pending, running
from usagedb.errors import UsageError
from userportal.slurm import page_queries, tables
from userportal.slurm.model import JobFilter
from userportal.slurm.page_queries import ORDERS


def ids(page):
    return [job.job_id for job in page.jobs]


@pytest.fixture
def filled(store):
    """A store with six jobs of ann, of which one is of another account, and one of bob."""
    add(
        store,
        job_row(1, job_name="Alpha"),
        job_row(2, job_name="beta_1", state=5),
        job_row(3, job_name="beta21", state=11),
        job_row(4, job_name="100%", **running()),
        job_row(5, job_name="delta", partition="gpu", **pending()),
        job_row(6, account="def-bob", id_assoc=5, id_array_job=3, state=4),
        job_row(7, id_user=BOB, id_assoc=4, state=0x400),
    )
    return store


def test_a_page_has_the_newest_jobs_first(filled):
    page = filled.page(JobFilter(user_id=ANN))
    assert (page.total, page.filtered, ids(page)) == (6, 6, [6, 5, 4, 3, 2, 1])


def test_a_page_is_a_part_of_all(filled):
    page = filled.page(JobFilter(user_id=ANN), "job_id", 2, 2)
    assert (page.total, page.filtered, ids(page)) == (6, 6, [3, 4])
    assert ids(filled.page(JobFilter(user_id=ANN), "job_id", 6, 2)) == []
    assert ids(filled.page(JobFilter(user_id=ANN), "job_id", 0, 0)) == []
    assert ids(filled.page(JobFilter(user_id=ANN), "job_id", -5, -1)) == []


@pytest.mark.parametrize("order", [*ORDERS, *(f"-{name}" for name in ORDERS)])
def test_each_order_sorts_by_its_column(filled, order):
    page = filled.page(JobFilter(user_id=ANN), order, 0, 100)
    name = order.removeprefix("-")
    column = ORDERS[name]
    rows = dict(filled.ask(f'SELECT "id_job", "{column}" FROM {{job_table}}'))
    values = [rows[job.job_id] for job in page.jobs]
    if isinstance(values[0], str):
        values = [value.lower() for value in values]
        if filled.database.config.backend != "mysql":
            values = [rows[job.job_id] for job in page.jobs]
    assert values == sorted(values, reverse=order.startswith("-"))
    assert len(values) == 6
    assert ids(filled.page(JobFilter(user_id=ANN), order.replace(name, column), 0, 100)) == ids(
        page
    )


@pytest.mark.parametrize("order", ["", "-", "work_dir", "id_job; DROP TABLE x", '"', "--submit"])
def test_another_order_is_refused(filled, order):
    with pytest.raises(UsageError):
        filled.page(JobFilter(), order)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"states": (5, 11)}, [3, 2]),
        ({"states": (1,)}, [4]),
        ({"states": (0, 1)}, [5, 4]),
        ({"states": (0x400,)}, []),
        ({"text": "BETA"}, [3, 2]),
        ({"text": "a_1"}, [2]),
        ({"text": "%"}, [4]),
        ({"text": "!"}, []),
        ({"text": "3"}, [6, 3]),
        ({"text": "2"}, [3, 2]),
        ({"text": "  "}, [6, 5, 4, 3, 2, 1]),
        ({"text": "' OR 1=1 --"}, []),
        ({"text": "9" * 30}, []),
        ({"text": "\0"}, [6, 5, 4, 3, 2, 1]),
        ({"until": NOON + 4}, [3, 2, 1]),
        ({"since": NOON + 3662}, [6, 5, 4, 3]),
        ({"since": NOON + 3662, "until": NOON + 6}, [5, 4, 3]),
        ({"since": NOON + 3662, "until": NOON + 6, "has_run": True}, []),
        ({"since": NOON + 99, "until": NOON + 3000, "has_run": True}, [6, 4, 3, 2, 1]),
        ({"since": NOON + 3661, "until": NOON + 9999, "has_run": True}, [6, 4, 3, 2]),
        ({"partition": "gpu"}, [5]),
        ({"account": "def-bob"}, [6]),
        ({"account": "def-bob", "states": (3,)}, []),
        ({"text": "beta", "states": (5,), "since": NOON}, [2]),
    ],
)
def test_a_filter_narrows_the_rows_and_not_the_total(filled, wanted, found):
    page = filled.page(JobFilter(user_id=ANN, **wanted))
    assert ids(page) == found
    assert page.filtered == len(found)
    assert page.total == (1 if "account" in wanted else 6)


def test_a_row_that_was_requeued_is_not_pending(filled):
    assert ids(filled.page(JobFilter(user_id=BOB, states=(0,)))) == []
    assert ids(filled.page(JobFilter(user_id=BOB, states=(0x400,)))) == [7]


def test_an_account_has_the_jobs_of_all_its_users(filled):
    page = filled.page(JobFilter(account="def-ann"))
    assert (page.total, page.filtered, ids(page)) == (6, 6, [7, 5, 4, 3, 2, 1])


@pytest.mark.parametrize("account", ["nosuch", "", "DEF-ANN", "def-ann ", "déf-ann", "def%"])
def test_only_exactly_the_account_is_meant(filled, account):
    page = filled.page(JobFilter(account=account))
    assert (page.total, page.filtered, page.jobs) == (0, 0, [])


def test_without_a_user_all_jobs_are_there(filled):
    page = filled.page(JobFilter(), limit=100)
    assert (page.total, ids(page)) == (7, [7, 6, 5, 4, 3, 2, 1])


def test_no_jobs_are_an_empty_page(store):
    assert store.page(JobFilter(user_id=ANN)).jobs == []
    assert store.page(JobFilter()).jobs == []


def test_a_name_is_found_whatever_its_letters(store):
    add(store, job_row(1, job_name="déjà vu"), job_row(2, job_name="d"))
    assert ids(store.page(JobFilter(user_id=ANN, text="déjà"))) == [1]


MOMENTS = st.tuples(st.integers(0, 40), st.integers(0, 300), st.integers(0, 3000))


@settings(max_examples=25)
@given(
    jobs=st.lists(MOMENTS, max_size=60),
    offset=st.integers(0, 20),
    limit=st.integers(1, 10),
    whose=st.sampled_from([{"user_id": ANN}, {"account": "def-ann"}, {}]),
)
def test_the_newest_jobs_are_the_newest_however_they_ran(store, jobs, offset, limit, whose):
    store.database.execute(store.written("DELETE FROM {job_table}"))
    page_queries.COUNTS.__init__(30)
    submitted, rows = [], []
    for number, (submit, wait, run) in enumerate(jobs, 1):
        moment = NOON + submit * 20000
        submitted.append((moment, number))
        end = 0 if run % 7 == 0 else moment + wait + run
        rows.append(job_row(number, time_submit=moment, time_start=moment + wait, time_end=end))
    tables.insert(store.database, made.CLUSTER, "job_table", rows)
    newest = [number for _moment, number in sorted(submitted, reverse=True)]
    page = store.page(JobFilter(**whose), "-submit", offset, limit)
    expected = store.ask(
        'SELECT "id_job" FROM {job_table} ORDER BY "time_submit" DESC, "job_db_inx" DESC'
    )
    assert ids(page) == [row[0] for row in expected][offset : offset + limit]
    assert ids(page) == newest[offset : offset + limit]


@pytest.fixture
def few_recent(monkeypatch):
    """Let the search for the newest jobs begin with very few of them."""
    monkeypatch.setattr(page_queries, "RECENT_ROWS", 1)
    monkeypatch.setattr(page_queries, "GROWTH", 2)


@pytest.mark.usefixtures("few_recent")
def test_a_long_job_that_ended_early_is_in_its_place(store):
    rows = [job_row(number, time_submit=NOON + number, time_end=NOON + 10_000 - number)
            for number in range(1, 60)]  # fmt: skip
    tables.insert(store.database, made.CLUSTER, "job_table", rows)
    for offset in (0, 10, 40, 58):
        page = store.page(JobFilter(user_id=ANN), "-submit", offset, 3)
        assert ids(page) == list(range(59 - offset, max(0, 56 - offset), -1))
    rare = store.page(JobFilter(user_id=ANN, text="job1"), "-submit", 0, 100)
    assert ids(rare) == [*range(19, 9, -1), 1]


def test_a_large_count_is_kept_for_a_moment(store, monkeypatch):
    monkeypatch.setattr(page_queries, "LARGE_COUNT", 2)
    add(store, job_row(1))
    assert store.page(JobFilter(user_id=ANN)).total == 1
    add(store, job_row(2))
    assert store.page(JobFilter(user_id=ANN)).total == 2
    add(store, job_row(3))
    page = store.page(JobFilter(user_id=ANN))
    assert (page.total, ids(page)) == (2, [3, 2, 1])


@settings(max_examples=25)
@given(
    names=st.lists(st.sampled_from(["a", "b", "c"]), max_size=40),
    offset=st.integers(0, 45),
    limit=st.integers(1, 10),
    order=st.sampled_from(["name", "-name", "start", "-start"]),
    text=st.sampled_from(["", "a", "z"]),
)
def test_pages_near_the_end_are_those_that_one_comes_to_by_turning_pages(
    store, names, offset, limit, order, text
):
    store.database.execute(store.written("DELETE FROM {job_table}"))
    page_queries.COUNTS.__init__(30)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page_queries, "LARGE_COUNT", 3)
        rows = [job_row(number, job_name=name) for number, name in enumerate(names, 1)]
        tables.insert(store.database, made.CLUSTER, "job_table", rows)
        whole = store.page(JobFilter(user_id=ANN, text=text), order, 0, 1000)
        page = store.page(JobFilter(user_id=ANN, text=text), order, offset, limit)
        assert page.filtered == whole.filtered == len([name for name in names if text in name])
        assert ids(page) == ids(whole)[offset : offset + limit]
