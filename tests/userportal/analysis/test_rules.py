"""Reading rules: what a site can change, and what is told of a wrong file."""

import re

import pytest

from tests.userportal.analysis.jobs import job
from usagedb.errors import ConfigurationError, RefusedError
from usagedb.files import conf_file
from userportal.analysis import rules
from userportal.analysis.findings import findings

RULE = "[mine]\ncondition = cores > 1\ntext = You have {cores} cores.\n"


@pytest.fixture
def read(tmp_path):
    """Return a function that reads the rules with a site's file of that text."""

    def read_text(text):
        path = tmp_path / "site.conf"
        path.write_text(text, encoding="utf-8")
        return rules.read(path)

    return read_text


def rule_named(found, name):
    return next((rule for rule in found.rules if rule.name == name), None)


def test_a_site_adds_a_rule(read):
    found = read(RULE)
    assert len(found.rules) == len(rules.read().rules) + 1
    assert findings(job(), found)[-1].text == "You have 4 cores."


def test_a_site_turns_a_rule_off(read):
    assert rule_named(read("[conda]\nenabled = no\n"), "conda") is None
    assert rule_named(rules.read(), "conda")


def test_a_site_changes_one_setting_and_keeps_the_others(read):
    changed = rule_named(read("[conda]\nseverity = info\n"), "conda")
    ours = rule_named(rules.read(), "conda")
    assert (changed.severity, ours.severity) == ("info", "critical")
    assert (changed.text, changed.pattern) == (ours.text, ours.pattern)


def test_a_site_changes_a_threshold_for_all_rules_that_use_it(read):
    facts = job(threads_running=5.5)
    assert [one.rule for one in findings(facts, rules.read())] == ["threads-many"]
    assert findings(facts, read("[thresholds]\nthreads_many = 140%\n")) == []


def test_a_site_names_thresholds_of_its_own(read):
    found = read(
        "[thresholds]\nmany = 3\n" + RULE.replace("> 1", "> many").replace("You", "{many}:")
    )
    assert findings(job(), found)[-1].text == "3: have 4 cores."
    assert found.threshold("many") == 3
    with pytest.raises(ConfigurationError, match="no fewest"):
        found.threshold("fewest")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[mine]\ncondition = corez > 1\ntext = x\n",
         "[mine] condition = corez > 1: character 1: no fact or threshold is called corez"),
        ("[mine]\ncondition = cores >\n    1 and\ntext = x\n",
         "[mine] condition = cores > 1 and: character 14: a fact or a number is missing"),
        ("[mine]\ncondition = cores > 1\n", "[mine] has no text"),
        ("[mine]\ntext = x\n", "[mine] has no condition"),
        ("[mine]\ncolour = red\n", "[mine] has no setting colour"),
        (RULE + "severity = awful\n", "[mine] severity = awful: one of info, warning, critical"),
        (RULE + "scope = page\n", "[mine] scope = page: one of job, line"),
        (RULE + "scope = line\n", "[mine] scope = line needs a pattern"),
        (RULE + "pattern = x\n", "[mine] scope = line needs a pattern"),
        (RULE + "scope = line\npattern = (a+)+b\n", "[mine] pattern = (a+)+b: character 5"),
        (RULE + "scope = line\npattern = (\n", "[mine] pattern = (: missing ), unterminated"),
        (RULE + "scope = line\npattern = (?P<cores>a)\n", "[mine] pattern: the name cores"),
        (RULE + "url = javascript:alert(1)\n", "[mine] url = javascript:alert(1): cannot be"),
        (RULE + "url = http://a.example/\"x\n", "[mine] url = "),
        (RULE + "graph = ../x\n", "[mine] graph = ../x: cannot be"),
        (RULE + "enabled = perhaps\n", "[mine] enabled = perhaps"),
        ("[mine]\nenabled = no\n", "[mine] cannot be turned off: there is no rule of this name"),
        ("[mine]\ncondition = cores > 1\ntext = {corez}\n", "[mine] text: {corez} is no fact"),
        ("[mine]\ncondition = cores > 1\ntext = {cores.real}\n", "[mine] text: {cores.real}"),
        ("[mine]\ncondition = cores > 1\ntext = {cores!r}\n", "[mine] text: {cores} is no"),
        ("[mine]\ncondition = cores > 1\ntext = {cores:>9999999}\n", "[mine] text: {cores} is no"),
        ("[mine]\ncondition = cores > 1\ntext = {\n", "[mine] text: "),
        ("[mine]\ncondition = cores > 1\ntext = {}\n", "[mine] text: {} is no fact"),
        (RULE + "command = {corez}\n", "[mine] command: {corez}"),
        (RULE + "text = again\n", "option 'text' in section 'mine' already exists"),
        ("[thresholds]\ncores = 3\n", "[thresholds] cores = 3: choose another name"),
        ("[thresholds]\nx = 3 apples\n", "[thresholds] x = 3 apples: character 1: a threshold is"),
        ("[thresholds]\nx = gpus\n", "[thresholds] x = gpus: character 1: a threshold is"),
        ("[thresholds]\nx = HIGH\n", "[thresholds] x = HIGH: character 1: a threshold is"),
        ("[thresholds]\nx = 3x\n", "[thresholds] x = 3x: character 1: x is no unit"),
        ("nonsense\n", "File contains no section headers"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_with_its_section_and_place(read, tmp_path, text, complaint):
    with pytest.raises(ConfigurationError) as error:
        read(text)
    assert str(error.value).startswith(f"{tmp_path / 'site.conf'}: ")
    assert complaint in str(error.value)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read"):
        rules.read(tmp_path / "none.conf")
    (tmp_path / "bytes.conf").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="bytes.conf"):
        rules.read(tmp_path / "bytes.conf")


def test_a_file_that_may_not_be_read_is_a_refusal(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "site.conf"
    path.write_text("")
    monkeypatch.setattr(type(path), "read_text", refuse)
    with pytest.raises(RefusedError, match="Permission denied"):
        rules.read(path)


def test_a_section_of_defaults_is_none_for_others(read):
    with pytest.raises(ConfigurationError, match="DEFAULT"):
        read("[DEFAULT]\nseverity = info\n")


def test_every_threshold_that_is_shipped_is_used():
    text = conf_file(rules.SHIPPED_NAME).read_text(encoding="utf-8")
    used = text.split("# ---- how it was submitted")[1]
    for name in rules.read().thresholds:
        assert re.search(rf"\b{name}\b", used), name


def test_the_catalogue_has_every_text_once():
    texts = rules.read().texts()
    assert len(texts) == len(set(texts))
    assert "A node of this job failed." in " ".join(texts)
    assert all("\n" not in text for text in texts)


def test_no_shipped_text_names_a_command_that_cannot_be_typed():
    for rule in rules.read().rules:
        for command in rule.commands:
            assert command.startswith(("#SBATCH --", "export "))
