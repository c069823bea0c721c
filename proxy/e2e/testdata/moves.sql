-- What the suites of moving sessions need on MariaDB and on TiDB, the user aside.
CREATE DATABASE moves;
CREATE DATABASE moves_2;
-- No key: a row that is inserted twice is there twice.
CREATE TABLE moves.ledger (id VARCHAR(64) NOT NULL);
