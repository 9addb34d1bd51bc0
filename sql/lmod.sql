-- Module usage: who loaded which module file, where and when.
--
-- See sql/usage.sql for the words in capitals. Names are stored in small tables and the large
-- ones hold their numbers, so that a year of a large site is some hundred megabytes.

-- version 1: dimensions, daily use, monthly summary, single loads, ledger

-- One row per user name.
CREATE TABLE lmod_user (
    user_id     SERIAL_ID,            -- number of the user; gaps are normal
    user_name   CHARS(255) NOT NULL,  -- login name as logged
    user_folded CHARS(255) NOT NULL,  -- the same with A-Z as a-z, for patterns
    UNIQUE (user_name)
);

-- One row per cluster (Lmod's "syshost").
CREATE TABLE lmod_cluster (
    cluster_id   SERIAL_ID,            -- number of the cluster
    cluster_name CHARS(255) NOT NULL,  -- name made from the log's host= field
    UNIQUE (cluster_name)
);

-- One row per module file and the full name under which it was loaded.
CREATE TABLE lmod_module (
    module_id   SERIAL_ID,             -- number of the module file
    module_name CHARS(255) NOT NULL,   -- full name, for instance gcc/12.2.0
    path        CHARS(4096) NOT NULL,  -- the module file
    path_folded CHARS(4096) NOT NULL,  -- the same with A-Z as a-z, for patterns
    digest      DIGEST NOT NULL,       -- SHA-256 of module_name, a NUL byte, and path
    UNIQUE (digest)
);

-- Daily use: one row per user, module file, cluster and local day.
CREATE TABLE lmod_use (
    day        INTEGER NOT NULL,             -- the cluster's local day as YYYYMMDD
    user_id    INTEGER NOT NULL,             -- lmod_user
    module_id  INTEGER NOT NULL,             -- lmod_module
    cluster_id INTEGER NOT NULL,             -- lmod_cluster
    utc_offset SMALLINT NOT NULL,            -- local time minus UTC at first_time, in minutes
    first_time DOUBLE NOT NULL,              -- first load, seconds since the epoch (UTC)
    last_time  DOUBLE NOT NULL,              -- last load, the same
    loads      INTEGER NOT NULL,             -- number of loads
    user_loads INTEGER NOT NULL,             -- those logged with userload=yes
    PRIMARY KEY (day, user_id, module_id, cluster_id)
);

-- Monthly summary of lmod_use, kept in the same transactions: it makes reports over years fast.
CREATE TABLE lmod_month (
    month      INTEGER NOT NULL,             -- local month as YYYYMM
    module_id  INTEGER NOT NULL,             -- lmod_module
    cluster_id INTEGER NOT NULL,             -- lmod_cluster
    first_day  INTEGER NOT NULL,             -- first day of the month with a load, YYYYMMDD
    last_day   INTEGER NOT NULL,             -- last day of the month with a load
    loads      BIGINT NOT NULL,              -- number of loads
    user_loads BIGINT NOT NULL,              -- those logged with userload=yes
    users      BYTES NOT NULL,               -- the set of user_ids (lmodtrack/userset.py)
    PRIMARY KEY (month, module_id, cluster_id)
);

-- Single loads, filled with --store_all only.
CREATE TABLE lmod_load (
    day        INTEGER NOT NULL,             -- the cluster's local day as YYYYMMDD
    log_id     INTEGER NOT NULL,             -- lmod_log
    line       BIGINT NOT NULL,              -- line of that log, from 1
    item       INTEGER NOT NULL,             -- 0; or 1, 2 … for more modules in one CSV line
    load_time  DOUBLE NOT NULL,              -- seconds since the epoch (UTC)
    user_id    INTEGER NOT NULL,             -- lmod_user
    module_id  INTEGER NOT NULL,             -- lmod_module
    cluster_id INTEGER NOT NULL,             -- lmod_cluster
    loads      INTEGER NOT NULL,             -- 1, or more for a "message repeated" line
    user_load  SMALLINT NOT NULL,            -- 1: userload=yes, 0: userload=no, -1: not logged
    job_id     CHARS(64) NOT NULL,           -- job of the load, or ''
    PRIMARY KEY (day, log_id, line, item)
);

-- Finds the modules of one job.
CREATE INDEX lmod_load_by_job ON lmod_load (job_id);

-- The ledger: how far each log has been loaded. A log is known by its content, not its name.
CREATE TABLE lmod_log (
    log_id      SERIAL_ID,               -- number of the log
    head        DIGEST NOT NULL,         -- SHA-256 of its first line
    fork        INTEGER NOT NULL,        -- 0, or 1, 2 … for other logs with the same first line
    position    BIGINT NOT NULL,         -- bytes loaded, after decompression
    line_count  BIGINT NOT NULL,         -- lines in these bytes
    digest      DIGEST NOT NULL,         -- SHA-256 of these bytes
    checkpoints BYTES NOT NULL,          -- digests at places before that (lmodtrack/identity.py)
    unsaved     BIGINT NOT NULL,         -- rejected lines that no --reject file holds yet
    name        CHARS(1024) NOT NULL,    -- file name it had when it was last loaded
    loaded_at   DOUBLE NOT NULL,         -- when that was, seconds since the epoch (UTC)
    UNIQUE (head, fork)
);

-- How far an older database has been taken over by convert_lmod_db.
CREATE TABLE lmod_conversion (
    source     CHARS(255) NOT NULL,      -- server, database and table
    position   BIGINT NOT NULL,          -- last id that was taken over
    row_count  BIGINT NOT NULL,          -- rows read up to there
    rejected   BIGINT NOT NULL,          -- those of them that could not be taken over
    loaded_at  DOUBLE NOT NULL,          -- when, seconds since the epoch (UTC)
    PRIMARY KEY (source)
);

-- The table of older databases (gen_2), read-only, so that a site's own SQL goes on working. The
-- id is made from the row's key: unique below 262,144 users, 2 million module files, 256 clusters.
CREATE VIEW moduleT AS
SELECT ((((f.day DIV 10000 - 2000) * 372 + (f.day DIV 100) % 100 * 31 + f.day % 100)
        * CAST(262144 AS WIDE) + f.user_id) * 2097152 + f.module_id) * 256 + f.cluster_id AS id,
       u.user_name AS "user", m.path AS path, m.module_name AS module,
       c.cluster_name AS syshost, LOCAL_DATETIME(f.first_time, f.utc_offset) AS date
  FROM lmod_use f
  JOIN lmod_user u ON u.user_id = f.user_id
  JOIN lmod_module m ON m.module_id = f.module_id
  JOIN lmod_cluster c ON c.cluster_id = f.cluster_id;

-- version 2: no sum of loads is too large; older databases are known by their content

-- A day's "message repeated" lines can add up to more than an INTEGER of a server holds.
ALTER TABLE lmod_use WIDEN loads, WIDEN user_loads;

-- Rows by which the older database is known again under any name; NULL before version 2.
ALTER TABLE lmod_conversion ADD COLUMN marks BYTES;   -- lmodtrack/oldname.py
