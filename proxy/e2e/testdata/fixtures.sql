-- What every server of the suite holds, identically. Executed as one multi-statement by the harness.

CREATE USER e2e@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('secret, "quoted"');
CREATE USER e2e_empty@'%' IDENTIFIED VIA mysql_native_password USING '';
CREATE USER e2e_other@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('other');
CREATE USER e2e_ed25519@'%' IDENTIFIED VIA ed25519 USING PASSWORD('edwards');
-- Two ways in: the server asks for ed25519 first and, when that fails, for the native password.
CREATE USER e2e_multi@'%' IDENTIFIED VIA ed25519 USING PASSWORD('unused') OR mysql_native_password USING PASSWORD('native');
GRANT ALL ON *.* TO e2e@'%';
GRANT ALL ON *.* TO e2e_empty@'%';
GRANT ALL ON *.* TO e2e_other@'%';
GRANT SELECT ON *.* TO e2e_ed25519@'%';
GRANT SELECT ON *.* TO e2e_multi@'%';

CREATE DATABASE fixtures CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE DATABASE fixtures_2 CHARACTER SET latin1;
-- Each client writes in a database of its own.
CREATE DATABASE scratch_gosql CHARACTER SET utf8mb4;
CREATE DATABASE scratch_cli CHARACTER SET utf8mb4;
CREATE DATABASE scratch_pymysql CHARACTER SET utf8mb4;
CREATE DATABASE scratch_mysqli CHARACTER SET utf8mb4;
CREATE DATABASE scratch_mysql2 CHARACTER SET utf8mb4;
CREATE DATABASE scratch_npm_mariadb CHARACTER SET utf8mb4;
CREATE DATABASE scratch_connectorj CHARACTER SET utf8mb4;
CREATE DATABASE scratch_mariadbj CHARACTER SET utf8mb4;
-- mariadb-import takes the table's name from the file's, and a connection of its own.
CREATE TABLE scratch_cli.imported (id INT, v TEXT);
USE fixtures;

CREATE TABLE types (
  id INT PRIMARY KEY,
  c_bool BOOLEAN,
  c_tinyint TINYINT,
  c_utinyint TINYINT UNSIGNED,
  c_smallint SMALLINT,
  c_usmallint SMALLINT UNSIGNED,
  c_mediumint MEDIUMINT,
  c_umediumint MEDIUMINT UNSIGNED,
  c_int INT,
  c_uint INT UNSIGNED,
  c_zerofill INT(8) UNSIGNED ZEROFILL,
  c_bigint BIGINT,
  c_ubigint BIGINT UNSIGNED,
  c_float FLOAT,
  c_double DOUBLE,
  c_decimal DECIMAL(65,30),
  c_bit1 BIT(1),
  c_bit64 BIT(64),
  c_year YEAR,
  c_date DATE,
  c_time TIME,
  c_time6 TIME(6),
  c_datetime DATETIME,
  c_datetime6 DATETIME(6),
  c_timestamp6 TIMESTAMP(6) NULL DEFAULT NULL,
  c_char CHAR(10),
  c_varchar VARCHAR(300),
  c_latin1 VARCHAR(50) CHARACTER SET latin1,
  c_binary BINARY(8),
  c_varbinary VARBINARY(300),
  c_tinyblob TINYBLOB,
  c_blob BLOB,
  c_mediumblob MEDIUMBLOB,
  c_longblob LONGBLOB,
  c_tinytext TINYTEXT,
  c_text TEXT,
  c_mediumtext MEDIUMTEXT,
  c_longtext LONGTEXT,
  c_enum ENUM('', 'small', 'größe', '🙂'),
  c_set SET('a', 'b', 'c'),
  c_json JSON,
  c_uuid UUID,
  c_inet4 INET4,
  c_inet6 INET6,
  c_point POINT
) CHARACTER SET utf8mb4;

