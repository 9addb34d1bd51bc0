"""The tables of slurmdbd that are read, as Slurm 22.05 makes them: for the demo and for tests.

A real slurmdbd makes its own; nothing here ever touches those.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from userportal.slurm.names import checked_cluster
from userportal.slurm.stored import NO_VALUE

# Name and type of each column, in MariaDB's words, and the keys: (name, columns).
JOB_COLUMNS = f"""
job_db_inx bigint unsigned not null auto_increment
mod_time bigint unsigned default 0 not null
deleted tinyint default 0 not null
account tinytext
admin_comment text
array_task_str text
array_max_tasks int unsigned default 0 not null
array_task_pending int unsigned default 0 not null
constraints text default ''
container text
cpus_req int unsigned not null
derived_ec int unsigned default 0 not null
derived_es text
env_hash_inx bigint unsigned default 0 not null
exit_code int unsigned default 0 not null
flags int unsigned default 0 not null
job_name tinytext not null
id_assoc int unsigned not null
id_array_job int unsigned default 0 not null
id_array_task int unsigned default {NO_VALUE} not null
id_block tinytext
id_job int unsigned not null
id_qos int unsigned default 0 not null
id_resv int unsigned not null
id_wckey int unsigned not null
id_user int unsigned not null
id_group int unsigned not null
het_job_id int unsigned not null
het_job_offset int unsigned not null
kill_requid int unsigned
state_reason_prev int unsigned not null
mcs_label tinytext default ''
mem_req bigint unsigned default 0 not null
nodelist text
nodes_alloc int unsigned not null
node_inx text
partition tinytext not null
priority int unsigned not null
script_hash_inx bigint unsigned default 0 not null
state int unsigned not null
timelimit int unsigned default 0 not null
time_submit bigint unsigned default 0 not null
time_eligible bigint unsigned default 0 not null
time_start bigint unsigned default 0 not null
time_end bigint unsigned default 0 not null
time_suspended bigint unsigned default 0 not null
gres_used text not null default ''
wckey tinytext not null default ''
work_dir text not null default ''
submit_line text
system_comment text
tres_alloc text not null default ''
tres_req text not null default ''
primary key (job_db_inx)
unique id_job (id_job, time_submit)
key old_tuple (id_job, id_assoc, time_submit)
key rollup (time_eligible, time_end)
key rollup2 (time_end, time_eligible)
key nodes_alloc (nodes_alloc)
key wckey (id_wckey)
key qos (id_qos)
key association (id_assoc)
key array_job (id_array_job)
key het_job (het_job_id)
key reserv (id_resv)
key sacct_def (id_user, time_start, time_end)
key sacct_def2 (id_user, time_end, time_eligible)
key env_hash_inx (env_hash_inx)
key script_hash_inx (script_hash_inx)
key archive_purge (time_submit, time_end)
"""
SCRIPT_COLUMNS = """
hash_inx bigint unsigned not null auto_increment
last_used timestamp default current_timestamp not null
script_hash text not null
batch_script longtext
primary key (hash_inx)
unique script_hash_inx (script_hash(66))
"""
ENVIRONMENT_COLUMNS = """
hash_inx bigint unsigned not null auto_increment
last_used timestamp default current_timestamp not null
env_hash text not null
env_vars longtext
primary key (hash_inx)
unique env_hash_inx (env_hash(66))
"""
STEP_COLUMNS = f"""
job_db_inx bigint unsigned not null
deleted tinyint default 0 not null
exit_code int default 0 not null
id_step int not null
step_het_comp int unsigned default {NO_VALUE} not null
kill_requid int unsigned
nodelist text not null
nodes_alloc int unsigned not null
state smallint unsigned not null
step_name text not null
task_cnt int unsigned not null
task_dist int default 0 not null
time_start bigint unsigned default 0 not null
time_end bigint unsigned default 0 not null
time_suspended bigint unsigned default 0 not null
user_sec bigint unsigned default 0 not null
user_usec int unsigned default 0 not null
sys_sec bigint unsigned default 0 not null
sys_usec int unsigned default 0 not null
consumed_energy bigint unsigned default 0 not null
submit_line text
tres_alloc text not null default ''
tres_usage_in_ave text not null default ''
tres_usage_in_max text not null default ''
tres_usage_in_tot text not null default ''
tres_usage_out_ave text not null default ''
tres_usage_out_max text not null default ''
tres_usage_out_tot text not null default ''
primary key (job_db_inx, id_step, step_het_comp)
key no_step_comp (job_db_inx, id_step)
key time_start_end (time_start, time_end)
"""
ASSOCIATION_COLUMNS = """
creation_time bigint unsigned not null
mod_time bigint unsigned default 0 not null
deleted tinyint default 0 not null
is_def tinyint default 0 not null
id_assoc int unsigned not null auto_increment
user tinytext not null default ''
acct tinytext not null
partition tinytext not null default ''
parent_acct tinytext not null default ''
lft int not null
rgt int not null
shares int default 1 not null
primary key (id_assoc)
unique udex (user(42), acct(42), partition(42))
key lft (lft)
key account (acct(42))
"""
EVENT_COLUMNS = f"""
time_start bigint unsigned not null
time_end bigint unsigned default 0 not null
node_name tinytext default '' not null
cluster_nodes text not null default ''
reason tinytext not null
reason_uid int unsigned default {NO_VALUE} not null
state int unsigned default 0 not null
tres text not null default ''
primary key (node_name(42), time_start)
key rollup (node_name(42), time_start, time_end, state)
key time_start_end (time_start, time_end)
"""
SUSPEND_COLUMNS = """
job_db_inx bigint unsigned not null
id_assoc int not null
time_start bigint unsigned default 0 not null
time_end bigint unsigned default 0 not null
primary key (job_db_inx, time_start)
key job_db_inx_times (job_db_inx, time_start, time_end)
"""
ACCOUNT_COLUMNS = """
creation_time bigint unsigned not null
mod_time bigint unsigned default 0 not null
deleted tinyint default 0
name tinytext not null
description text not null
organization text not null
primary key (name(42))
"""
USER_COLUMNS = """
creation_time bigint unsigned not null
mod_time bigint unsigned default 0 not null
deleted tinyint default 0
name tinytext not null
admin_level smallint default 1 not null
primary key (name(42))
"""
QOS_COLUMNS = """
creation_time bigint unsigned not null
mod_time bigint unsigned default 0 not null
deleted tinyint default 0
id int not null auto_increment
name tinytext not null
description text
priority int unsigned default 0
primary key (id)
unique udex (name(42))
"""
TRES_COLUMNS = """
creation_time bigint unsigned not null
deleted tinyint default 0 not null
id int not null auto_increment
type tinytext not null
name tinytext not null default ''
primary key (id)
unique udex (type(42), name(42))
"""

# Of one cluster: the name stands before an underscore and these.
CLUSTER_TABLES = {
    "job_table": JOB_COLUMNS,
    "job_script_table": SCRIPT_COLUMNS,
    "job_env_table": ENVIRONMENT_COLUMNS,
    "step_table": STEP_COLUMNS,
    "assoc_table": ASSOCIATION_COLUMNS,
    "event_table": EVENT_COLUMNS,
    "suspend_table": SUSPEND_COLUMNS,
}
# Of all clusters.
COMMON_TABLES = {
    "acct_table": ACCOUNT_COLUMNS,
    "user_table": USER_COLUMNS,
    "qos_table": QOS_COLUMNS,
    "tres_table": TRES_COLUMNS,
}

INTEGER_TYPES = ("bigint unsigned", "int unsigned", "smallint unsigned", "tinyint", "smallint")
TEXT_TYPES = ("tinytext", "longtext")
# What the types are called elsewhere, the longer ones first.
PLAIN_TYPES = {
    "sqlite": {
        "bigint unsigned not null auto_increment": "integer",
        "int unsigned not null auto_increment": "integer",
        "int not null auto_increment": "integer",
        **dict.fromkeys(INTEGER_TYPES, "integer"), **dict.fromkeys(TEXT_TYPES, "text"),
    },
    "postgresql": {
        "bigint unsigned not null auto_increment": "bigserial",
        "int unsigned not null auto_increment": "bigserial",
        "int not null auto_increment": "bigserial",
        **dict.fromkeys(INTEGER_TYPES, "bigint"), **dict.fromkeys(TEXT_TYPES, "text"),
    },
}  # fmt: skip
KEY = re.compile(r"(primary key|unique|key) ?(\w*) \((.+)\)")
KEY_COLUMN = re.compile(r"(\w+)(\(\d+\))?")
MOST_ROWS = 500


def table_name(cluster: str, table: str) -> str:
    """Return the name of a table of COMMON_TABLES or, for a cluster, of CLUSTER_TABLES."""
    return table if table in COMMON_TABLES else f"{checked_cluster(cluster)}_{table}"


def create(database: Any, cluster: str, leave_out: "Iterable[str]" = ()) -> None:
    """Make all tables but some, for a cluster, in an empty database; commits."""
    left_out = set(leave_out)
    for table, columns in {**COMMON_TABLES, **CLUSTER_TABLES}.items():
        if table not in left_out:
            for statement in statements(database.dialect, table_name(cluster, table), columns):
                database.run_ddl(statement)


def statements(dialect: Any, name: str, columns: str) -> "list[str]":
    """Return the statements that make a table and its keys in the words of a dialect."""
    lines = columns.strip().splitlines()
    written = [column_text(dialect, line) for line in lines if not KEY.fullmatch(line)]
    keys = [found for found in map(KEY.fullmatch, lines) if found]
    is_mysql = dialect.backend == "mysql"
    inside = [found for found in keys if is_mysql or found[1] == "primary key"]
    written += [key_text(dialect, found) for found in inside]
    # slurmdbd's tables have the server's character set, which usually is latin1.
    tail = " ENGINE=InnoDB DEFAULT CHARSET=latin1" if is_mysql else ""
    made = [f"CREATE TABLE {dialect.quote(name)} ({', '.join(written)}){tail}"]
    return made + [index_text(dialect, name, found) for found in keys if found not in inside]


def column_text(dialect: Any, line: str) -> str:
    """Return one column in the words of a dialect."""
    name, _, kind = line.partition(" ")
    for word, other in PLAIN_TYPES.get(dialect.backend, {}).items():
        kind = re.sub(rf"\b{word}\b", other, kind)
    return f"{dialect.quote(name)} {kind}"


def key_text(dialect: Any, found: "re.Match[str]") -> str:
    """Return a key as a part of CREATE TABLE; only MariaDB has keys of beginnings of texts."""
    is_mysql = dialect.backend == "mysql"
    names = KEY_COLUMN.findall(found[3])
    columns = [dialect.quote(name) + (length if is_mysql else "") for name, length in names]
    name = f" {dialect.quote(found[2])}" if found[2] else ""
    return f"{found[1]}{name} ({', '.join(columns)})"


def index_text(dialect: Any, table: str, found: "re.Match[str]") -> str:
    """Return a key as a statement of its own; its name is one of the whole database."""
    kind = "UNIQUE INDEX" if found[1] == "unique" else "INDEX"
    columns = ", ".join(dialect.quote(name) for name, _length in KEY_COLUMN.findall(found[3]))
    name = dialect.quote(f"{table}_{found[2]}")
    return f"CREATE {kind} {name} ON {dialect.quote(table)} ({columns})"


def insert(database: Any, cluster: str, table: str, rows: "Iterable[Mapping[str, Any]]") -> None:
    """Put rows, {column: value}, into a table; columns that are not named have their defaults.

    Those that have no default are 0 or ''. The rows of one call have the same columns. In one
    transaction where the caller has begun none.
    """
    rows = list(rows)
    if not rows:
        return
    given = list(rows[0])
    filled = [name for name in needed(table) if name not in given]
    names = database.dialect.quote_all([*given, *filled])
    name = database.dialect.quote(table_name(cluster, table))
    fill = [needed(table)[column] for column in filled]
    for start in range(0, len(rows), MOST_ROWS):
        part = rows[start : start + MOST_ROWS]
        marks = ", ".join([f"({', '.join('?' * (len(given) + len(filled)))})"] * len(part))
        values = [
            signed(database.dialect, value)
            for row in part
            for value in [*(row[column] for column in given), *fill]
        ]
        database.execute(f"INSERT INTO {name} ({names}) VALUES {marks}", values)  # noqa: S608


def needed(table: str) -> "dict[str, Any]":
    """Return {column: value} of the columns of a table that have no default."""
    found = {}
    for line in {**COMMON_TABLES, **CLUSTER_TABLES}[table].strip().splitlines():
        name, _, kind = line.partition(" ")
        if "not null" in kind and "default" not in kind and "auto_increment" not in kind:
            found[name] = "" if "text" in kind else 0
    return found


def signed(dialect: Any, value: Any) -> Any:
    """Return a value as the dialect can hold it: only MariaDB has numbers from 2^63 on."""
    if isinstance(value, int) and value >= 1 << 63 and dialect.backend != "mysql":
        return value - (1 << 64)
    return value
