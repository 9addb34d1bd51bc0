"""The cluster of a host: the second part of its name, or what the site's own patterns say."""

import pytest

from lmodtrack.clusters import ClusterNames, read_rules
from usagedb import errors
from usagedb.site import Site

PLAIN = Site(None, (), "")


@pytest.mark.parametrize(
    "host, cluster",
    [
        ("login1.alder.example.org", "alder"),
        ("login1.alder", "alder"),
        ("node17", "node17"),
        ("node17.", "node17"),
        ("node17..example.org", "node17"),
        (".alder", "alder"),
    ],
)
def test_two_parts_or_more_give_the_second(host, cluster):
    assert ClusterNames(PLAIN).cluster_of(host)[0] == cluster


@pytest.fixture
def rules(tmp_path):
    """A function that reads a file with this text as rules."""

    def read(text):
        path = tmp_path / "syshost.map"
        path.write_text(text)
        return read_rules(path)

    return read


def test_the_first_pattern_that_matches_the_whole_host_wins(rules):
    names = ClusterNames(
        PLAIN,
        rules(
            "# nodes without a domain\n\n  # indented\n"
            r"node\d+ alder" + "\n" + r"(\w+)-login\d \1" + "\n" + r"node.* other" + "\n"
        ),
    )
    hosts = ("node17", "node17x", "birch-login3", "xnode17", "login1.larch.org")
    assert [names.cluster_of(host)[0] for host in hosts] == [
        "alder", "other", "birch", "xnode17", "larch",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line", ["node", "node alder x", "no(de alder", r"node \1", r"(n)ode \2", r"node \g<a>"]
)
def test_a_bad_rule_is_named_with_its_file_and_line(rules, line):
    with pytest.raises(errors.ConfigurationError, match=r"syshost\.map:3: "):
        rules(f"a b\n\n{line}\n")


def test_a_file_of_rules_that_cannot_be_read_is_missing_input(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("none", "binary", "."):
        with pytest.raises(errors.MissingInputError, match="cannot read"):
            read_rules(tmp_path / name)
