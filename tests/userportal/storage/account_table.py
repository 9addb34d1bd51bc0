"""Robinhood's table ACCT_STAT as Robinhood makes it in MariaDB, and a plain one in SQLite."""

from usagedb.config import DatabaseConfig, write_config
from usagedb.database import Database

COLUMNS = {
    "mysql": """
  uid VARBINARY(127) NOT NULL, gid VARBINARY(127) NOT NULL,
  type ENUM('symlink','dir','file','chr','blk','fifo','sock') NOT NULL,
  lhsm_status ENUM('','new','modified','retrieving','archiving','synchro','released') NOT NULL,
  size BIGINT UNSIGNED, blocks BIGINT UNSIGNED, count BIGINT UNSIGNED""",
    "sqlite": """
  uid VARCHAR(127) NOT NULL, gid VARCHAR(127) NOT NULL, type VARCHAR(8) NOT NULL,
  lhsm_status VARCHAR(12) NOT NULL, size BIGINT, blocks BIGINT, count BIGINT""",
}
KIB = 1024
# uid, gid, type, lhsm_status, size, blocks of 512 bytes, count
ROWS = [
    ("bob", "def-ann", "file", "", 9000, 20, 2),
    ("bob", "def-ann", "file", "new", 1000, 10, 5),
    ("bob", "def-ann", "dir", "", 4096, 8, 1),
    ("ann", "def-ann", "file", "", 100 * KIB, 200, 3),
    ("root", "def-ann", "file", "", 5000, 1000, 50),
    ("few", "def-ann", "file", "", 9000, 900, 2),
    ("ann", "def-ann", "file", "synchro", 7000, 16, 4),
    ("ann", "def-ann", "file", "modified", 7000, 4, 1),
    ("ann", "def-ann", "file", "released", 3 * KIB * KIB, 0, 6),
    ("bob", "def-ann", "file", "released", 50, 0, 7),
    ("bob", "def-bob", "file", "", 1, 2, 9),
]


def make_table(config, rows=ROWS):
    """Make the table in an empty database, and fill it."""
    database = Database(config)
    columns = COLUMNS[config.backend]
    key = "PRIMARY KEY (uid, gid, type, lhsm_status)"
    database.run_ddl(f"CREATE TABLE ACCT_STAT ({columns}, {key})")
    with database.transaction():
        for row in rows:
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO ACCT_STAT VALUES ({marks})", row)  # noqa: S608 - marks
    database.close()


def make_file(directory, rows=ROWS):
    """Make the table in an SQLite file; write the configuration that names it."""
    config = DatabaseConfig("sqlite", str(directory / "robinhood.db"), "test")
    write_config(directory / "robinhood_db.conf", config)
    make_table(config, rows)
