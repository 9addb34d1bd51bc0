"""The language of conditions: what it reads, what it refuses and where, and its logic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.userportal.analysis.jobs import GIB, job
from userportal.analysis import conditions, lexer, logic, names
from userportal.analysis.facts import Facts
from userportal.analysis.findings import Values
from userportal.analysis.lexer import ConditionFault


def holds(text, facts=None, constants=None, **fields):
    """Return what a condition comes to for a job."""
    return conditions.parse(text, constants).evaluate(Values(facts or job(**fields)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cores = 4", True),
        ("cores == 4 and gpus = 0", True),
        ("cores != 4", False),
        ("cores > 3 and not gpus > 0", True),
        ("not cores > 3 or gpus = 0", True),
        ("not (cores > 3 or gpus = 0)", False),
        ("elapsed_seconds = 2h", True),
        ("elapsed_seconds = 120min", True),
        ("elapsed_seconds < 1d", True),
        ("elapsed_seconds = 7200", True),
        ("memory_given_bytes = 16GB", True),
        ("memory_given_bytes = 16GiB", True),
        ("memory_given_bytes / cores = 4GB", True),
        ("cpu_efficiency = 90%", True),
        ("3 < cores < 5", True),
        ("3 < cores < 4", False),
        ("1 + 2 * 3 = 7", True),
        ("(1 + 2) * 3 = 9", True),
        ("10 - 3 - 2 = 5", True),
        ("16 / 4 / 2 = 2", True),
        ("-cores < 0 and - -cores = 4", True),
        ("cpu_seconds_given / elapsed_seconds = cores", True),
        ("state = COMPLETED", True),
        ('state = "COMPLETED"', True),
        ("state in (FAILED, COMPLETED)", True),
        ("state not in (FAILED, TIMEOUT)", True),
        ('partition in ("main", "gpu-large")', True),
        ("interactive", False),
        ("not interactive", True),
        ("(interactive) or is_running", False),
    ],
)
def test_a_condition_means_what_it_says(text, expected):
    assert holds(text) is expected


def test_a_fifth_is_read_without_a_rounding_error():
    assert holds("gpu_part = 15%", constants={"gpu_part": logic.Constant(15 / 100, lexer.PLAIN)})


@pytest.mark.parametrize(
    ("text", "place", "complaint"),
    [
        ("", 1, "a fact or a number is missing before the end"),
        ("corez > 1", 1, "no fact or threshold is called corez; cores is meant?"),
        ("cores > ", 9, "a fact or a number is missing before the end"),
        ("cores > 1 cores", 11, '"cores" is too much'),
        ("cores > 5x", 9, "x is no unit"),
        ("cores ; 3", 7, "';' has no meaning here"),
        ("cores", 1, "here is a number, not yes or no"),
        ("cores and gpus > 1", 1, "here is a number, not yes or no"),
        ("gpus > 1 and cores", 14, "here is a number, not yes or no"),
        ("not cores", 5, "here is a number, not yes or no"),
        ("state > 3", 7, "a text > a number is no comparison"),
        ("state < FAILED", 7, "a text < a text is no comparison"),
        ("elapsed_seconds > 20GB", 17, "a time > a size is no comparison"),
        ("elapsed_seconds + 20GB > 1", 17, "a time + a size cannot be calculated"),
        ("elapsed_seconds * 20GB > 1", 17, "a time * a size cannot be calculated"),
        ("1 / elapsed_seconds > 1", 3, "a number / a time cannot be calculated"),
        ("interactive > 1", 13, "yes or no > a number is no comparison"),
        ("interactive + 1 > 1", 1, "here is yes or no, not a number"),
        ("cores in (4)", 1, "here is a number, not a text"),
        ("state in FAILED", 10, '"(" is missing before "FAILED"'),
        ("state in (3)", 11, "a word is missing before"),
        ("state not FAILED", 11, '"in" is missing before "FAILED"'),
        ("(cores > 1", 11, '")" is missing before the end'),
        ('has option "exclusive"', 12, "exclusive is no option of sbatch"),
        ("has option exclusive", 12, 'a text in " is missing'),
        ('has colour "red"', 5, "has what?"),
        ("__import__", 1, "no fact or threshold is called __import__"),
        ("cores.__class__ = 1", 6, "'.' has no meaning here"),
        ("((((" * 20, 42, "nested deeper than 40 levels"),
        ("not " * 41 + "interactive", 165, "nested deeper than 40 levels"),
        ("cores > 1" + " " * 2000, 2000, "longer than 2000 characters"),
    ],
)
def test_a_wrong_condition_is_refused_with_its_place(text, place, complaint):
    with pytest.raises(ConditionFault) as fault:
        conditions.parse(text)
    assert str(fault.value).startswith(f"character {place}: {complaint}")


WORDS = st.sampled_from(
    [
        *names.NAMES, "and", "or", "not", "in", "has", "option", "(", ")", ",", "<", "<=", "=",
        "!=", "+", "-", "*", "/", "3", "8h", "20GB", "50%", '"--exclusive"', "FAILED", '"',
    ]
)  # fmt: skip


@given(st.text() | st.lists(WORDS, max_size=60).map(" ".join))
def test_any_text_is_a_condition_or_refused_and_a_condition_always_has_an_answer(text):
    try:
        part = conditions.parse(text)
    except ConditionFault:
        return
    assert part.evaluate(Values(job())) in (True, False, None)
    assert part.evaluate(Values(Facts())) in (True, False, None)


@given(st.integers(1, 600))
def test_long_chains_are_no_deep_trees(length):
    text = "+".join(["1"] * length)
    assert holds(f"{text} = {length}") is True


def test_what_stands_side_by_side_is_not_deep():
    assert holds(" and ".join(["(cores = 4)"] * 60)) is True


FACT = {"a": "interactive", "b": "is_running", "c": "is_unlimited"}
FLAGS = st.sampled_from([True, False, None])
LAWS = [
    ("not (a and b)", "not a or not b"),
    ("not (a or b)", "not a and not b"),
    ("not not a", "a"),
    ("a and b", "b and a"),
    ("a or b", "b or a"),
    ("a and (b and c)", "a and b and c"),
    ("(a or b) or c", "a or b or c"),
    ("a and (b or c)", "a and b or a and c"),
    ("a or b and c", "(a or b) and (a or c)"),
    ("a and a", "a"),
    ("a or a", "a"),
    ("a and (a or b)", "a"),
    ("a or a and b", "a"),
]


class Flags:
    """Three facts that are yes, no or unknown."""

    facts = Facts()

    def __init__(self, *values):
        self.values = dict(zip(FACT.values(), values))

    def get(self, name):
        return self.values[name]


def with_names(text):
    return " ".join(FACT.get(word.strip("()"), "") and word.replace(
        word.strip("()"), FACT[word.strip("()")]) or word for word in text.split())  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=" == ".join)
@given(FLAGS, FLAGS, FLAGS)
def test_what_is_unknown_obeys_the_laws_of_logic(law, one, two, three):
    left, right = (conditions.parse(with_names(text)) for text in law)
    values = Flags(one, two, three)
    assert left.evaluate(values) is right.evaluate(values)


@given(st.sampled_from([side for law in LAWS for side in law]), FLAGS, FLAGS, FLAGS)
def test_an_answer_stays_when_more_becomes_known(text, one, two, three):
    part = conditions.parse(with_names(text))
    answer = part.evaluate(Flags(one, two, three))
    if answer is None:
        return
    for known in (True, False):
        more = [known if value is None else value for value in (one, two, three)]
        assert part.evaluate(Flags(*more)) is answer


@pytest.mark.parametrize(
    "text",
    ["threads_running > 1", "threads_running + 1 > 0", "not threads_running > 1",
     "0 * threads_running = 0", "cores / gpus > 1", "threads_running = threads_running",
     'has module "x"', 'has application "x"', 'has option "-x"', "work_directory = HOME",
     "work_directory in (HOME)", "0 < threads_running < 1"],
)  # fmt: skip
def test_what_is_not_known_of_a_job_is_neither_so_nor_not_so(text):
    assert holds(text, modules=None, submit_line=None) is None


def test_one_side_that_decides_is_enough():
    assert holds("threads_running > 1 and gpus > 0") is False
    assert holds("threads_running > 1 or gpus = 0") is True
    assert holds("3 < threads_running and cores < 0") is False


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, "4", True])
def test_a_figure_that_is_no_number_is_unknown(value):
    assert holds("cores_used > 1", Facts(cores_used=value)) is None


def test_numbers_that_overflow_are_unknown():
    huge = Facts(cores_used=1e308, cores=2)
    assert holds("cores_used * cores_used > 1", huge) is None


def test_a_module_is_had_in_any_version_and_case():
    for module in ("gromacs/2024.4", "GROMACS", "gromacs/2024/mpi"):
        assert holds('has module "Gromacs"', modules=("x", module)) is True
    assert holds('has module "gromacs"', modules=("gromacs-tools/1", "bio")) is False
    assert holds('has module "gromacs/2024"', modules=("gromacs/2023",)) is False


def test_an_application_is_had_by_the_name_of_its_file():
    assert holds('has application "python3"', applications={"/opt/bin/python3": 1}) is True
    assert holds('has application "python"', applications={"/opt/bin/python3": 1}) is False


def test_units_are_those_of_slurm():
    for text, size in (("1KB", 1024), ("2MiB", 2 * 2**20), ("1TB", 2**40), ("1PB", 2**50)):
        assert holds(f"memory_given_bytes = {text}", Facts(memory_requested_bytes=size))
    assert holds("memory_given_bytes = 1.5GB", Facts(memory_requested_bytes=1.5 * GIB))
