"""Describe the installer, and what it leaves to remove an installation: they are in no package."""

from release import of_argparse
from release.describe import Command
from release.installer import command_line

NAMES = ("hpcusage-installer", "hpcusage-uninstall")
REMOVING = ("--help", "--yes", "--dry-run")
CODES_OF_REMOVING = ("0", "2", "75", "77", "78", "128+N")


def describe_all():
    """Return the Commands."""
    return [installer(), uninstaller()]


def installer():
    """Return the Command of the installer."""
    parser = command_line.make_parser()
    parser.epilog = ""  # has what follows
    found = of_argparse.describe(parser.prog, parser, parser.description)
    found.arguments[0].kind = "file"
    found.paragraphs.append((command_line.AS_BEFORE.replace("it", "the exit status", 1), False))
    found.examples = list(command_line.EXAMPLES)
    found.exit_codes = list(command_line.EXIT_CODES)
    return found


def uninstaller():
    """Return the Command that the installer writes into an installation: it calls the installer."""
    whole = installer()
    text = (
        "Remove this installation of hpcusage: what was installed, and nothing else. Settings that"
        " were changed, and all data, stay, and it says where."
    )
    return Command(
        name=NAMES[1],
        summary="remove an installation of hpcusage",
        usage="[-h] [--yes] [--dry-run]",
        paragraphs=[(text, False)],
        examples=["/opt/hpcusage/bin/hpcusage-uninstall --dry-run",
                  "/opt/hpcusage/bin/hpcusage-uninstall --yes"],
        options=[one for one in whole.options if one.names[-1] in REMOVING],
        exit_codes=[one for one in whole.exit_codes if one[0] in CODES_OF_REMOVING],
    )  # fmt: skip
