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
    join_id SERIAL_BIG_ID,                   -- number of the row
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
CREATE INDEX xalt_run_by_uuid ON xalt_run (run_uuid);
CREATE INDEX xalt_run_by_job ON xalt_run (job_id, syshost);

-- Which libraries a run loaded.
CREATE TABLE join_run_object (
    join_id SERIAL_BIG_ID,                   -- number of the row
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
    env_value BYTES NOT NULL                 -- value of the variable, UTF-8
);

-- Pseudonyms of users, for reports of sites. Not filled by the loaders.
CREATE TABLE xalt_user (
    usr_id    SERIAL_ID,                     -- number of the user
    "user"    CHARS(32) NOT NULL,            -- login name
    anon_user CHARS(12) NOT NULL             -- the name's pseudonym
);
CREATE INDEX xalt_user_by_name ON xalt_user ("user");
CREATE INDEX xalt_user_by_pseudonym ON xalt_user (anon_user);

-- Pseudonyms of accounts, for reports of sites. Not filled by the loaders.
CREATE TABLE xalt_account (
    acct_id          SERIAL_ID,              -- number of the account
    account          CHARS(32) NOT NULL,     -- name of the account
    anon_user        CHARS(10) NOT NULL,     -- the name's pseudonym
    field_of_science CHARS(64) NOT NULL      -- what the account is for
);
CREATE INDEX xalt_account_by_name ON xalt_account (account);
CREATE INDEX xalt_account_by_pseudonym ON xalt_account (anon_user);

-- One row per function of a library that somebody linked.
CREATE TABLE xalt_function (
    func_id       SERIAL_ID,                 -- number of the function
    function_name CHARS(255) NOT NULL,
    UNIQUE (function_name)
);

-- Which functions of libraries an executable needs.
CREATE TABLE join_link_function (
    join_id SERIAL_BIG_ID,                   -- number of the row
    func_id INTEGER NOT NULL,                -- xalt_function
    link_id INTEGER NOT NULL,                -- xalt_link
    date    DATE NOT NULL,                   -- local day of the build
    UNIQUE (func_id, link_id)
);

-- Whole environments. XALT has the table and fills it no longer, and neither do the loaders.
CREATE TABLE xalt_total_env (
    envT_id  SERIAL_BIG_ID,                  -- number of the row
    run_id   INTEGER NOT NULL,               -- xalt_run
    date     DATE NOT NULL,                  -- local day of the start
    env_blob BYTES NOT NULL
);

-- Which packages a run of an interpreter imported.
CREATE TABLE xalt_pkg (
    pkg_id      SERIAL_BIG_ID,               -- number of the row
    run_id      INTEGER NOT NULL,            -- xalt_run
    program     CHARS(12) NOT NULL,          -- python, R or MATLAB
    pkg_name    CHARS(64) NOT NULL,          -- as it was imported
    pkg_version CHARS(32),                   -- for python that of the interpreter
    pkg_path    CHARS(1024)                  -- where it is
);

-- What the accounts of a site are for.
CREATE TABLE xalt_field_of_science (
    fos_id           SERIAL_ID,              -- number of the row
    account          CHARS(20) NOT NULL,     -- name of the account
    field_of_science CHARS(80) NOT NULL,     -- its field
    directorate      CHARS(80) NOT NULL      -- larger field that this one belongs to
);

-- version 2: what makes loading exact, and reports fast

-- What tells runs apart: see xaltload/keys.py. NULL: the row was made by another program; createDB
-- and the loaders give it its key.
ALTER TABLE xalt_run ADD COLUMN run_key DIGEST;
CREATE UNIQUE INDEX xalt_run_by_key ON xalt_run (run_key);
-- Which of its records are stored: 1 for that of its start, 2 for that of its end, 3 for both;
-- NULL: the row was made by another program.
ALTER TABLE xalt_run ADD COLUMN records INTEGER;
-- What the reports read, in small numbers. A run whose cluster_id is NULL is still to get them:
-- createDB and the loaders do that.
ALTER TABLE xalt_run ADD COLUMN program_id INTEGER;   -- xalt_program
ALTER TABLE xalt_run ADD COLUMN set_id INTEGER;       -- xalt_object_set; 0: no library
ALTER TABLE xalt_run ADD COLUMN user_id INTEGER;      -- xalt_name
ALTER TABLE xalt_run ADD COLUMN account_id INTEGER;   -- xalt_name
ALTER TABLE xalt_run ADD COLUMN queue_id INTEGER;     -- xalt_name
ALTER TABLE xalt_run ADD COLUMN cluster_id INTEGER;   -- xalt_name
ALTER TABLE xalt_run ADD COLUMN job_number BIGINT;    -- of cluster and job_id; NULL: in no job
CREATE INDEX xalt_run_facts ON xalt_run (
    date, program_id, set_id, num_cores, user_id, account_id, job_number, cluster_id, queue_id,
    run_time, probability
);
CREATE INDEX xalt_run_by_cluster ON xalt_run (cluster_id);  -- finds those still to get them
CREATE INDEX xalt_run_by_set ON xalt_run (set_id);
CREATE INDEX xalt_run_by_user ON xalt_run ("user");

-- What tells objects apart; NULL as above.
ALTER TABLE xalt_object ADD COLUMN obj_key DIGEST;
CREATE UNIQUE INDEX xalt_object_by_key ON xalt_object (obj_key);

