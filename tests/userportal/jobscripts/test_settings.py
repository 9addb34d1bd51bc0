"""The INI file that sites have, and what is wrong in it."""

from pathlib import Path

import pytest

from tests.services import CONF
from usagedb import errors
from userportal.jobscripts.settings import read_settings

OLD = """
[api]
token = 0123456789abcdef0123456789abcdef01234567
host = http://localhost:8000
script_length = 100000
[slurm]
spool = /var/spool/slurmctld
"""


@pytest.fixture
def written(tmp_path):
    """Write a file, and read it."""

    def write(text):
        path = tmp_path / "slurm_jobscripts.ini"
        path.write_text(text)
        path.chmod(0o600)
        return read_settings(path)

    return write


def test_the_documented_file_works_as_it_is(written):
    settings = written(OLD)
    assert settings.host == "http://localhost:8000"
    assert settings.read_token() == "0123456789abcdef0123456789abcdef01234567"
    assert (settings.script_length, settings.spool) == (100_000, Path("/var/spool/slurmctld"))
    assert (settings.interval_seconds, settings.once) == (5.0, False)
    assert not settings.is_open_to_listeners


def test_what_is_not_given_is_usual(written):
    settings = written("[api]\nhost = https://a.example.org/\ntoken = abcdefgh\n")
    assert settings.host == "https://a.example.org"
    assert (settings.script_length, settings.kept_megabytes) == (100_000, 500)


def test_a_token_may_have_a_percent_sign(written):
    assert written("[api]\nhost=http://[::1]:8000\ntoken=ab%cd%%efgh").token == "ab%cd%%efgh"


def test_the_sample_is_complete():
    settings = read_settings(CONF / "slurm-jobscripts.ini")
    assert settings.token_file == Path("/etc/slurm/slurm_jobscripts.token")
    defaults = {"interval_seconds": 5.0, "kept_megabytes": 500, "once": False,
                "script_length": 100_000, "state": Path("/var/lib/hpcusage-jobscripts"),
                "slurmd_spool": Path("/var/spool/slurmd")}  # fmt: skip
    assert {name: getattr(settings, name) for name in defaults} == defaults


def test_what_is_not_known_is_told_and_passed_over(written, caplog):
    written(OLD + "hosts = x\n[log]\nlevel = 3\n")
    assert [one.getMessage().partition(": ")[2] for one in caplog.records] == [
        "[slurm] hosts means nothing here"
    ]


def test_a_file_that_others_read_is_told(tmp_path, caplog):
    path = tmp_path / "open.ini"
    path.write_text(OLD)
    path.chmod(0o644)
    read_settings(path)
    assert f"chmod 0600 {path}" in caplog.text


def test_a_token_without_tls_is_noticed(written):
    assert written(OLD.replace("localhost", "portal.example.org")).is_open_to_listeners


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "[api] host is missing"),
        ("[api]\nhost = https://x\n", "[api] token or token_file is missing"),
        ("[api]\ntoken = abcdefgh\n", "[api] host is missing"),
        ("nonsense", "is no INI file"),
        ("[api]\nhost = https://x\nhost = https://y\ntoken = abcdefgh", "is no INI file"),
        (OLD + "[collector]\ninterval_seconds = soon", "cannot be 'soon'"),
        (OLD + "[collector]\ninterval_seconds = nan", "interval_seconds is"),
        (OLD + "[collector]\ninterval_seconds = -1", "interval_seconds is"),
        (OLD + "[collector]\nkept_megabytes = 1.5", "cannot be '1.5'"),
        (OLD + "[collector]\nonce = maybe", "cannot be 'maybe'"),
        (OLD.replace("100000", "0"), "script_length is 1 to"),
    ],
    ids=lambda text: text[-30:],
)
def test_what_is_wrong_is_told(written, text, told):
    with pytest.raises(errors.ConfigurationError) as caught:
        written(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "host",
    ["localhost:8000", "ftp://x", "https://", "https://user:password@x", "https://x?y=1",
     "https://x:99999", "https://x#y", "https://a b", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_told(written, host):
    with pytest.raises(errors.ConfigurationError, match=r"\[api\] host"):
        written(OLD.replace("http://localhost:8000", host))


@pytest.mark.parametrize("content", ["", "\n", "short", "two words here", "ä" * 40, "x" * 600])
def test_what_is_no_token_is_told(written, tmp_path, content):
    (tmp_path / "token").write_text(content)
    settings = written("[api]\nhost = https://x\ntoken_file = token\n")
    assert settings.token_file == tmp_path / "token"
    with pytest.raises(errors.ConfigurationError, match="is no token"):
        settings.read_token()


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(errors.MissingInputError):
        read_settings(tmp_path / "no")


def test_authorities_that_are_none_are_told(written, tmp_path):
    from userportal.jobscripts.portal import Portal

    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "no.pem"):
        with pytest.raises(errors.ConfigurationError, match="ca_file"):
            Portal(written(f"[api]\nhost = https://x\ntoken = abcdefgh\nca_file = {name}\n"))
