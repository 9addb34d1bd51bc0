-- AF metrics: the outbox of one machine, an SQLite file of its own.
--
-- See sql/usage.sql for the words in capitals. No token is ever stored here, and names are stored
-- as they are sent.

-- version 1: what waits, and what the next run needs to know

-- Documents that the endpoint has not taken yet, in the order in which they were collected.
CREATE TABLE afmetrics_document (
    number       SERIAL_BIG_ID,           -- place in the order; gaps are normal
    document_id  CHARS(36) NOT NULL,      -- tells a document that is sent again, in every place
    kind         CHARS(32) NOT NULL,      -- for instance ssh
    collected_at DOUBLE NOT NULL,         -- when, seconds since the epoch (UTC)
    body         BYTES NOT NULL,          -- the document as JSON, without the token
    tries        INTEGER NOT NULL DEFAULT 0,      -- how often it was sent in vain
    set_aside    CHARS(255) NOT NULL DEFAULT ''   -- why it never will be taken; '': it waits
);
CREATE INDEX afmetrics_document_waiting ON afmetrics_document (set_aside, number);

-- What one run leaves for the next one, as JSON.
CREATE TABLE afmetrics_state (
    name  CHARS(64) NOT NULL,             -- for instance network
    value BYTES NOT NULL,
    PRIMARY KEY (name)
);

-- Finished jobs that were reported, as long as a query could find them again. No clock says how
-- long that is: clocks are set back.
CREATE TABLE afmetrics_reported (
    batch_system CHARS(16) NOT NULL,      -- condor or slurm
    job_end      CHARS(255) NOT NULL,     -- number of the job, its run time and state
    seen_run     INTEGER NOT NULL,        -- the last run that found it
    PRIMARY KEY (batch_system, job_end)
);
