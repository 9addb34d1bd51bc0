"""The GRANT statements for accounts that can do their job and nothing else."""

LOADER, REPORTER = "hpcusage_load", "hpcusage_report"
LOADER_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"
PASSWORD = "'choose a password'"
FORMS = (
    ("MariaDB", "CREATE USER {user}@'%' IDENTIFIED BY {password};"),
    (
        "MySQL 8",
        "CREATE USER {user}@'%' IDENTIFIED WITH caching_sha2_password BY {password};",
    ),
)


def statements(config, schemas):
    """Return the statements for a loading and a read-only report account, as text."""
    tables = [name for one in schemas for _kind, name in one.tables()]
    if config.backend == "sqlite":
        return (
            f"-- SQLite has no accounts: the file's permissions decide. {config.database}\n"
            "-- belongs to the account that loads (mode 0640); a report account is in its group."
        )
    if config.backend == "postgresql":
        return "\n".join(postgresql(config, tables))
    lines = []
    for server, create in FORMS:
        lines.append(f"-- {server}")
        for user, rights in ((LOADER, LOADER_RIGHTS), (REPORTER, "SELECT")):
            lines.append(create.format(user=f"'{user}'", password=PASSWORD))
            lines += [
                f"GRANT {rights} ON `{config.database}`.`{table}` TO '{user}'@'%';"
                for table in tables
            ]
        lines.append("")
    return "\n".join(lines).rstrip()


def postgresql(config, tables):
    """Return the statements in PostgreSQL's form."""
    lines = ["-- PostgreSQL"]
    for user, rights in ((LOADER, LOADER_RIGHTS), (REPORTER, "SELECT")):
        lines.append(f"CREATE ROLE {user} LOGIN PASSWORD {PASSWORD};")
        lines.append(f'GRANT CONNECT ON DATABASE "{config.database}" TO {user};')
        lines += [f"GRANT {rights} ON {table} TO {user};" for table in tables]
    lines.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {LOADER};")
    return lines
