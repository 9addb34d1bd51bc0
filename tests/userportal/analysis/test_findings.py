"""What comes out of the rules for a job, and what a hostile script can do to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.userportal.analysis.jobs import job
from userportal.analysis import findings as module
from userportal.analysis import rules
from userportal.analysis.findings import findings

SHIPPED = rules.read()


def site_rules(tmp_path, text):
    path = tmp_path / "site.conf"
    path.write_text(text)
    return rules.read(path)


def lines_of(script, rule="script-sleep"):
    return [one.line_number for one in findings(job(script=script), SHIPPED) if one.rule == rule]


def test_a_line_is_named_by_its_number():
    assert lines_of("#!/bin/bash\n\nsleep 5\necho\n  sleep 6") == [3, 5]
    assert lines_of("#!/bin/bash\r\nsleep 5\r\n") == [2]


def test_a_comment_is_no_line_of_the_script():
    assert lines_of("#!/bin/bash\n#sleep 5\n   # sleep\necho  # then sleep\n") == [4]


def test_of_a_word_only_the_whole_one_counts():
    assert lines_of("echo sleeping\ntime.sleep(3)\n") == [2]


def test_what_is_said_of_lines_comes_last_and_in_their_order():
    script = "#!/bin/bash\nconda activate x\nsleep 5\nconda activate y\n"
    found = findings(job(script=script, state="NODE_FAIL"), SHIPPED)
    assert [(one.rule, one.line_number) for one in found] == [
        ("node-failure", 0), ("conda", 2), ("script-sleep", 3), ("conda", 4),
    ]  # fmt: skip


def test_a_number_of_a_line_is_compared_and_told(tmp_path):
    script = "gmx mdrun -nt 16\ngmx mdrun -nt 4\ngmx mdrun -nt x\n"
    found = findings(job(script=script, modules=("gromacs/1",)), SHIPPED)
    told = [one for one in found if one.rule == "gromacs-threads"]
    assert [(one.line_number, one.values["threads"]) for one in told] == [(1, "16")]
    assert "16 threads (-nt), but the job has 4 cores" in told[0].text


def test_without_known_modules_nothing_is_said_of_their_programs():
    found = findings(job(script="gmx mdrun\npmemd.cuda\n", modules=None), SHIPPED)
    assert found == []


def test_a_bare_module_name_hides_no_other_finding():
    script = "module load gromacs python/3\nsleep 1\ngmx grompp\n"
    found = findings(job(script=script, modules=("gromacs", "python/3")), SHIPPED)
    assert [one.rule for one in found] == ["script-sleep", "gromacs-preparation"]


def test_a_script_that_sleeps_on_every_line_is_told_of_the_first_ones():
    assert lines_of("sleep 1\n" * 90_000) == list(range(1, module.LINES_FOR_EACH_RULE + 1))


def test_a_line_is_read_up_to_its_bound():
    assert lines_of("x" * 1_990 + " sleep 1") == [1]
    assert lines_of("x" * 2_000 + " sleep 1") == []


def test_a_script_is_read_up_to_its_bounds():
    assert lines_of("\n" * 99_999 + "sleep 1") == [100_000]
    assert lines_of("\n" * 100_000 + "sleep 1") == []
    assert lines_of(("x" * 999 + "\n") * 999 + "sleep 1") == [1000]
    assert lines_of(("x" * 999 + "\n") * 1_000 + "sleep 1") == []


@settings(deadline=None, max_examples=50)
@given(st.text() | st.lists(st.sampled_from(
    ["gmx", " ", "mdrun", "-nt", "9", "\n", "sleep", "conda", "\0", "\r", "pmemd", "srun", "{x}"]
)).map("".join))  # fmt: skip
def test_no_script_is_too_odd(script):
    for one in findings(job(script=script, modules=("gromacs/1", "amber/1")), SHIPPED):
        assert "{" not in one.text.replace("{x}", "")
        assert 1 <= one.line_number <= script.count("\n") + 1


@pytest.mark.parametrize("character", "\t .-/;sg")
def test_a_line_made_to_be_slow_is_not(character):
    """Its bounds are those of patterns: without them this would not come to an end."""
    script = "\n".join([character * 2_000] * 400)
    assert findings(job(script="x\n" + script, modules=("gromacs/1", "amber/1")), SHIPPED) == []


def test_braces_of_users_stay_as_they_are(tmp_path):
    found = site_rules(tmp_path, "[mine]\ncondition = cores > 1\ntext = {name} has {{}} {cores}.\n")
    told = findings(job(name="{user} {0} {x!r}"), found)[-1]
    assert told.text == "{user} {0} {x!r} has {} 4."


def test_a_long_name_is_cut_in_the_text(tmp_path):
    found = site_rules(tmp_path, "[mine]\ncondition = cores > 1\ntext = {name}\n")
    assert len(findings(job(name="x" * 10_000), found)[-1].text) == 200


def test_a_finding_speaks_other_languages():
    told = findings(job(state="TIMEOUT"), SHIPPED)[0]
    french = {told.message: "Limite de temps : {time_limit_seconds}."}
    assert told.in_words(lambda text: french.get(text, text)) == "Limite de temps : 03:00:00."


@pytest.mark.parametrize("wrong", ["{nothing}", "{", "{0}", "{time_limit_seconds.x}"])
def test_a_translation_with_wrong_names_is_none(wrong):
    told = findings(job(state="TIMEOUT"), SHIPPED)[0]
    assert told.in_words(lambda text: wrong) == told.text


def test_a_finding_has_its_graph_commands_and_address(tmp_path):
    found = site_rules(tmp_path, (
        "[mine]\ncondition = cores > 1\ntext = x\nseverity = info\ngraph = cpu\n"
        "url = https://docs.example.org/cores\ncommand = #SBATCH --ntasks={cores}\n  srun {name}\n"
    ))  # fmt: skip
    told = findings(job(), found)[-1]
    assert (told.rule, told.severity, told.graph) == ("mine", "info", "cpu")
    assert told.url == "https://docs.example.org/cores"
    assert told.commands == ("#SBATCH --ntasks=4", "srun work")
