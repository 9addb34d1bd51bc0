"""The GRANT statements for accounts that can do their job and nothing else."""

from usagedb.schema import USAGE

LOADER, REPORTER = "hpcusage_load", "hpcusage_report"
PASSWORD = "'choose a password'"
FORMS = (
    ("MariaDB", "CREATE USER {user}@'%' IDENTIFIED BY {password};"),
    (
        "MySQL 8",
        "CREATE USER {user}@'%' IDENTIFIED WITH caching_sha2_password BY {password};",
    ),
)


def statements(config, schemas, name_of):
    """Return the statements for a loading and a read-only report account, as text.

    name_of(schema, kind, name) tells what a table or view is called in this database.
    """
    rights: dict[str, list] = {LOADER: [], REPORTER: []}
    for one in {one.name: one for one in (USAGE, *schemas)}.values():
        for kind, name in one.tables():
            own_name = name_of(one, kind, name)
            rights[REPORTER].append((own_name, "SELECT"))
            if kind == "TABLE":
                rights[LOADER].append((own_name, loader_rights(one, name)))
    if config.backend == "sqlite":
        return (
            f"-- SQLite has no accounts: the file's permissions decide. {config.database}\n"
            "-- belongs to the account that loads (mode 0640); a report account is in its group."
        )
    if config.backend == "postgresql":
        return "\n".join(postgresql(config, rights))
    lines = []
    for server, create in FORMS:
        lines.append(f"-- {server}")
        for user, granted in rights.items():
            lines.append(create.format(user=f"'{user}'", password=PASSWORD))
            lines += [
                f"GRANT {right} ON `{config.database}`.`{table}` TO '{user}'@'%';"
                for table, right in granted
            ]
        lines.append("")
    return "\n".join(lines).rstrip()


def loader_rights(schema, table):
    """Return what a loading account needs on a table of a schema: only old records are deleted."""
    if table == "usage_schema":
        return "SELECT"
    return "SELECT, INSERT, UPDATE, DELETE" if schema.purge else "SELECT, INSERT, UPDATE"


def postgresql(config, rights):
    """Return the statements in PostgreSQL's form."""
    lines = ["-- PostgreSQL"]
    for user, granted in rights.items():
        lines.append(f"CREATE ROLE {user} LOGIN PASSWORD {PASSWORD};")
        lines.append(f'GRANT CONNECT ON DATABASE "{config.database}" TO {user};')
        lines += [f"GRANT {right} ON {table} TO {user};" for table, right in granted]
    return lines
