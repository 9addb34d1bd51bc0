-- XALT: which executables, libraries and packages users run, and how they were built.
--
-- See sql/usage.sql for the words in capitals. The tables and columns of version 1 are those that
-- XALT sites have; version 2 adds what makes loading exact: a record that comes again changes
-- nothing.

-- version 1: the tables of XALT

-- One row per executable that was built.
CREATE TABLE xalt_link (
    link_id          SERIAL_ID,              -- number of the link; gaps are normal
    uuid             CHARS(36) NOT NULL,     -- of the link, also in the executable's watermark
    hash_id          CHARS(40) NOT NULL,     -- SHA-1 of the executable
    date             DATETIME NOT NULL,      -- local time of the build
    link_program     CHARS(64) NOT NULL,     -- compiler, for instance gcc
    link_path        CHARS(1024) NOT NULL,   -- where the compiler is
    link_module_name CHARS(64),              -- module that the compiler belongs to
    link_line        BYTES,                  -- command line, in the form of MySQL's COMPRESS()
    cwd              CHARS(1024),            -- directory of the build
    build_user       CHARS(64) NOT NULL,     -- login name
    build_syshost    CHARS(64) NOT NULL,     -- cluster
    build_epoch      DOUBLE NOT NULL,        -- time of the build, seconds since the epoch (UTC)
    exec_path        CHARS(1024) NOT NULL,   -- the executable
    UNIQUE (uuid)
);
CREATE INDEX xalt_link_by_date ON xalt_link (date);

-- One row per library or object file, on each cluster.
CREATE TABLE xalt_object (
    obj_id      SERIAL_ID,                   -- number of the object; gaps are normal
    object_path CHARS(1024) NOT NULL,        -- where it is
    syshost     CHARS(64) NOT NULL,          -- cluster
    hash_id     CHARS(40) NOT NULL,          -- SHA-1 in old records, else 0
    module_name CHARS(64),                   -- module that it belongs to, by the reverse map
    "timestamp" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- when it was first seen
    lib_type    CHARS(2) NOT NULL            -- a, o, so, or -- for anything else
);

-- Which objects an executable was built from.
CREATE TABLE join_link_object (
    join_id SERIAL_ID,                       -- number of the row
    obj_id  INTEGER NOT NULL,                -- xalt_object
    link_id INTEGER NOT NULL,                -- xalt_link
    date    DATE NOT NULL                    -- local day of the build
);

-- One row per run of an executable.
CREATE TABLE xalt_run (
    run_id      SERIAL_ID,                   -- number of the run; gaps are normal
    job_id      CHARS(64) NOT NULL,          -- job of the batch system, or unknown
    run_uuid    CHARS(36) NOT NULL,          -- of the run; several programs may share one
    date        DATETIME NOT NULL,           -- local time of the start
    syshost     CHARS(64) NOT NULL,          -- cluster
    uuid        CHARS(36),                   -- xalt_link that built the executable, if known
    hash_id     CHARS(40) NOT NULL,          -- SHA-1 of the executable
    account     CHARS(64) NOT NULL,          -- account that paid, or unknown
    exec_type   CHARS(7) NOT NULL,           -- binary or script
    start_time  DOUBLE NOT NULL,             -- seconds since the epoch (UTC)
    end_time    DOUBLE NOT NULL,             -- the same; 0 where no end was recorded
    run_time    DOUBLE NOT NULL,             -- seconds; 0 where no end was recorded
    probability DOUBLE NOT NULL,             -- with which such a run is recorded
    num_cores   INTEGER NOT NULL,            -- tasks
    num_nodes   INTEGER NOT NULL,
    num_threads INTEGER NOT NULL,            -- OMP_NUM_THREADS, or 1
    num_gpus    INTEGER NOT NULL,
    queue       CHARS(64) NOT NULL,          -- of the batch system, or unknown
    sum_runs    INTEGER NOT NULL DEFAULT 0,  -- not filled
    sum_time    DOUBLE NOT NULL DEFAULT 0,   -- not filled
    "user"      CHARS(64) NOT NULL,          -- login name
    exec_path   CHARS(1024) NOT NULL,        -- the executable
    module_name CHARS(64),                   -- module that it belongs to; NULL: the user's own
    cwd         CHARS(1024) NOT NULL,        -- directory of the start
    cmdline     BYTES NOT NULL,              -- arguments as JSON, in the form of COMPRESS()
    container   CHARS(32)                    -- for instance singularity
);
CREATE INDEX xalt_run_by_date ON xalt_run (date);
CREATE INDEX xalt_run_by_uuid ON xalt_run (run_uuid);
CREATE INDEX xalt_run_by_job ON xalt_run (job_id, syshost);

-- Which libraries a run loaded.
CREATE TABLE join_run_object (
    join_id SERIAL_ID,                       -- number of the row
    obj_id  INTEGER NOT NULL,                -- xalt_object
    run_id  INTEGER NOT NULL,                -- xalt_run
    date    DATE NOT NULL                    -- local day of the start
);

-- One row per name of an environment variable.
CREATE TABLE xalt_env_name (
    env_id   SERIAL_ID,                      -- number of the name
    env_name CHARS(64) NOT NULL,
    UNIQUE (env_name)
);

-- The environment of runs.
CREATE TABLE join_run_env (
    join_id   SERIAL_BIG_ID,                 -- number of the row
    env_id    INTEGER NOT NULL,              -- xalt_env_name
    run_id    INTEGER NOT NULL,              -- xalt_run
    date      DATE NOT NULL,                 -- local day of the start
    env_value BYTES NOT NULL
);
