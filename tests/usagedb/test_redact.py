"""Secrets in what is stored become ***, and everything else stays as it is."""

import time

import hypothesis
import pytest
from hypothesis import strategies

from usagedb import errors, redact
from usagedb.config import DatabaseConfig

REDACTOR = redact.read_redactor(redact.conf_file(redact.FILE_NAME))
SECRETS = [
    ("export GITHUB_TOKEN=abc", "export GITHUB_TOKEN=***"),
    ("DB_PASSWORD='a b' ./run", "DB_PASSWORD=*** ./run"),
    ('DB_PASSWORD="a b" ./run', "DB_PASSWORD=*** ./run"),
    ("DB_PASSWORD='a b", "DB_PASSWORD=***"),
    ("prog --password=x y", "prog --password=*** y"),
    ("prog --password x y", "prog --password *** y"),
    ("prog --api-key=x -v", "prog --api-key=*** -v"),
    ("curl -H 'Authorization: Bearer abc123' u", "curl -H 'Authorization: Bearer ***' u"),
    ("curl -H 'Authorization: Basic abc123' u", "curl -H 'Authorization: Basic ***' u"),
    ("Bearer abcdefgh.123", "Bearer ***"),
    ("FOO=https://ann:geheim@example.org/x", "FOO=https://ann:***@example.org/x"),
    ("git clone https://x:ghp_0123456789abcdefghij@h/y", "git clone https://x:***@h/y"),
    ("echo ghp_0123456789abcdefghij", "echo ***"),
    ("mysql -u root -pgeheim db", "mysql -u root -p*** db"),
    ("sshpass -p'ge heim' ssh h", "sshpass -p*** ssh h"),
    ("sshpass -p geheim ssh -p 22 h", "sshpass -p *** ssh -p 22 h"),
    ("/bin/sshpass -v -P word -p 'ge heim' ssh h", "/bin/sshpass -v -P word -p *** ssh h"),
    (f"pip https://u:{'x' * 5000}@h/y", "pip https://u:***@h/y"),
    (f"git clone https://{'u' * 200}:geheim@h/y", f"git clone https://{'u' * 200}:***@h/y"),
    ("git clone https://ann:p@ge:h@im@h/y", "git clone https://ann:***@h/y"),
    ("git clone https://ann@example.org:geheim@h/y", "git clone https://ann@example.org:***@h/y"),
    ('{"token": "abc", "x": 1}', '{"token": ***, "x": 1}'),
    ('{\\"token\\": \\"abc\\"}', '{\\"token\\": ***}'),
    ("u?token=abc&x=1", "u?token=***&x=1"),
    ("AWS_SECRET_ACCESS_KEY=abc", "AWS_SECRET_ACCESS_KEY=***"),
    (
        "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb",
        "a\n***\nb",
    ),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3B", "***"),
]
PLAIN = [
    "TOKENIZERS_PARALLELISM=false", "PWD=/home/ann", "mkdir -pv a", "prog -p8080", "a:b@c",
    "https://example.org:8080/x", "--token=$TOKEN", 'PASSWORD="${DB_PASSWORD}"', "password:",
    "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----", "PASSWORD_FILE=/root/x", "",
    "sshpass -p $PW ssh h", "sshpass -e ssh -p 22 h", "sshpass -f file ssh -p 22 h", "mysql -p db",
    "ssh://git@example.org:22/x", "http://h:80/a@b", "sk-learn-extension-of-somebody",
    "mysql -h h -P 3306", "the token is here", "a=b=c",
]  # fmt: skip
HOSTILE = [
    "token=", "token ", "--token", "://a:", "mysql -", "-----BEGIN ", "ghp_", "--a ", "-pa ",
    "authorization:", "bearer ", "a", " ", "\\", '"', "token='", "://", "a:",
    "-----BEGIN PRIVATE KEY-----", "\n", "token\\\\\\", "://a@b:c@d:", "sshpass -p ", "-f a -v",
    "sshpass -f -f",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SECRETS)
def test_a_secret_is_replaced_and_its_place_stays_visible(text, expected):
    assert REDACTOR.text(text) == expected
    assert REDACTOR.text(expected) == expected


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text):
    assert REDACTOR.text(text) == text


def test_variables_are_known_by_their_names():
    assert REDACTOR.variable("WANDB_API_KEY", "abc") == "***"
    assert REDACTOR.variable("wandb-api-key", "abc") == "***"
    assert REDACTOR.variable("MY_PASS", "") == ""
    assert REDACTOR.variable("PATH", "/usr/bin") == "/usr/bin"
    assert REDACTOR.variable("HTTP_PROXY", "http://a:b@h:1") == "http://a:***@h:1"
    data = {"A": {"MY_TOKEN": "x", "n": 1}, "list": ["--password=x"]}
    assert REDACTOR.value(data) == {"A": {"MY_TOKEN": "***", "n": 1}, "list": ["--password=***"]}


