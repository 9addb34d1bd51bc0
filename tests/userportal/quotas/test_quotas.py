"""The pages of storage: the own places and those of own groups, and nobody else's."""

import html
import re

import pytest

from tests.userportal.pages.tiny_portal import NO_METRICS, NOW, values_of, write_conf_of_nowhere
from tests.userportal.quotas.site import PLACES, storage_portal

ROOT = "/secure/quotas/"


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal with all kinds of places."""
    with storage_portal(tmp_path_factory.mktemp("quotas")) as found:
        yield found


def plain(page):
    """Return the text of a page without its tags, blanks folded."""
    text = html.unescape(re.sub(r"<[^>]*>", " ", page)).replace("\N{NARROW NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", text)


def rows(page):
    """Return the texts of the rows of the page's tables."""
    return [plain(row).strip() for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)]


def graphs(page):
    """Return the addresses of the graphs of a page."""
    return [html.unescape(one) for one in re.findall(r'data-graph="([^"]+)"', page)]


def test_each_place_is_shown_with_what_is_used_and_allowed(portal):
    shown = rows(portal.text(ROOT + "ann/", "ann"))
    assert "ann home Size 60 % 30 GiB / 50 GiB Files 10 % 100 / 1,000" in shown
    assert "ann scratch less than 50 files and 4 MiB" in shown
    assert "def-ann project Size 50 % 40 GiB / 80 GiB Files 40 % 400 / 1,000" in shown
    assert "def-ann nearline less than 50 files and 4 MiB" not in shown
    assert "def-ann nearline not measured" in shown


def test_more_than_is_allowed_is_told(portal):
    (home,) = (one for one in rows(portal.text(ROOT + "cy/", "cy")) if one.startswith("cy home"))
    assert home == "cy home Size 120 % 60 GiB / 50 GiB Files 90 % 900 / 1,000 over the quota"


def test_files_of_the_personal_group_are_told_with_what_to_do(portal):
    page = portal.text(ROOT + "bob/", "bob")
    assert "bob project Size – 1 GiB / – Files – 10 / – personal group" in rows(page)
    assert "Files in project belong to the personal group bob" in plain(page)
    assert "personal group" not in portal.text(ROOT + "ann/", "ann")  # of 0 files


def test_a_group_with_the_number_of_a_user_is_not_the_users_where_groups_are_shared(portal):
    passwd = portal.directory / "passwd"
    before = passwd.read_text()
    passwd.write_text(before.replace(":1002:1002:", ":1002:100:"))  # of the group users, say
    try:
        assert "personal group" not in portal.text(ROOT + "bob/", "bob")
        address = ROOT + "bob/project/bob/bytes.json"
        assert portal.get(address, "bob").status_code == 404
    finally:
        passwd.write_text(before)


def test_members_see_who_of_their_group_has_what_on_tape(portal):
    shown = rows(portal.text(ROOT + "ann/", "ann"))
    assert "ann 5 10 KiB 6 3 MiB" in shown
    assert "bob 0 0 B 7 50 B" in shown


def test_links_to_others_are_for_helpers(portal):
    assert "/secure/quotas/project/" not in portal.text(ROOT + "ann/", "ann")
    assert 'href="/secure/quotas/project/def-ann/"' in portal.text(ROOT + "ann/", "hal")


@pytest.mark.parametrize("username", ["ann", "bob", "cy"])
def test_the_root_leads_to_the_own_page(portal, username):
    assert portal.get(ROOT, username)["Location"] == f"{ROOT}{username}/"


def test_a_history_has_the_quota_as_a_line_and_as_the_top(portal):
    figure = portal.figure(ROOT + "ann/home/ann/bytes.json", "ann")
    assert values_of(figure) == {"Quota": [50], "Used": [30]}
    assert figure["layout"]["yaxis"]["range"] == [0, 50]
    assert figure["layout"]["yaxis"]["ticksuffix"] == "GiB"
    files = portal.figure(ROOT + "ann/home/ann/files.json", "ann")
    assert values_of(files) == {"Quota": [1000], "Used": [100]}
    assert files["layout"]["yaxis"]["ticksuffix"] == ""


def test_a_history_above_the_quota_reaches_up_to_what_was_used(portal):
    figure = portal.figure(ROOT + "cy/home/cy/bytes.json", "cy")
    assert figure["layout"]["yaxis"]["range"] == [0, 60]


def test_a_history_of_lustre_has_the_quota_of_the_allocation(portal):
    figure = portal.figure(ROOT + "bob/scratch/bob/bytes.json", "bob")
    assert values_of(figure) == {"Quota": [20], "Used": [5]}


def test_a_quota_alone_is_no_history(portal):
    assert portal.figure(ROOT + "ann/scratch/ann/bytes.json", "ann")["data"] == []


