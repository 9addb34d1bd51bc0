"""Replace secrets in texts that are stored: variables, command lines, scripts.

The time is linear in the length of a text, whatever is in it: every pattern begins at a fixed word,
or at the beginning of one, and what it may read beyond is bounded or ends the pattern. Most texts
hold none of the words that a secret comes with, and are not looked at more closely.
"""

import configparser
import fnmatch
import functools
import json
import re
import stat
from pathlib import Path

from usagedb import errors
from usagedb.files import conf_file

MASK = "***"
FILE_NAME = "redact.conf"
SYSTEM_FILE = Path("/etc/hpcusage/redact.conf")
TRUE = ("yes", "true", "on", "1")
SETTINGS = {"names": ("secret", "plain"), "programs": ("short_password",), "prefixes": ("tokens",)}
REMEMBERED_CHARACTERS = 2000  # longer texts are seldom there twice
BEGIN_KEY, END_KEY = "-----BEGIN ", "-----END "
KEY_NAME_CHARACTERS = 60
KEY_END = re.compile(r"[A-Z ]{0,40}-----")
NAME = r"[A-Za-z_][\w.-]{0,100}"
# A value goes to its quote, or to where a shell or a URL would end it.
VALUE = re.compile(
    r"\"[^\"\n]*\"?|'[^'\n]*'?|\\{1,3}[\"'][^\"'\\\n]*(?:\\{1,3}[\"'])?|[^\s\"'&;|<>]+"
)
REFERENCE = re.compile(r"[\"']?\$\{?\w{1,100}\}?[\"']?")  # --token=$TOKEN tells nothing
# What stands before a secret; the value follows.
BEFORE = (
    r"(?P<header>(?<!\w)authorization\\{0,3}[\"']?\s{0,3}[:=]\s{0,3}(?:(?:bearer|basic|token)\s{1,3})?)"
    r"|(?P<bearer>(?<!\w)bearer\s{1,3}(?=[\w.~+/=-]{8}))"
    r"|(?P<login>://[^\s/:\"']*:(?=[^\s/\"']+@))"  # to the last @: a password may have one
    rf"|(?<![\w.-])-{{0,2}}(?P<name>{NAME})\\{{0,3}}[\"']?\s{{0,3}}[=:](?!//)[ \t]{{0,3}}"
    rf"|(?<![\w.-])--?(?P<option>{NAME})[ \t]{{1,20}}(?=[^\s-])"
)
PLAIN_VALUES = {
    "header": re.compile(r"[^\s\"'\\,;]+"),
    "bearer": re.compile(r"[\w.~+/=-]+"),
    "login": re.compile(r"[^\s/\"']+(?=@)"),
    "token": re.compile(r"[A-Za-z0-9_.-]+"),
}
# Programs of short_password that take a blank after -p as well, and their options before it.
WITH_BLANK, WITH_VALUE = "sshpass", ("-f", "-d", "-P")
BLANK_PASSWORD = re.compile(
    rf"(?<![\w.-]){WITH_BLANK}"
    rf"(?:[ \t]{{1,9}}-(?:[fdP][ \t]{{1,9}}[^\s-]\S{{0,200}}|[fdP]\S{{1,200}}"
    rf"|[^\spfdP-]\S{{0,200}})){{0,8}}[ \t]{{1,9}}-p[ \t]{{1,9}}(?P<value>{VALUE.pattern})"
)
SHORTEST_TOKEN = 16  # characters after its prefix


