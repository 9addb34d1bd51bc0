"""A name is replaced where it means the person, and nowhere else."""

import json
import time

import hypothesis
import pytest
from hypothesis import strategies

from usagedb.naming import Renaming

ANNA = Renaming("anna", "x", homes=("/data/physics",))
RECORD = "/xalt/run.c1.2026_01_01_00_00_00_0001.{1}{0}.0188a2f0-0000-7000-8000-000000000001.json"
MEANT = [
    ("/home/anna", "/home/x"), ("/home/anna/bin:/usr/bin", "/home/x/bin:/usr/bin"),
    ("PATH=/usr/bin:/home/anna/bin", "PATH=/usr/bin:/home/x/bin"), ("/home1/anna/", "/home1/x/"),
    ("/home/a/an/anna/p", "/home/a/an/x/p"), ("/nfs/users/anna", "/nfs/users/x"),
    ("/scratch/anna/a", "/scratch/x/a"), ("/lustre06/scratch/anna", "/lustre06/scratch/x"),
    ("/data/physics/anna/a", "/data/physics/x/a"), ("~anna/a", "~x/a"),
    ("mail anna@example.org", "mail x@example.org"), ("ssh://anna@host", "ssh://x@host"),
    ("user=anna module=a", "user=x module=a"), ('"user": "anna"', '"user": "x"'),
    ('\\"user\\":\\"anna\\"', '\\"user\\":\\"x\\"'), ("USER=anna", "USER=x"),
    (RECORD.format(".zzz", "anna"), RECORD.format(".zzz", "x")),
    (RECORD.format("", "anna"), RECORD.format("", "x")),
]  # fmt: skip
NOT_MEANT = [
    "anna", "/apps/anna/2", "/home/bert/anna", "/home/annabel", "/home/anna.b", "/home/anna-b",
    "anna/2", "run.anna.2026.zzz.x.json", "hanna@example.org",
    "superuser=annabel", "/opt/x/anna", "anna-lib", "/anna",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MEANT)
def test_what_means_the_person_is_replaced_in_everybody_s_texts(text, expected):
    assert ANNA.shared(text) == expected
    assert ANNA.is_in(text) and not ANNA.is_in(expected)
    assert ANNA.in_bytes(text.encode(), ANNA.shared) == expected.encode()


@pytest.mark.parametrize("text", NOT_MEANT)
def test_what_may_be_something_else_stays(text):
    assert ANNA.shared(text) == text and not ANNA.is_in(text)


def test_in_the_person_s_own_texts_every_word_is_replaced():
    assert ANNA.own("anna /x/anna anna.a annab anna-b anna_b xanna") == (
        "x /x/x x.a annab anna-b anna_b xanna"
    )


def test_json_is_changed_as_what_it_says():
    hostile = Renaming('a"\\\n\u00f6', "x")
    text = json.dumps({"HOME": '/home/a"\\\n\u00f6', 'a"\\\n\u00f6': ['~a"\\\n\u00f6'], "n": 1})
    assert json.loads(hostile.in_json(text, hostile.own)) == {
        "HOME": "/home/x",
        "x": ["~x"],
        "n": 1,
    }
    assert ANNA.in_json('{"a":  "b"}', ANNA.own) == '{"a":  "b"}'
    assert ANNA.in_json("/home/anna {", ANNA.shared) == "/home/x {"


def test_a_key_and_its_value_mean_what_a_variable_does():
    text = json.dumps({"SUDO_USER": "anna", "module": "anna", "owner": "anna ~anna", "x": ["anna"]})
    assert json.loads(ANNA.in_json(text, ANNA.shared)) == {
        "SUDO_USER": "x", "module": "anna", "owner": "x ~x", "x": ["anna"],
    }  # fmt: skip
    again = Renaming("anna", "anna.b")
    assert again.in_value({"user": "anna", "/home/anna": "anna"}, again.own) == {
        "user": "anna.b", "/home/anna.b": "anna.b",
    }  # fmt: skip
    assert Renaming("", "x").own("of a run without a user") == "of a run without a user"


@hypothesis.given(
    strategies.text(min_size=1, max_size=8), strategies.lists(strategies.sampled_from(
        ["/home/", "NAME", "/", "~", "@host", "user=", " ", ".", "-", "x", "\\", '"', "\n"]
    )),
)  # fmt: skip
def test_any_name_and_any_text_can_be_replaced(name, pieces):
    text = "".join(pieces).replace("NAME", name)
    renaming = Renaming(name, "\u2603")
    for change in (renaming.own, renaming.shared):
        changed = change(text)
        assert changed.replace("\u2603", name) == text or "\u2603" in name


@pytest.mark.parametrize(
    "piece", ["/anna", "/home/anna", "anna@", "user=", "a/", "~anna", "/", "anna"]
)
def test_the_time_grows_with_the_length_alone(piece):
    def seconds(size):
        text = "anna " + piece * (size // len(piece))
        began = time.process_time()
        ANNA.shared(text)
        ANNA.own(text)
        return time.process_time() - began

    seconds(20_000)
    short, long = seconds(100_000), seconds(1_000_000)
    assert long < 40 * max(short, 0.02)  # ten times as long; quadratic: a hundred times
