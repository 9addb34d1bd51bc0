-- How far a copy of another database has come: usage_copy makes these tables in the database that it
-- fills.
--
-- See sql/usage.sql for the words in capitals.

-- version 1: where the rows come from, and how far each table has come

-- One row: the copy that this database was filled by.
CREATE TABLE usage_copy (
    copy_id   INTEGER NOT NULL,       -- 1
    source    CHARS(1000) NOT NULL,   -- the database that is copied
    begun_at  DOUBLE NOT NULL,        -- when it was begun, seconds since the epoch (UTC)
    ended_at  DOUBLE,                 -- when it was found equal, the same; NULL: it has not ended
    PRIMARY KEY (copy_id)
);

-- One row per table that is copied.
CREATE TABLE usage_copy_table (
    table_name CHARS(64) NOT NULL,    -- the table
    position   LONGTEXT NOT NULL,     -- JSON: primary key of the last row that was copied, bytes as
                                      -- {"hex": …}; '': none
    row_count  BIGINT NOT NULL,       -- rows that were copied
    is_whole   SMALLINT NOT NULL,     -- 1: the last row was reached
    PRIMARY KEY (table_name)
);