class Redactor:
    """Finds what some patterns call secrets."""

    def __init__(self, names, plain=(), programs=(), prefixes=()):
        """names and plain are patterns of names, with * for any letters; see conf/redact.conf."""
        self._names, self._plain = expression_of(names), expression_of(plain)
        self.is_secret_name = functools.lru_cache(10_000)(self._is_secret_name)
        self._short_text = functools.lru_cache(20_000)(self._text)
        self._short_variable = functools.lru_cache(50_000)(self._variable)
        before = BEFORE + tokens_of(prefixes)
        self._before = re.compile(before, re.IGNORECASE)
        self._programs = frozenset(programs)
        program = "|".join(map(re.escape, sorted(programs))) or r"(?!)"
        self._command = re.compile(rf"(?<![\w.-])(?:{program})(?=[ \t])[^\n;|&]{{0,4096}}")
        self._triggers = triggers_of(names, programs, prefixes)

    def _is_secret_name(self, name):
        name = name.upper().replace("-", "_")
        return bool(self._names.fullmatch(name)) and not self._plain.fullmatch(name)

    def may_have_secrets(self, text):
        """Tell whether a text has a word that a secret comes with."""
        folded = text.lower()
        return any(trigger in folded for trigger in self._triggers)

    def variable(self, name, value):
        """Return the value of a variable as it is stored."""
        if len(value) <= REMEMBERED_CHARACTERS:
            return self._short_variable(name, value)
        return self._variable(name, value)

    def _variable(self, name, value):
        return MASK if value and self.is_secret_name(name) else self._text(value)

    def text(self, text):
        """Return a command line or script as it is stored."""
        if len(text) <= REMEMBERED_CHARACTERS:
            return self._short_text(text)
        return self._text(text)

    def _text(self, text):
        if not self.may_have_secrets(text):
            return text
        text = without_keys(text)
        if WITH_BLANK in self._programs:
            text = BLANK_PASSWORD.sub(blank_masked, text)
        return self._without_values(self._command.sub(short_masked, text))

    def _without_values(self, text):
        """Replace what follows the name of a secret."""
        parts: list[str] = []
        place = search_from = 0
        while True:
            found = self._before.search(text, search_from)
            if not found:
                return "".join([*parts, text[place:]])
            search_from = max(found.end(), found.start() + 1)
            value = self._value_after(text, found)
            if value and not value[0].startswith(MASK):  # what is replaced already
                parts += (text[place : value.start()], MASK)
                place = search_from = value.end()

    def _value_after(self, text, found):
        """Return the match of the secret that follows, None if what follows is none."""
        kind = found.lastgroup
        if kind in PLAIN_VALUES:
            value = PLAIN_VALUES[kind].match(text, found.end())
            is_word = kind == "token" and value and not re.search(r"[0-9]", value[0])
            return None if is_word else value
        if not self.is_secret_name(found[kind]):
            return None
        value = VALUE.match(text, found.end())
        return None if value and REFERENCE.fullmatch(value[0]) else value

    def arguments(self, arguments):
        """Return a list of arguments as they are stored: what follows --token is one, too."""
        program = arguments[0].rpartition("/")[2] if arguments else ""
        found, is_next = [], False
        password_place = self._password_place(arguments)
        for place, argument in enumerate(arguments):
            if place == password_place:
                found.append(MASK)
                continue
            if is_next and argument and not argument.startswith("-"):
                found.append(MASK)
                is_next = False
                continue
            is_next = argument.startswith("-") and self.is_secret_name(argument.lstrip("-"))
            has_password = program in self._programs and re.match(r"-p.", argument)
            found.append(f"-p{MASK}" if has_password else self.text(argument))
        return found

    def _password_place(self, arguments):
        """Return the place of the password after `sshpass … -p`, None if there is none."""
        programs = [argument.rpartition("/")[2] for argument in arguments]
        if WITH_BLANK not in self._programs or WITH_BLANK not in programs:
            return None
        place = programs.index(WITH_BLANK) + 1
        while place < len(arguments) and arguments[place].startswith("-"):
            if arguments[place] == "-p":
                return place + 1
            place += 2 if arguments[place] in WITH_VALUE else 1
        return None

    def json_arguments(self, text):
        """Return a JSON list of arguments as it is stored; what is none is a text."""
        if not self.may_have_secrets(text):
            return text
        try:
            arguments = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        if not (isinstance(arguments, list) and all(isinstance(one, str) for one in arguments)):
            return self.text(text)
        changed = self.arguments(arguments)
        return text if changed == arguments else json.dumps(changed)

    def value(self, value, name=""):
        """Return plain data, such as an environment, as it is stored; name is its key."""
        if isinstance(value, str):
            return self.variable(name, value)
        if isinstance(value, dict):
            return {key: self.value(one, str(key)) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(one, name) for one in value]
        return value


class Keeper:
    """Leaves everything as it is: for sites that say KEEP_SECRETS."""

    def variable(self, _name, value):
        """Return the value."""
        return value

    def text(self, text):
        """Return the text."""
        return text

    json_arguments = arguments = text

    def value(self, value, _name=""):
        """Return the value."""
        return value


