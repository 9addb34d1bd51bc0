"""Write manual pages, in the man(7) language, of described commands."""

import os
import re
import time

from release.describe import walk

# Package of a command: the files that it reads or writes without being told.
CONFIGURATION = (
    ("NAME_db.conf, /etc/hpcusage/NAME_db.conf", "Where the database is; see conf_create(1). NAME"
     " is lmodV2, xalt or epmt, or what --dbname says. $HPCUSAGE_CONF names another file."),
    ("/var/lib/hpcusage/usage.db", "The embedded database of root, where nothing is configured."),
    ("~/.local/share/hpcusage/usage.db", "That of others."),
)  # fmt: skip
FILES = {
    "afmetrics_collector": (
        ("/etc/hpcusage/afmetrics.token", "The token of the endpoint, where --token-file names it;"
         " readable by the account of the command alone."),
        ("/var/lib/afmetrics", "Documents that wait for the endpoint; see --state-dir."),
    ),
    "epmt": (
        ("/etc/hpcusage/epmt.ini, ~/.config/hpcusage/epmt.ini", "The settings; $EPMT_SETTINGS names"
         " another file."),
        *CONFIGURATION,
    ),
    "userportal": (
        ("./portal.conf, /etc/hpcusage/portal.conf", "The configuration of the portal;"
         " $HPCUSAGE_PORTAL_CONF names another file."),
        ("/var/lib/hpcusage", "The portal's own files, of root; see [portal] state."),
    ),
    "hpcusage-installer": (
        ("SHA256SUMS", "Beside the archive: its checksum is compared, if it is there."),
        ("DIR/manifest.json", "What was installed, and which settings were changed since."),
    ),
    "hpcusage-uninstall": (
        ("manifest.json", "In the directory of the installation: what is removed."),
        ("/etc/hpcusage, /var/lib/hpcusage, ~/.local/share/hpcusage", "Stay."),
    ),
}  # fmt: skip
CODES = re.compile(r"^\| (\d+(?:\+N)?) \| (.+) \|$", re.MULTILINE)
EXIT_OF_RUN = ("N", "that of the command that was recorded, or 128+N when signal N ended it")


def exit_codes(readme):
    """Return [(code, meaning)] of the table in the README of the suite."""
    return [(code, text.replace("`", "")) for code, text in CODES.findall(readme)]


def pages(command, version, codes, related):
    """Yield (file name, content) of the pages of a command and those below it.

    related are the names of the pages that its own refers to.
    """
    below = [one.page for one in command.commands]
    for one in walk(command):
        see = [*below, *related] if one is command else [command.page, *below]
        yield f"{one.page}.1", page(one, version, codes, [name for name in see if name != one.page])


def alias(target):
    """Return the page of a command that has another name."""
    return f".so man1/{target}.1\n"


def page(command, version, codes, see):
    """Return the manual page of a command."""
    parts = [
        f'.\\" Made from the command itself; see release/ in the sources of hpcusage.\n'
        f'.TH {quoted(command.page)} 1 "{today()}" {quoted(f"hpcusage {version}")} "hpcusage"',
        ".SH NAME", f"{line(command.page)} \\- {line(command.summary)}",
        ".SH SYNOPSIS", f".B {line(command.name)}\n{line(command.usage)}".rstrip(),
        ".SH DESCRIPTION", *description(command),
        ".SH OPTIONS", *options(command),
        ".SH EXIT STATUS", *tagged(exit_status(command, codes)),
        ".SH EXAMPLES", *written(command.examples),
        ".SH FILES", *tagged(FILES.get(command.name.partition(" ")[0], CONFIGURATION)),
        ".SH SEE ALSO", *see_also(see),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def description(command):
    """Return the lines of the description, with the arguments and the commands below."""
    lines = []
    for at, (text, as_written) in enumerate(command.paragraphs):
        if as_written:
            lines += [".PP"] * bool(at) + written(text.splitlines())
        else:
            lines += [".PP"] * bool(at) + [line(text)]
    lines += tagged([(one.name, one.help) for one in command.arguments if one.help])
    lines += tagged([(one.word, one.summary) for one in command.commands])
    return lines or [line(command.summary)]


def options(command):
    """Return the lines of the options."""
    if not command.options:
        return ["It has none of its own: what follows is that of the command of Django."]
    lines = []
    for option in command.options:
        names = ", ".join(f"\\fB{dashes(name)}\\fR" for name in option.names)
        value = f" \\fI{inline(option.value)}\\fR" if option.value else ""
        lines += [".TP", names + value, line(option.help or "As it says.")]
    return lines


def exit_status(command, codes):
    """Return the (code, meaning) of a command; `epmt run` has those of what it runs."""
    codes = command.exit_codes or codes
    return [EXIT_OF_RUN, *codes[2:]] if command.name == "epmt run" else codes


def tagged(pairs):
    """Return the lines of a list of terms and what they mean."""
    return [text for term, meaning in pairs for text in (".TP", f"\\fB{inline(term)}\\fR",
                                                          line(meaning))]  # fmt: skip


def written(lines):
    """Return lines that stay as they are."""
    return [".RS 4", ".nf", *map(line, lines), ".fi", ".RE"]


def see_also(names):
    """Return the lines that refer to other pages."""
    ends = [","] * (len(names) - 1) + [""]
    return [f".BR {line(name)} (1){end}" for name, end in zip(names, ends)]


def today():
    """Return the day of the release: that of SOURCE_DATE_EPOCH, or today."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def line(text):
    """Return a line of text; none begins with what the language takes for a request."""
    text = inline(text)
    return "\\&" + text if text.startswith((".", "'")) else text


def inline(text):
    """Return a text whose characters stand for themselves."""
    text = text.replace("\\", "\\e").replace("`", "\\(ga").replace("'", "\\(aq")
    return dashes(text.replace("^", "\\(ha").replace("~", "\\(ti"))


def dashes(text):
    """Return a text whose dashes can be copied into a shell."""
    return text.replace("-", "\\-")


def quoted(text):
    """Return an argument of a request."""
    return f'"{dashes(text)}"'