-- 1: NULL everywhere.
INSERT INTO types (id) VALUES (1);
-- 2: zero and the empty string.
INSERT INTO types VALUES (2,
  FALSE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'0', b'0',
  1901, '1970-01-02', '00:00:00', '00:00:00', '1970-01-02 00:00:00', '1970-01-02 00:00:00', '1970-01-02 00:00:00',
  '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '{}',
  '00000000-0000-0000-0000-000000000000', '0.0.0.0', '::', POINT(0, 0));
-- 3: the largest values.
INSERT INTO types VALUES (3,
  TRUE, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 99999999,
  9223372036854775807, 18446744073709551615, 3.40282e38, 1.7976931348623157e308,
  99999999999999999999999999999999999.999999999999999999999999999999, b'1', 18446744073709551615,
  2155, '9999-12-31', '838:59:59', '838:59:59.999999', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999',
  '2038-01-19 03:14:07.999999',
  '🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂', REPEAT('🙂', 300), REPEAT('é', 50), REPEAT(x'ff', 8), REPEAT(x'ff', 300),
  REPEAT(x'ff', 255), REPEAT(x'fe', 65535), REPEAT(x'fd', 65536), REPEAT(x'fc', 300000),
  REPEAT('t', 255), REPEAT('é', 32767), REPEAT('m', 65536), REPEAT('🙂', 75000),
  '🙂', 'a,b,c', CONCAT('["', REPEAT('j', 70000), '"]'),
  'ffffffff-ffff-ffff-ffff-ffffffffffff', '255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', POINT(1e308, -1e308));
-- 4: the smallest values.
INSERT INTO types VALUES (4,
  FALSE, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, 1,
  -9223372036854775808, 0, -3.40282e38, -1.7976931348623157e308,
  -99999999999999999999999999999999999.999999999999999999999999999999, b'0', 1,
  1901, '1000-01-01', '-838:59:59', '-838:59:59.999999', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000001',
  '1970-01-01 00:00:01.000001',
  ' ', ' ', ' ', x'00', x'00', x'00', x'00', x'00', x'00', ' ', ' ', ' ', ' ',
  'small', 'b', 'null', '00000000-0000-0000-0000-000000000001', '0.0.0.1', '::1', POINT(-1, -1));
-- 5: everyday values, every byte, and lengths at which the length's own encoding grows.
INSERT INTO types VALUES (5,
  TRUE, 42, 200, -1234, 54321, 123456, 9999999, -123456789, 3123456789, 42,
  -1234567890123456789, 12345678901234567890, 1.5, 0.1, 12345.678900000000000000000000000001, b'1', x'0123456789abcdef',
  2026, '2024-02-29', '12:34:56', '-12:34:56.000789', '2024-02-29 12:34:56', '2024-02-29 12:34:56.000789',
  '2024-02-29 12:34:56.123456',
  'naïve', 'Grüße, 世界 🙂 "quoted" \\ back\tslash\nline\0nul', 'café', x'0001020304050607', REPEAT(x'00ff', 125),
  REPEAT('b', 250), REPEAT('b', 251), REPEAT('b', 65535), REPEAT('b', 65536),
  REPEAT('x', 250), REPEAT('x', 251), REPEAT('x', 65535), REPEAT('x', 65536),
  'größe', 'a,c', '{"key": ["värde", 1.5, null, true, {"nested": "🙂"}]}',
  '123e4567-e89b-12d3-a456-426614174000', '192.0.2.1', '2001:db8::ff00:42:8329', POINT(1.5, 2.25));

CREATE TABLE rows10k (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL);
INSERT INTO rows10k SELECT seq, CONCAT('row-', seq) FROM seq_1_to_10000;

CREATE PROCEDURE p_results(IN n INT) BEGIN
  SELECT n AS n;
  SELECT id, name FROM rows10k WHERE id <= 3 ORDER BY id;
  SELECT NULL AS nothing LIMIT 0;
END;
CREATE PROCEDURE p_out(IN a INT, OUT doubled INT, INOUT counter INT) BEGIN
  SET doubled = a * 2;
  SET counter = counter + 1;
END;
CREATE PROCEDURE p_fails() BEGIN
  SELECT 'before' AS word;
  SIGNAL SQLSTATE '45001' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'signalled: é';
END;
