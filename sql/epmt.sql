-- EPMT: what the processes and threads of each job did.
--
-- See sql/usage.sql for the words in capitals. Tables and columns are those of EPMT, the tables with
-- the prefix epmt_, for other tools live in the same database. What differs, and why:
--   - Rows have numbers; a name stands once. The cluster is part of what tells jobs apart.
--   - Moments are microseconds since the epoch (UTC), durations and CPU times microseconds, all
--     exact integers. A job also has its time zone, and its moments as the clocks there showed them.
--   - What EPMT keeps per process as two JSON objects, metrics of threads and their sums, is one
--     text here, and the names of the metrics stand once per job: a quarter of the bytes of a whole
--     database, and nothing to encode while a job is stored. Sums are
--     made from it where they are asked for (epmtlite/values.py).
--   - The process tree is stored as a nested set: two small numbers per process instead of a table
--     with every pair of an ancestor and a descendant, whose size grows with the depth. The
--     descendants of a process are the processes of its job whose tree_number lies in
--     tree_number + 1 ... tree_number + descendants.
--   - A job is stored with its sums and its tree, so none waits for post-processing.

-- version 1: jobs, processes and their metrics

-- One row per account that jobs ran as.
CREATE TABLE epmt_user (
    id         SERIAL_ID,                -- number of the user; gaps are normal
    name       CHARS(255) NOT NULL,      -- login name
    created_at DOUBLE NOT NULL,          -- when it was first seen, seconds since the epoch (UTC)
    UNIQUE (name)
);

-- One row per machine that processes ran on.
CREATE TABLE epmt_host (
    id         SERIAL_ID,                -- number of the host; gaps are normal
    name       CHARS(255) NOT NULL,      -- as the machine calls itself
    created_at DOUBLE NOT NULL,          -- when it was first seen, seconds since the epoch (UTC)
    UNIQUE (name)
);

-- One row per job. A job that has a row here is stored as a whole.
CREATE TABLE epmt_job (
    id               SERIAL_ID,          -- number of the job here; gaps are normal
    cluster          CHARS(64) NOT NULL, -- name of the cluster, '' where the site has but one
    jobid            CHARS(255) NOT NULL,   -- what the batch system calls the job
    created_at       DOUBLE NOT NULL,    -- when it was stored, seconds since the epoch (UTC)
    updated_at       DOUBLE NOT NULL,    -- when it was last changed, the same; not
                                         -- by the removal of names from its texts
    user_id          INTEGER NOT NULL,   -- epmt_user
    jobname          LONGTEXT NOT NULL,  -- name that its user gave it, or unknown
    zone             CHARS(64) NOT NULL, -- time zone of the job: a name, or an offset like +05:30
    day              INTEGER NOT NULL,   -- local day of the start, YYYYMMDD
    start            BIGINT NOT NULL,    -- microseconds since the epoch (UTC)
    "end"            BIGINT NOT NULL,    -- the same
    submit           BIGINT NOT NULL,    -- the same; as EPMT records it, equal to the start
    start_local      CHARS(32) NOT NULL, -- start as YYYY-MM-DD HH:MM:SS.ffffff in zone
    end_local        CHARS(32) NOT NULL, -- end in the same form
    submit_local     CHARS(32) NOT NULL, -- submit in the same form
    duration         BIGINT NOT NULL,    -- microseconds from start to end
    exitcode         INTEGER NOT NULL,   -- of the last program of the process that began first
    num_procs        INTEGER NOT NULL,   -- processes
    num_threads      BIGINT NOT NULL,    -- threads of all processes
    cpu_time         BIGINT NOT NULL,    -- microseconds of all processes, user and system
    peak_rss         BIGINT NOT NULL,    -- kilobytes of the process with the largest peak
    proc_sums        LONGTEXT NOT NULL,  -- JSON: num_procs, num_threads, and the sum of each metric,
                                         -- rssmax too, over all processes
    tags             LONGTEXT NOT NULL,  -- JSON: tags of the job, keys sorted
    annotations      LONGTEXT NOT NULL,  -- JSON: what was noted about the job
    analyses         LONGTEXT NOT NULL,  -- JSON: what analyses found
    info_dict        LONGTEXT NOT NULL,  -- JSON: tz, status, metric_names and more
    env_dict         LONGTEXT NOT NULL,  -- JSON: environment at the start
    env_changes_dict LONGTEXT NOT NULL,  -- JSON: what of it differed at the end
    UNIQUE (cluster, jobid)
);
CREATE INDEX epmt_job_by_jobid ON epmt_job (jobid);
CREATE INDEX epmt_job_by_start ON epmt_job (start);
CREATE INDEX epmt_job_by_end ON epmt_job ("end");
CREATE INDEX epmt_job_by_day ON epmt_job (day);

-- The machines of each job.
CREATE TABLE epmt_job_host (
    job_id  INTEGER NOT NULL,            -- epmt_job
    host_id INTEGER NOT NULL,            -- epmt_host
    PRIMARY KEY (job_id, host_id)
);
CREATE INDEX epmt_job_host_by_host ON epmt_job_host (host_id);

