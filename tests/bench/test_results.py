"""A missed target is named and changes the exit code; tables are aligned."""

from tests.bench import results


def test_a_table_has_the_first_column_left_and_numbers_right():
    assert results.table(("name", "s"), [("a", "1.5"), ("longer", "10.25")]).splitlines() == [
        "name        s",
        "a         1.5",
        "longer  10.25",
    ]


def test_met_targets_end_with_0(capsys):
    found = results.Results()
    found.at_least("ratio", 10, 10)
    found.at_most("memory", 200, 200)
    found.equal("rows", 5, 5)
    assert found.finish() == 0
    assert "MISSED" not in capsys.readouterr().out


def test_a_missed_target_is_named_and_ends_with_1(capsys):
    found = results.Results()
    found.at_least("ratio", 9.9, 10)
    found.at_most("memory", 150, 200)
    assert found.finish() == 1
    output = capsys.readouterr().out
    assert "ratio        9.9  at least 10   MISSED" in output
    assert "1 of 2 targets MISSED" in output


def test_a_target_that_is_not_judged_is_shown_but_not_missed(capsys):
    found = results.Results()
    found.at_least("ratio", 1, 100, judged=False)
    assert found.finish() == 0
    assert "not judged at this size" in capsys.readouterr().out