def expression_of(patterns):
    """Return the compiled expression of patterns of names."""
    parts = (fnmatch.translate(pattern.upper().replace("-", "_")) for pattern in patterns)
    return re.compile("|".join(parts) or r"(?!)")


def tokens_of(prefixes):
    """Return the alternative for tokens that begin with one of some prefixes."""
    if not prefixes:
        return ""
    either = "|".join(map(re.escape, sorted(prefixes)))
    return rf"|(?P<token>(?<![A-Za-z0-9_])(?=(?:{either})[A-Za-z0-9_.-]{{{SHORTEST_TOKEN}}}))"


def triggers_of(names, programs, prefixes):
    """Return the texts of which one is in every text with a secret, in small letters."""
    words = {max(name.lower().split("*"), key=len) for name in names} | set(programs)
    words |= {"://", "bearer", "authorization", BEGIN_KEY.lower()}
    words |= {prefix.lower() for prefix in prefixes}
    words |= {word.replace("_", "-") for word in words if word.strip("_-")}
    words.discard("")
    return sorted(word for word in words if not any(one in word for one in words - {word}))


def short_masked(found):
    """Return a command in which the password after -p is replaced."""
    return re.sub(r"(?<=\s)-p(?:\"[^\"]*\"?|'[^']*'?|[^\s\"']+)", f"-p{MASK}", found[0])


def blank_masked(found):
    """Return a command in which the password after -p and a blank is replaced."""
    if found["value"].startswith(MASK) or REFERENCE.fullmatch(found["value"]):
        return found[0]
    return found[0][: -len(found["value"])] + MASK


def without_keys(text):
    """Return a text in which private keys are replaced; one that does not end goes to the end."""
    parts: list[str] = []
    place = 0
    while True:
        begin = text.find(BEGIN_KEY, place)
        if begin < 0:
            return "".join([*parts, text[place:]])
        if "PRIVATE KEY" not in text[begin : begin + KEY_NAME_CHARACTERS].partition("\n")[0]:
            parts.append(text[place : begin + len(BEGIN_KEY)])
            place = begin + len(BEGIN_KEY)
            continue
        parts += (text[place:begin], MASK)
        end = text.find(END_KEY, begin)
        if end < 0:
            return "".join(parts)
        rest = KEY_END.match(text, end + len(END_KEY))
        place = rest.end() if rest else end + len(END_KEY)


def redactor_of(config):
    """Return what a DatabaseConfig says about secrets: a Redactor, or a Keeper.

    Raises ConfigurationError or RefusedError.
    """
    if config.site.get("KEEP_SECRETS", "").strip().lower() in TRUE:
        return Keeper()
    return read_redactor(config.site.get("REDACT", "").strip() or None)


def read_redactor(path=None):
    """Return the Redactor of a file: the named one, else the site's, else ours.

    Raises ConfigurationError or RefusedError.
    """
    return _read(str(path or usual_file()))


def usual_file():
    """Return the path of the site's file, else of ours; the site's where nobody can say whether it
    is there: then it cannot be read."""
    try:
        is_there = stat.S_ISREG(SYSTEM_FILE.stat().st_mode)
    except PermissionError:
        is_there = True
    except OSError:
        is_there = False
    return SYSTEM_FILE if is_there else conf_file(FILE_NAME)


@functools.lru_cache(8)
def _read(path):
    parser = configparser.RawConfigParser()
    try:
        with Path(path).open(encoding="utf-8") as file:
            parser.read_file(file)
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise errors.ConfigurationError(f"{path} is no INI file: see conf/redact.conf") from error
    for section in parser.sections():
        unknown = set(parser[section]) - set(SETTINGS.get(section, ()))
        if unknown or section not in SETTINGS:
            name = f"[{section}] {' '.join(sorted(unknown))}".strip()
            raise errors.ConfigurationError(f"{path}: {name} is no setting: see conf/redact.conf")

    def words(section, key):
        return parser.get(section, key, fallback="").split()

    return Redactor(
        words("names", "secret"), words("names", "plain"), words("programs", "short_password"),
        words("prefixes", "tokens"),
    )  # fmt: skip
