-- Tables that all commands share.
--
-- One text serves SQLite, MySQL/MariaDB and PostgreSQL: usagedb/schema.py replaces the words in
-- capitals that no database knows (SERIAL_ID, SERIAL_BIG_ID, CHARS, DATETIME,
-- DIGEST, BYTES, LONGTEXT, WIDE, WIDEN, WIDEN x TO CHARS, LOCAL_DATETIME, x DIV y).
-- A version is never edited once it has been released: a change is a new version at the end.

-- version 1: what is installed, and what ran

-- The steps of every schema that have been taken in this database.
CREATE TABLE usage_schema (
    schema_name CHARS(32) NOT NULL,   -- the tool's schema, for instance lmod
    version     INTEGER NOT NULL,     -- version of that schema the step belongs to
    step        INTEGER NOT NULL,     -- number of the statement within the version, from 1
    applied_at  DOUBLE NOT NULL,      -- when it was taken, seconds since the epoch (UTC)
    PRIMARY KEY (schema_name, version, step)
);

-- One row per run of a command that writes: what usage_status reads.
CREATE TABLE usage_run (
    run_id      SERIAL_ID,            -- number of the run; gaps are normal
    command     CHARS(64) NOT NULL,   -- name of the command
    host        CHARS(255) NOT NULL,  -- machine it ran on
    started_at  DOUBLE NOT NULL,      -- seconds since the epoch (UTC)
    ended_at    DOUBLE,               -- the same; NULL while it runs, or when it was killed
    exit_code   INTEGER,              -- status it ended with; NULL as above
    "stored"    BIGINT NOT NULL DEFAULT 0,   -- records stored (the word is reserved in MySQL)
    duplicates  BIGINT NOT NULL DEFAULT 0,   -- records known already and not stored again
    ignored     BIGINT NOT NULL DEFAULT 0,   -- records left out because the site asked for that
    rejected    BIGINT NOT NULL DEFAULT 0,   -- records that could not be stored
    waiting     BIGINT NOT NULL DEFAULT 0,   -- inputs left for a later run
    read_bytes  BIGINT NOT NULL DEFAULT 0,   -- bytes of input read, after decompression
    message     CHARS(1000) NOT NULL         -- last line that a person should know, or ''
);

-- Finds the number of a run that has just begun without reading all of them.
CREATE INDEX usage_run_by_command ON usage_run (command, started_at);