-- The different tags that processes of a job have: many processes share theirs.
CREATE TABLE epmt_process_tags (
    job_id INTEGER NOT NULL,             -- epmt_job
    number INTEGER NOT NULL,             -- within the job, from 1
    tags   LONGTEXT NOT NULL,            -- JSON object, keys sorted
    PRIMARY KEY (job_id, number)
);

-- The names of the metrics of a job: one row, unless its hosts differ in what they can measure.
CREATE TABLE epmt_metric_names (
    job_id INTEGER NOT NULL,             -- epmt_job
    number INTEGER NOT NULL,             -- within the job, from 1
    names  LONGTEXT NOT NULL,            -- joined by commas, in the order of the values
    PRIMARY KEY (job_id, number)
);

-- One row per process, and per program that it executed.
CREATE TABLE epmt_process (
    id                 SERIAL_BIG_ID,    -- 16777216 times job_id, plus the number of the process in
                                         -- its job, from 1: known before the row is written
    job_id             INTEGER NOT NULL, -- epmt_job; the row counts only if that is there
    host_id            INTEGER NOT NULL, -- epmt_host
    tags_number        INTEGER NOT NULL, -- epmt_process_tags; 0: none
    metrics_number     INTEGER NOT NULL, -- epmt_metric_names
    exename            LONGTEXT NOT NULL,   -- last part of the path
    path               LONGTEXT NOT NULL,   -- of the executable
    args               LONGTEXT NOT NULL,   -- arguments, joined by blanks
    pid                INTEGER NOT NULL, -- process id on its host
    gen                INTEGER NOT NULL, -- how often the process had executed a program before
    ppid               INTEGER NOT NULL, -- process id of its parent
    pgid               INTEGER NOT NULL, -- of its process group
    sid                INTEGER NOT NULL, -- of its session
    exitcode           INTEGER NOT NULL, -- status that it ended with
    exitsignal         INTEGER NOT NULL, -- 0: no signal ended it, or nothing is known of one
    start              BIGINT NOT NULL,  -- microseconds since the epoch (UTC)
    "end"              BIGINT NOT NULL,  -- the same
    duration           BIGINT NOT NULL,  -- microseconds from start to end
    cpu_time           BIGINT NOT NULL,  -- microseconds of its own threads, user and system
    inclusive_cpu_time BIGINT NOT NULL,  -- the same with those of all its descendants
    peak_rss           BIGINT NOT NULL,  -- kilobytes, the largest rssmax of its threads
    parent_id          BIGINT,           -- epmt_process; NULL: its parent was not recorded
    depth              INTEGER NOT NULL, -- generations above it; 0: a root
    tree_number        INTEGER NOT NULL, -- place in the job's process tree, parents first, from 1
    descendants        INTEGER NOT NULL, -- how many processes are below it
    numtids            INTEGER NOT NULL, -- threads
    threads            LONGTEXT NOT NULL -- metrics of the threads: the values of the first thread,
                                         -- then those of the next, joined by commas; raw, as read
);
CREATE INDEX epmt_process_by_job ON epmt_process (job_id);

-- Jobs whose processes are in the database in part: they are being stored or deleted, in steps.
-- What a killed command left here, the next one that submits or deletes removes.
CREATE TABLE epmt_partial (
    job_id   INTEGER NOT NULL,           -- number of a job that has no row in epmt_job
    begun_at DOUBLE NOT NULL,            -- when a step of that began, seconds since the epoch (UTC);
                                         -- negative: it is being removed
    PRIMARY KEY (job_id)
);

-- version 2: models of jobs that outliers are measured with

-- One row per model: what jobs that are as they should be look like.
CREATE TABLE epmt_refmodel (
    id         SERIAL_ID,                -- number of the model; gaps are normal
    name       CHARS(255) NOT NULL,      -- what people call it
    created_at DOUBLE NOT NULL,          -- when it was made, seconds since the epoch (UTC)
    updated_at DOUBLE NOT NULL,          -- when it was last changed, the same
    enabled    INTEGER NOT NULL,         -- 1: it is used; 0: it is not
    tags       LONGTEXT NOT NULL,        -- JSON: tags of the model, keys sorted
    op_tags    LONGTEXT NOT NULL,        -- JSON: list of the tags of the operations that it is of;
                                         -- []: it is of whole jobs
    computed   LONGTEXT NOT NULL,        -- JSON: {method: {feature: [highest score, two parameters
                                         -- of the method]}}, of each operation one under its tags
    info_dict  LONGTEXT NOT NULL,        -- JSON: active_metrics, and what else is known of it
    UNIQUE (name)
);

-- The jobs that each model was made of: they are not deleted before it.
CREATE TABLE epmt_refmodel_job (
    refmodel_id INTEGER NOT NULL,        -- epmt_refmodel
    job_id      INTEGER NOT NULL,        -- epmt_job
    PRIMARY KEY (refmodel_id, job_id)
);
CREATE INDEX epmt_refmodel_job_by_job ON epmt_refmodel_job (job_id);

-- version 3: the jobs of a user are found without reading all

CREATE INDEX epmt_job_by_user ON epmt_job (user_id, start);
