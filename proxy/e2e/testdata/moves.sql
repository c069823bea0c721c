-- What the suites of moving sessions need on MariaDB and on TiDB, the user aside.
CREATE DATABASE moves;
CREATE DATABASE moves_2;
-- No key: a row that is inserted twice is there twice.
CREATE TABLE moves.ledger (id VARCHAR(64) NOT NULL);
-- By these the checker judges transactions: a server's name, money that is moved, and numbers that only grow.
CREATE TABLE moves.place (name VARCHAR(64) NOT NULL);
CREATE TABLE moves.accounts (id VARCHAR(64) PRIMARY KEY, balance INT NOT NULL);
CREATE TABLE moves.counters (id VARCHAR(64) PRIMARY KEY, n INT NOT NULL);