def test_the_usual_window_is_90_days(portal):
    answer = portal.get(ROOT + "ann/home/ann/bytes.json", "ann").json()
    quota = next(trace for trace in answer["data"] if trace["name"] == "Quota")
    from datetime import datetime

    first, last = (datetime.fromisoformat(quota["x"][place]) for place in (0, -1))
    assert (last - first).days == 90


@pytest.mark.parametrize(
    "path",
    [
        "ann/home/bob/bytes.json", "ann/project/def-cy/bytes.json", "ann/project/5003/bytes.json",
        "ann/project/bob/bytes.json", "ann/nothing/ann/bytes.json", "ann/home/ann/blocks.json",
        "ann/home/1003/bytes.json", 'ann/home",user="1003/ann/bytes.json', "nobody/",
        "ann/home%0a/ann/bytes.json", "project/def-ann/graph/home/bytes.json",
        "project/def-ann/graph/project/blocks.json",
    ],
)  # fmt: skip
def test_what_is_no_place_of_the_user_is_not_found_even_by_staff(portal, path):
    assert portal.get(ROOT + path, "sue").status_code == 404


@pytest.mark.parametrize("path", ["", "home/cy/bytes.json", "project/def-cy/files.json"])
def test_a_stranger_sees_nothing_of_a_user(portal, path):
    assert portal.get(f"{ROOT}cy/{path}", "ann").status_code == 403
    assert portal.get(f"{ROOT}cy/{path}").status_code == 302
    for helper in ("hal", "sue"):
        assert portal.get(f"{ROOT}cy/{path}", helper).status_code == 200


@pytest.mark.parametrize("path", ["", "graph/project/bytes.json", "graph/nearline/files.json"])
def test_the_page_of_a_group_is_for_helpers_even_if_one_belongs_to_it(portal, path):
    page = f"{ROOT}project/def-ann/{path}"
    assert portal.get(page, "ann").status_code == 403
    assert portal.get(page).status_code == 302
    assert {portal.get(page, one).status_code for one in ("hal", "sue")} == {200}


def test_the_page_of_a_group_has_a_pie_of_each_place_and_unit(portal):
    page = portal.text(ROOT + "project/def-ann/", "hal")
    assert graphs(page) == [
        f"{ROOT}project/def-ann/graph/{kind}/{unit}.json"
        for kind in ("project", "nearline") for unit in ("bytes", "files")
    ]  # fmt: skip


def pie(portal, group, rest):
    """Return {name: amount} of a pie."""
    figure = portal.figure(f"{ROOT}project/{group}/graph/{rest}.json", "hal")
    (trace,) = figure["data"]
    return dict(zip(trace["labels"], trace["values"]))


def test_a_pie_has_the_members_alone(portal):
    assert pie(portal, "def-ann", "project/bytes") == {"bob": 25, "ann": 10}
    assert pie(portal, "def-ann", "project/files") == {"bob": 25, "ann": 10}
    assert pie(portal, "def-cy", "project/bytes") == {"cy": 3}


def test_a_pie_of_tape_is_by_robinhood(portal):
    assert pie(portal, "def-ann", "nearline/files") == {"bob": 7, "ann": 6}
    assert pie(portal, "def-ann", "nearline/bytes") == {"ann": 0.003, "bob": 0}


def test_members_of_several_groups_are_named_where_the_parts_are_not_exact(portal):
    text = plain(portal.text(ROOT + "project/def-ann/", "hal"))
    assert "The parts are not exact" in text and "several groups there: bob." in text
    assert "not exact" not in plain(portal.text(ROOT + "project/def-cy/", "hal"))


def test_an_unknown_group_has_empty_pies(portal):
    page = f"{ROOT}project/nobody/graph/project/bytes.json"
    found = portal.figure(page, "hal")
    why = found["layout"]["meta"]["why"]
    assert (found["data"], why) == ([], "Nothing of its members is measured there.")
    page = f"{ROOT}project/nobody/graph/nearline/bytes.json"
    assert portal.figure(page, "hal")["layout"]["meta"]["why"] == "Nothing is stored there."


def test_members_on_lustre_are_measured_in_kilobytes(tmp_path):
    sections = "[storage project]\nfile_system = /scratch/\nlabel = project\n"
    with storage_portal(tmp_path, sections, None) as portal:
        assert pie(portal, "def-ann", "project/bytes") == {"bob": 5}
        assert pie(portal, "def-ann", "project/files") == {"bob": 77}


HOSTILE = [("<b>x</b>&'\"", "def-ann", "file", "released", 5, 0, 6),
           ("a/b\x1b[31m", "def-ann", "file", "", 5, 9, 6)]  # fmt: skip
PROJECT_BY_ROBINHOOD = """
[storage project]
file_system = /project/
label = project
robinhood = robinhood_db.conf
"""