-- What tells packages apart; NULL as above.
ALTER TABLE xalt_pkg ADD COLUMN pkg_key DIGEST;
CREATE UNIQUE INDEX xalt_pkg_by_key ON xalt_pkg (pkg_key);

-- No index by obj_id: it would be the largest of all, and hold up every load. The runs of a library
-- are found by their sets: see xalt_set_object. Databases of sites keep the index that they have.
CREATE INDEX join_run_object_by_run ON join_run_object (run_id, obj_id);
CREATE INDEX join_run_env_by_run ON join_run_env (run_id);
CREATE INDEX join_run_env_by_env ON join_run_env (env_id);
CREATE INDEX join_link_object_by_link ON join_link_object (link_id, obj_id);
CREATE INDEX join_link_function_by_link ON join_link_function (link_id);
CREATE INDEX xalt_total_env_by_run ON xalt_total_env (run_id);
CREATE INDEX xalt_pkg_by_run ON xalt_pkg (run_id);
CREATE INDEX xalt_field_of_science_by_account ON xalt_field_of_science (account);

-- One row per program: an executable, the module it belongs to, and the link that built it.
CREATE TABLE xalt_program (
    program_id  SERIAL_ID,                   -- number of the program
    program_key DIGEST NOT NULL,             -- of the other columns
    exec_path   CHARS(1024) NOT NULL,        -- the executable
    module_name CHARS(64),                   -- module that it belongs to; NULL: the user's own
    exec_type   CHARS(7) NOT NULL,           -- binary or script
    link_uuid   CHARS(36),                   -- xalt_link that built it, if known
    UNIQUE (program_key)
);

-- One row per name of a user, an account, a queue or a cluster.
CREATE TABLE xalt_name (
    name_id SERIAL_ID,                       -- number of the name
    name    CHARS(64) NOT NULL,
    UNIQUE (name)
);

-- One row per set of libraries that some run loaded: most runs share theirs with others.
CREATE TABLE xalt_object_set (
    set_id  SERIAL_ID,                       -- number of the set
    set_key DIGEST NOT NULL,                 -- of the sorted keys of its objects
    UNIQUE (set_key)
);

-- The libraries of each set.
CREATE TABLE xalt_set_object (
    set_id INTEGER NOT NULL,                 -- xalt_object_set
    obj_id INTEGER NOT NULL,                 -- xalt_object
    PRIMARY KEY (set_id, obj_id)
);
CREATE INDEX xalt_set_object_by_obj ON xalt_set_object (obj_id);

-- Packages that came before the run that imported them.
CREATE TABLE xalt_pkg_waiting (
    pkg_key     DIGEST NOT NULL,             -- what tells packages apart
    run_uuid    CHARS(36) NOT NULL,          -- of the run
    program     CHARS(12) NOT NULL,          -- the rest as in xalt_pkg
    pkg_name    CHARS(64) NOT NULL,
    pkg_version CHARS(32) NOT NULL,
    pkg_path    CHARS(1024) NOT NULL,
    came_at     DOUBLE NOT NULL,             -- when it was read, seconds since the epoch (UTC)
    PRIMARY KEY (pkg_key)
);
CREATE INDEX xalt_pkg_waiting_by_run ON xalt_pkg_waiting (run_uuid);

-- Records that could not be stored, so that each is told of once.
CREATE TABLE xalt_rejected (
    reject_key  DIGEST NOT NULL,             -- of its text; of a file also of path and time
    reason      CHARS(64) NOT NULL,          -- why it was not stored
    source      CHARS(255) NOT NULL,         -- file that held it
    rejected_at DOUBLE NOT NULL,             -- when, seconds since the epoch (UTC)
    PRIMARY KEY (reject_key)
);
CREATE INDEX xalt_rejected_by_time ON xalt_rejected (rejected_at);

-- The secret from which pseudonyms are made: while it is the same, so are they. One row; without it
-- nobody can tell whose pseudonym is whose.
CREATE TABLE xalt_pseudonym (
    pseudonym_id INTEGER NOT NULL,           -- 1
    secret       DIGEST NOT NULL,
    PRIMARY KEY (pseudonym_id)
);

-- Rows of other programs that got their keys here.
CREATE TABLE xalt_taken_over (
    table_name CHARS(32) NOT NULL,           -- xalt_run, xalt_object or xalt_pkg
    kept       BIGINT NOT NULL DEFAULT 0,    -- rows that were kept
    merged     BIGINT NOT NULL DEFAULT 0,    -- rows that were equal to a kept one, and went
    PRIMARY KEY (table_name)
);

-- version 3: what a user with very many runs ran is read without the runs of others

CREATE INDEX xalt_run_by_user_id ON xalt_run (
    user_id, date, program_id, job_number, num_cores, run_time, probability, cluster_id
);

-- version 4: nothing that was rejected, or filtered, is lost to what comes later; long accounts

-- Whether a file of --reject holds the record: 0 no, 1 yes. Rows of earlier versions may or may not
-- be in one: they are written again.
ALTER TABLE xalt_rejected ADD COLUMN saved INTEGER NOT NULL DEFAULT 0;

-- Runs that a filter left out while packages waited for them: those go when no other program of the
-- same uuid has come for some days.
CREATE TABLE xalt_pkg_filtered (
    run_uuid    CHARS(36) NOT NULL,          -- of the run
    filtered_at DOUBLE NOT NULL,             -- when, seconds since the epoch (UTC)
    PRIMARY KEY (run_uuid)
);

-- Accounts are as long as those of runs.
ALTER TABLE xalt_field_of_science WIDEN account TO CHARS(64);
