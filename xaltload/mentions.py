"""Where in the tables of XALT people are named."""

from usagedb.mentions import BYTES, TEXT, Mentions
from xaltload.compressed import text_of, written_as

AGAIN = "cluster_id = NULL"  # so that find_facts makes its numbers anew
OWN_RUN = 'run_id IN (SELECT run_id FROM xalt_run WHERE "user" = ?)'
# What names the person in the rows of others, and of nobody.
RUN_TEXTS = Mentions(
    "xalt_run", "run_id", (("exec_path", TEXT), ("cwd", TEXT), ("container", TEXT)),
    packed=(("cmdline", text_of, written_as),), also=AGAIN, unless='"user" = ?',
)  # fmt: skip
LINK_TEXTS = Mentions(
    "xalt_link", "link_id", (("exec_path", TEXT), ("link_path", TEXT), ("cwd", TEXT)),
    packed=(("link_line", text_of, written_as),), unless='"build_user" = ?',
)  # fmt: skip
PROGRAM_PATHS = Mentions("xalt_program", "program_id", (("exec_path", TEXT),))
OBJECT_PATHS = Mentions("xalt_object", "obj_id", (("object_path", TEXT),))
OTHER_TEXTS = (
    Mentions("join_run_env", "join_id", (("env_value", BYTES),), unless=OWN_RUN),
    Mentions(
        "xalt_total_env", "envT_id", (), packed=(("env_blob", text_of, written_as),), unless=OWN_RUN
    ),
    Mentions("xalt_pkg", "pkg_id", (("pkg_path", TEXT),), unless=OWN_RUN),
)
LOOSE_TEXTS = (
    Mentions("xalt_pkg_waiting", "pkg_key", (("pkg_path", TEXT),), first_key=b""),
    Mentions("xalt_rejected", "reject_key", (("source", TEXT),), first_key=b""),
)
# Pseudonyms and accounts that sites keep: (table, its id, the column with the name).
SITE_NAMES = (
    ("xalt_user", "usr_id", "user"), ("xalt_account", "acct_id", "account"),
    ("xalt_field_of_science", "fos_id", "account"),
)  # fmt: skip