def test_hostile_names_of_robinhood_are_shown_as_text(tmp_path):
    sections = (
        PROJECT_BY_ROBINHOOD
        + "[storage nearline]\nlabel = project\n"
        + ("robinhood = robinhood_db.conf\n")
    )
    with storage_portal(tmp_path, sections, HOSTILE) as portal:
        for path, reader in (("ann/", "ann"), ("ann/", "hal"), ("project/def-ann/", "hal")):
            page = portal.text(ROOT + path, reader)
            assert "<b>x" not in page and "&lt;b&gt;x&lt;/b&gt;&amp;" in page
        figure = portal.figure(ROOT + "project/def-ann/graph/nearline/files.json", "hal")
        assert figure["data"][0]["labels"] == ["&lt;b&gt;x&lt;/b&gt;&amp;'\""]


def test_robinhood_tells_the_total_of_a_group_of_lustre(tmp_path):
    with storage_portal(tmp_path, PROJECT_BY_ROBINHOOD) as portal:
        page = portal.text(ROOT + "ann/", "ann")
        assert [one for one in rows(page) if one.startswith(("ann 3", "bob 8", "All"))] == [
            "ann 3 100 KiB", "bob 8 19 KiB", "All 63 1.04 MiB",
        ]  # fmt: skip
        # Without a metric the place is as full as the table says: 2,138 blocks of 512 bytes.
        (place,) = (one for one in rows(page) if one.startswith("def-ann project"))
        assert place == "def-ann project Size 0.0 % 1.04 MiB / 100 GiB Files 6.3 % 63 / 1,000"
        assert "not exact" not in portal.text(ROOT + "project/def-ann/", "hal")
        assert pie(portal, "def-ann", "project/files") == {"bob": 8, "ann": 3}


def test_a_robinhood_that_is_away_is_told_and_the_rest_is_shown(tmp_path):
    with storage_portal(tmp_path, rows=None) as portal:
        write_conf_of_nowhere(portal.directory / "robinhood_db.conf")
        page = plain(portal.text(ROOT + "ann/", "ann"))
        assert "Who has stored it is not known now." in page and "30 GiB / 50 GiB" in page
        page = plain(portal.text(ROOT + "project/def-ann/", "hal"))
        assert "Who has stored it is not known now." in page
        answer = portal.get(ROOT + "project/def-ann/graph/nearline/bytes.json", "hal")
        assert answer.status_code == 503 and "error" in answer.json()


def test_without_metrics_what_is_used_is_not_known(tmp_path):
    with storage_portal(tmp_path, PLACES, None, metrics=NO_METRICS) as portal:
        page = portal.text(ROOT + "bob/", "bob")
        assert "No metrics are set up here: what is used is not known." in plain(page)
        assert graphs(page) == [] and "personal group" not in page
        assert portal.figure(ROOT + "bob/home/bob/bytes.json", "bob")["data"] == []
        told = plain(portal.text(ROOT + "project/def-ann/", "hal"))
        assert "Who of a group has stored what is not measured here" in told


def test_metrics_that_do_not_answer_are_told(tmp_path):
    with storage_portal(tmp_path, PLACES, None) as portal:
        (portal.directory / "metrics.db").unlink()
        page = plain(portal.text(ROOT + "ann/", "ann"))
        assert "The metrics do not answer now" in page and "ann home not measured" in page


def test_without_places_that_is_told(tmp_path):
    with storage_portal(tmp_path, "", None) as portal:
        assert "No place with quotas is set up here." in portal.text(ROOT + "ann/", "ann")


def test_places_may_be_called_as_the_site_likes(tmp_path):
    sections = "[storage home]\nkind = gpfs\nfile_system = home\nlabel = user\n"
    sections += "[storage my <space>]\nkind = gpfs\nfile_system = project\nlabel = group\n"
    accounts = "[def-ann]\nmembers = ann\ngid = 5001\nmy <space>_gib = 7\n"
    with storage_portal(tmp_path, sections, None) as portal:
        (portal.directory / "accounts.conf").write_text(accounts)
        page = portal.text(ROOT + "ann/", "ann")
        assert "my &lt;space&gt;" in page and "<space>" not in page
        addresses = [one for one in graphs(page) if "space" in one]
        assert addresses == [
            f"{ROOT}ann/my%20%3Cspace%3E/def-ann/{unit}.json" for unit in ("bytes", "files")
        ]
        assert portal.lines(addresses[0], "ann") == {"Used": [40], "Quota": [80]}


def test_what_is_drawn_lies_in_the_window_that_is_asked_for(portal):
    figure = portal.figure(ROOT + "ann/home/ann/bytes.json", "ann", NOW - 600, NOW)
    used = next(trace for trace in figure["data"] if trace["name"] == "Used")
    assert len(used["x"]) == 11
