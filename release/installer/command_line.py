"""The command line of the installer: of what its help and its manual page are made, too."""

import argparse

DESCRIPTION = "Install hpcusage from one archive, without network; upgrade or remove it."
EXAMPLES = (
    "hpcusage-installer hpcusage-1.0.tgz",
    "hpcusage-installer hpcusage-1.0.tgz --prefix /opt/hpcusage --yes",
    "hpcusage-installer hpcusage-1.1.tgz --upgrade /opt/hpcusage --yes",
    "hpcusage-installer --uninstall /opt/hpcusage --dry-run",
)
EXIT_CODES = (
    ("0", "done"),
    ("1", "a step failed"),
    ("2", "the command line is wrong, or nobody can be asked"),
    ("65", "the archive is damaged"),
    ("66", "the archive is not there"),
    ("74", "the disk is full"),
    ("75", "another installer is at work"),
    ("77", "permission is refused"),
    ("78", "this machine lacks what is needed"),
    ("128+N", "ended by signal N"),
)
AS_BEFORE = "If it is not 0 all is as it was before."


def make_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="hpcusage-installer", description=DESCRIPTION, epilog=epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("archive", nargs="?", help="hpcusage-VERSION.tgz")
    parser.add_argument("--prefix", metavar="DIR", help="install there, into a new directory")
    parser.add_argument("--upgrade", metavar="DIR", help="install over the older release there")
    parser.add_argument("--uninstall", metavar="DIR", help="remove what was installed there")
    parser.add_argument("--python", metavar="PYTHON", help="the interpreter [the newest on PATH]")
    parser.add_argument(
        "--extras", metavar="LIST",
        help="for instance postgresql,portal, or none [all that the archive has]",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    return parser


def epilog():
    """Return what the help ends with."""
    lines = ["examples:", *("  " + one for one in EXAMPLES), "", "exit status:"]
    lines += ["  {:<6} {}".format(*one) for one in EXIT_CODES]
    return "\n".join([*lines, "  " + AS_BEFORE])