def test_arguments_are_looked_at_one_by_one():
    assert (
        REDACTOR.json_arguments('["p", "--token", "a b", "-x"]') == '["p", "--token", "***", "-x"]'
    )
    assert REDACTOR.json_arguments('["mysql", "-pab", "-p"]') == '["mysql", "-p***", "-p"]'
    words = ["/usr/bin/env", "/bin/sshpass", "-v", "-P", "word", "-p", "-geheim", "ssh", "-p", "22"]
    assert REDACTOR.arguments(words) == [*words[:6], "***", *words[7:]]
    assert REDACTOR.json_arguments('["sshpass","-p","S3"]') == '["sshpass", "-p", "***"]'
    for plain in (
        '["sshpass", "-e", "ssh", "-p", "22"]',
        '["sshpass", "-p"]',
        '["mysql", "-p", "d"]',
    ):
        assert REDACTOR.json_arguments(plain) == plain
    assert REDACTOR.json_arguments('["p", "--token", "-x"]') == '["p", "--token", "-x"]'
    assert REDACTOR.json_arguments('["p",  "a"]') == '["p",  "a"]'
    assert REDACTOR.json_arguments('["p", "token=ab') == '["p", "token=***'


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_grows_with_the_length_alone(piece):
    def seconds(size):
        text = "token " + piece * (size // len(piece))
        began = time.process_time()
        REDACTOR.text(text)
        return time.process_time() - began

    seconds(20_000)
    short, long = seconds(100_000), seconds(1_000_000)
    assert long < 40 * max(short, 0.02)  # ten times as long; quadratic: a hundred times


def test_ten_megabytes_of_everything_are_no_more_work_than_ten_of_one():
    one, ten = ("token " + "".join(HOSTILE) * (size // 150) for size in (1_000_000, 10_000_000))
    began = time.process_time()
    REDACTOR.text(one)
    middle = time.process_time()
    REDACTOR.text(ten)
    assert time.process_time() - middle < 40 * max(middle - began, 0.1)


@hypothesis.given(strategies.lists(strategies.sampled_from([*HOSTILE, "x", "@", "=", "$"])))
def test_redacting_again_changes_nothing(pieces):
    once = REDACTOR.text("".join(pieces))
    assert REDACTOR.text(once) == once


@hypothesis.given(strategies.text(alphabet=strategies.characters(codec="utf-8")))
def test_the_value_of_a_secret_is_never_left(text):
    secret = "Zx9" + "".join(letter for letter in text if letter.isalnum())
    for form in ("{}_TOKEN={}", "--password={1}", "--password {1}", "'{}_SECRET': '{}'"):
        assert secret not in REDACTOR.text(form.format("A", secret))


def config(**site):
    return DatabaseConfig("sqlite", "x", "test", site=site)


def test_a_site_can_keep_secrets_or_have_its_own_patterns(tmp_path):
    assert redact.redactor_of(config(KEEP_SECRETS="yes")).text("token=a") == "token=a"
    own = tmp_path / "own.conf"
    own.write_text("[names]\nsecret = CODE*\n")
    redactor = redact.redactor_of(config(REDACT=str(own)))
    assert redactor.text("CODEWORD=a token=b") == "CODEWORD=*** token=b"


@pytest.mark.parametrize("text", ["[names]\nsecrets = A\n", "[x]\na = b\n", "a", "\udcff"])
def test_a_wrong_file_is_an_error_and_no_secret_is_stored(tmp_path, text):
    own = tmp_path / "own.conf"
    own.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(errors.ConfigurationError):
        redact.redactor_of(config(REDACT=str(own)))
    with pytest.raises(errors.ConfigurationError):
        redact.redactor_of(config(REDACT=str(tmp_path / "none")))


class Unsearchable(type(redact.SYSTEM_FILE)):
    """A file in a directory that this account may not search."""

    def stat(self, **options):
        raise PermissionError(13, "Permission denied")


def test_a_file_of_the_site_that_nobody_can_look_at_is_not_passed_over(tmp_path, monkeypatch):
    hidden = Unsearchable(tmp_path / "redact.conf")
    monkeypatch.setattr(redact, "SYSTEM_FILE", hidden)
    with pytest.raises(errors.UsageDBError, match=f"cannot read {hidden}"):
        redact.read_redactor()
    assert redact.read_redactor(redact.conf_file(redact.FILE_NAME)) is REDACTOR
