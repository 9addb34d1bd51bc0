"""--replace forgets accounts only when it is meant."""

import pytest

COMMAND = "xalt_load_fos"
STORED = [("acct1", "Chemistry"), ("acct2", "Physics"), ("acct3", "Biology")]


@pytest.fixture
def fields(site, tmp_path):
    """A file of fields, whose rows are stored."""
    path = tmp_path / "fields.csv"
    path.write_text("".join(f"{account},{field},X\n" for account, field in STORED))
    assert site.create("xalt").run(COMMAND, path).returncode == 0
    return path


def stored(site):
    """Return the accounts and their fields."""
    return sorted(site.rows("SELECT account, field_of_science FROM xalt_field_of_science"))


@pytest.mark.parametrize("text", ["", "\n\n", "account,field_of_science,directorate\n"])
def test_a_file_that_names_no_account_replaces_nothing(site, fields, text):
    fields.write_text(text)
    done = site.run(COMMAND, "--replace", "--yes", fields)
    assert (done.returncode, stored(site)) == (65, STORED)
    assert f"Error: {fields} names no account: nothing was replaced\n" == done.stderr


def test_a_wrong_line_forgets_no_account(site, fields):
    fields.write_text("acct1,Astronomy,X\nacct2;Physics;X\nacct3,Biology,X\n")
    done = site.run(COMMAND, "--replace", "--yes", fields)
    assert (done.returncode, stored(site)) == (65, STORED) and "line 2" in done.stderr


def test_accounts_go_only_with_yes(site, fields):
    fields.write_text("acct1,Astronomy,X\n")
    done = site.run(COMMAND, "--replace", fields)
    assert (done.returncode, stored(site)) == (2, STORED)
    assert "Forget the fields of 2 accounts" in done.stderr and "say --yes" in done.stderr
    done = site.run(COMMAND, "--replace", "--dry-run", fields)
    assert done.stdout == "would store the fields of 1 accounts, forget those of 2\n"
    assert (done.returncode, stored(site)) == (0, STORED)
    assert site.run(COMMAND, "--replace", "--yes", fields).returncode == 0
    assert stored(site) == [("acct1", "Astronomy")]


def test_a_file_that_names_all_accounts_asks_nothing(site, fields):
    fields.write_text(fields.read_text() + "acct4,Geology,X\n")
    assert site.run(COMMAND, "--replace", fields).returncode == 0
    assert stored(site) == [*STORED, ("acct4", "Geology")]


def test_an_account_is_as_long_as_those_of_runs(site, fields):
    longest = "rrg-" + "ä" * 60
    fields.write_text(f"{longest},Physics,X\n")
    assert site.run(COMMAND, "--replace", "--yes", fields).returncode == 0
    assert stored(site) == [(longest, "Physics")]
    fields.write_text(f"acct1,Astronomy,X\n{longest}o,Physics,X\n")
    done = site.run(COMMAND, fields)
    assert (done.returncode, len(stored(site))) == (3, 2)
    assert f"{fields}, line 2: account is too long: 65 characters, 64 at most\n" in done.stderr
