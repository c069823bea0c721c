-- What BI tools and database browsers send to a StarRocks FE when they connect and when they show what there is, as their sources have it; the database is
-- called jobs, and has a table revenue. One statement a line.

-- Superset, superset/db_engine_specs/starrocks.py (get_catalog_names, get_schema_names); tables and columns come by SQLAlchemy's dialect, which runs for real
SHOW CATALOGS
SHOW DATABASES
SELECT 1

-- DBeaver, plugins/org.jkiss.dbeaver.ext.starrocks (StarRocksExecutionContext, StarRocksDataSource, StarRocksDatabase)
SELECT CATALOG()
SELECT DATABASE()
SET CATALOG `default_catalog`
USE `jobs`
SHOW CATALOGS
SHOW FULL TABLES FROM `jobs`
SHOW FULL COLUMNS FROM `jobs`.`revenue`
SHOW FULL COLUMNS FROM `revenue` FROM `jobs`
SELECT * FROM `default_catalog`.`jobs`.`revenue` LIMIT 0, 200

-- DBeaver as a client of MySQL, plugins/org.jkiss.dbeaver.ext.mysql/…/MySQLDataSource.java (initialize, CatalogCache, loadParameters, loadPrivileges)
SHOW ENGINES
SHOW CHARSET
SHOW COLLATION
SELECT * FROM information_schema.SCHEMATA
use `jobs`
SHOW VARIABLES
SHOW GLOBAL VARIABLES
SHOW STATUS
SHOW GLOBAL STATUS
SHOW PRIVILEGES

-- Metabase as a client of MySQL, src/metabase/driver/mysql.clj (describe-fields-sql, describe-fks-sql, current-user-table-privileges)
SELECT DATABASE()
SHOW TABLES
SELECT `c`.`column_name` AS `name`, `c`.`ordinal_position` - 1 AS `database-position`, NULL AS `table-schema`, `c`.`table_name` AS `table-name`, IF(`column_type` = 'tinyint(1)', 'BIT', UPPER(`c`.`data_type`)) AS `database-type`, `c`.`extra` = 'auto_increment' AS `database-is-auto-increment`, ((`column_default` IS NULL) OR (LOWER(`column_default`) = 'null')) AND (`is_nullable` = 'NO') AND NOT (`c`.`extra` = 'auto_increment') AS `database-required`, `c`.`column_key` = 'PRI' AS `pk?`, `is_nullable` = 'YES' AS `database-is-nullable`, IF(LOWER(`column_default`) = 'null', NULL, `column_default`) AS `database-default`, (`generation_expression` IS NOT NULL) AND (`generation_expression` <> '') AS `database-is-generated`, NULLIF(`c`.`column_comment`, '') AS `field-comment` FROM `information_schema`.`columns` AS `c` WHERE (c.table_schema not in ('information_schema','performance_schema','sys','mysql')) AND (c.table_name not in ('innodb_table_stats', 'innodb_index_stats')) AND (`c`.`table_schema` = 'jobs') ORDER BY `c`.`table_name` ASC, `c`.`ordinal_position` ASC
SELECT NULL AS `pk-table-schema`, `a`.`referenced_table_name` AS `pk-table-name`, `a`.`referenced_column_name` AS `pk-column-name`, NULL AS `fk-table-schema`, `a`.`table_name` AS `fk-table-name`, `a`.`column_name` AS `fk-column-name` FROM `information_schema`.`key_column_usage` AS `a` INNER JOIN `information_schema`.`table_constraints` AS `b` USING (`constraint_schema`, `constraint_name`, `table_name`) WHERE (`b`.`constraint_type` = 'FOREIGN KEY') AND (`a`.`referenced_table_schema` IS NOT NULL) ORDER BY `a`.`table_name` ASC

-- Metabase with a driver for StarRocks (mysql-starrocks: can-connect?, describe-database, get-fields, db-default-timezone)
SELECT 1
SELECT @@system_time_zone
SHOW DATABASES
SHOW TABLES FROM `jobs`
SHOW FULL COLUMNS FROM `jobs`.`revenue`
SELECT COLUMN_NAME, DATA_TYPE, ORDINAL_POSITION FROM information_schema.columns WHERE TABLE_SCHEMA = 'jobs' AND TABLE_NAME = 'revenue' ORDER BY ORDINAL_POSITION
DESCRIBE `jobs`.`revenue`
SELECT `jobs`.`revenue`.`code` AS `code`, COUNT(*) AS `count` FROM `jobs`.`revenue` GROUP BY `jobs`.`revenue`.`code` ORDER BY `count` DESC, `jobs`.`revenue`.`code` ASC LIMIT 2000
