"""The PyMySQL client of the end-to-end suite; package e2e says how it is called and what it prints."""

import hashlib
import os
import sys
import warnings

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import SSCursor

MAX_PAYLOAD = (1 << 24) - 1
LOAD_FILES = os.environ.get("E2E_LOAD_FILES", "")
HOST, PORT, USER, PASSWORD, SCRATCH = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
CHECKS = []


def check(name):
    """Registers a check; what it raises was not expected."""

    def register(function):
        CHECKS.append((name, function))
        return function

    return register


def connect(**options):
    options = {
        "host": HOST, "port": PORT, "user": USER, "password": PASSWORD, "database": "fixtures", "charset": "utf8mb4",
        "local_infile": True, "connect_timeout": 20, "read_timeout": 20, "write_timeout": 20,
        "max_allowed_packet": 1 << 30, **options,
    }  # fmt: skip
    return pymysql.connect(**options)


def value(connection, query, args=None):
    with connection.cursor() as cursor:
        cursor.execute(query, args)
        return cursor.fetchone()[0]


def run(connection, *queries):
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query)


def one(query, args=None, **options):
    with connect(**options) as connection:
        return value(connection, query, args)


def digest(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def cell(v):
    if isinstance(v, (str, bytes)) and len(v) > 64:
        return f"{type(v).__name__}:{len(v)}:{digest(v)[:12]}"
    return repr(v)


def failure(function, *args, message=False, **options):
    """The server's error that a call meets."""
    try:
        got = function(*args, **options)
    except pymysql.err.MySQLError as e:
        return f"{e.args[0]} {e.args[1]}" if message else str(e.args[0])
    raise AssertionError(f"no error but {got!r}")


@check("auth.password")
def _():
    return one("SELECT CURRENT_USER()")


@check("auth.empty")
def _():
    return one("SELECT CURRENT_USER()", user="e2e_empty", password="")


@check("auth.wrong_password")
def _():
    return failure(connect, password="wrong")


@check("auth.unknown_database")
def _():
    return failure(connect, database="nowhere")


def without_pynacl(**options):
    """ed25519 needs PyNaCl, which is not installed: the client gives up in the middle of the login."""
    try:
        connect(**options)
    except RuntimeError as e:
        return f"{e} then {one('SELECT 1')}"
    raise AssertionError("ed25519 without PyNaCl")


@check("auth.ed25519")
def _():
    return without_pynacl(user="e2e_ed25519", password="edwards")


@check("auth.switch")
def _():  # ed25519 comes first
    return without_pynacl(user="e2e_multi", password="native")


@check("auth.no_database")
def _():
    return repr(one("SELECT DATABASE()", database=None))


@check("auth.charset")
def _():
    return one("SELECT CONCAT(@@character_set_client, ' ', HEX(%s))", ("é",), charset="latin1")


@check("types.metadata")
def _():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM types ORDER BY id")
        fields = cursor._result.fields
        return ", ".join(f"{f.name} {f.org_table} {f.db} {f.charsetnr} {f.length} {f.type_code} {f.flags} {f.scale}" for f in fields)


@check("types.text")
def _():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM types ORDER BY id")
        return "; ".join(", ".join(map(cell, row)) for row in cursor.fetchall())


@check("types.parameters")
def _():
    values = [None, -1, -(1 << 63), (1 << 64) - 1, 1.5, True, "", "grüße 🙂", b"", bytes(range(256)), "p" * 251, b"p" * 70000]
    query = "SELECT CONCAT_WS(' ', LENGTH(v), MD5(v), v IS NULL) FROM (SELECT %s AS v) AS p"
    return ", ".join(one(query, (v,)) for v in values)


def row_digest(cursor_class):
    with connect() as connection, connection.cursor(cursor_class) as cursor:
        cursor.execute("SELECT id, name FROM rows10k ORDER BY id")
        hashed, n = hashlib.sha256(), 0
        for id_, name in cursor:
            hashed.update(f"{id_}|{name}\n".encode())
            n += 1
        return f"{n} {hashed.hexdigest()}"


@check("rows.10000")
def _():
    return row_digest(None)


@check("rows.10000_unbuffered")
def _():
    return row_digest(SSCursor)


@check("rows.20mb")
def _():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT REPEAT(SHA2(seq, 256), 1600) FROM seq_1_to_200")
        rows = [row[0] for row in cursor.fetchall()]
        return f"{len(rows)} {sum(map(len, rows))} {digest(''.join(rows))}"


@check("rows.edges")
def _():
    lengths = [250, 251, 65535, 65536, MAX_PAYLOAD - 5, MAX_PAYLOAD - 4, MAX_PAYLOAD - 3, MAX_PAYLOAD, MAX_PAYLOAD + 1]
    with connect() as connection:
        rows = [value(connection, f"SELECT REPEAT('x', {n})") for n in lengths]
    return ",".join(f"{len(row)}={digest(row)[:8]}" for row in rows)


@check("packet.edges")
def _():
    shown = []
    with connect() as connection:
        for size in [MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD]:
            literal = size - len("\x03SELECT CRC32('')")
            text = ("0123456789" * (literal // 10 + 1))[:literal]
            shown.append(str(value(connection, f"SELECT CRC32('{text}')")))
    return ",".join(shown)


@check("packet.17mb")
def _():
    with connect() as connection:
        run(connection, "CREATE TEMPORARY TABLE big (v LONGBLOB)")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO big VALUES (%s)", ("0123456789abcdef" * ((17 << 20) // 16),))
        got = value(connection, "SELECT v FROM big")
    return f"{len(got)} {digest(got)}"


@check("packet.too_big")
def _():
    try:
        one(f"SELECT LENGTH('{'x' * (70 << 20)}')")
    except (pymysql.err.MySQLError, OSError):
        return f"error then {one('SELECT 1')}"
    raise AssertionError("70 MiB were taken")


@check("columns.1000")
def _():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"{i} AS column_{i}" for i in range(1, 1001)))
        row = cursor.fetchone()
        return f"{len(row)} {sum(row)}"


@check("result.abandoned")
def _():
    with connect() as connection:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with connection.cursor(SSCursor) as cursor:
                cursor.execute("SELECT seq, REPEAT('y', 1000) FROM seq_1_to_20000")
                first = cursor.fetchone()[0]
        return f"{first} then {value(connection, 'SELECT 1')}"


@check("result.cut")
def _():
    """Closes the connection in the middle of a result; the next connection works."""
    connection = connect()
    cursor = connection.cursor(SSCursor)
    cursor.execute("SELECT seq, REPEAT('y', 1000) FROM seq_1_to_20000")
    cursor.fetchone()
    connection._force_close()
    return one("SELECT 1")


@check("result.too_big")
def _():
    with connect() as connection:
        got = value(connection, "SELECT REPEAT('x', 70000000)")
        return f"{'NULL' if got is None else len(got)} then {value(connection, 'SELECT @@warning_count')}"


def sets(query, args=None, after="SELECT 1", cursor_class=None):
    """Every result set of the answer, or the error in its place, then one more question on the same connection."""
    shown = []
    with connect(client_flag=CLIENT.MULTI_STATEMENTS) as connection:
        with connection.cursor(cursor_class) as cursor:
            try:
                cursor.execute(query, args)
                while True:
                    names = [d[0] for d in cursor.description or ()]
                    shown.append(f"{names} {cursor.rowcount} {list(cursor.fetchall())}")
                    if not cursor.nextset():
                        break
            except pymysql.err.MySQLError as e:
                shown.append(str(e.args))
        return "; ".join(shown) + f" then {value(connection, after)}"


@check("multi.statements")
def _():
    return sets("SELECT 1 AS a; SELECT 2 AS b, 3 AS c UNION SELECT 4, 5; DO 0; SELECT NULL LIMIT 0; SELECT 'last'")


@check("multi.unbuffered")
def _():
    return sets("SELECT 1 AS a; SELECT seq FROM seq_1_to_3; DO 0; SELECT 'last'", cursor_class=SSCursor)


@check("multi.error")
def _():
    return sets("SELECT 1 AS a; SELECT * FROM nowhere; SELECT 3")


@check("proc.results")
def _():
    return sets("CALL p_results(7)")


@check("proc.out")
def _():
    with connect() as connection, connection.cursor() as cursor:
        cursor.callproc("p_out", (21, None, 5))
        cursor.execute("SELECT @_p_out_1, @_p_out_2")
        return repr(cursor.fetchone())


@check("proc.fails")
def _():
    return sets("CALL p_fails()")


def load(connection, name):
    run(connection, "CREATE OR REPLACE TEMPORARY TABLE l (id INT, v LONGTEXT)")
    with connection.cursor() as cursor:
        n = cursor.execute(f"LOAD DATA LOCAL INFILE '{LOAD_FILES}/{name}' INTO TABLE l FIELDS TERMINATED BY ','")
    if n == 0:
        return "0"
    return f"{n} " + str(int(value(connection, "SELECT IF(MAX(LENGTH(v)) > 1000, SUM(LENGTH(v)), SUM(id)) FROM l")))


@check("load.local")
def _():
    with connect() as connection:
        return " ".join(load(connection, name) for name in ("rows.csv", "empty.csv", "big.csv"))


@check("load.missing_file")
def _():
    with connect() as connection:
        code = failure(load, connection, "missing.csv")
        return f"{code} then {value(connection, 'SELECT 1')}"


@check("load.not_asked_for")
def _():
    """Without CLIENT_LOCAL_FILES the server refuses."""
    with connect(local_infile=False) as connection:
        code = failure(load, connection, "rows.csv")
        return f"{code} then {value(connection, 'SELECT 1')}"


def failing(*queries, message=False):
    """The last query fails, and the connection lives on."""
    with connect() as connection:
        run(connection, *queries[:-1])
        text = failure(run, connection, queries[-1], message=message)
        return f"{text} then {value(connection, 'SELECT 1')}"


@check("error.syntax")
def _():
    return failing("SELEC 1")


@check("error.unknown_table")
def _():
    return failing("SELECT * FROM nowhere")


@check("error.duplicate")
def _():
    return failing("CREATE TEMPORARY TABLE d (id INT PRIMARY KEY)", "INSERT INTO d VALUES (1)", "INSERT INTO d VALUES (1)")


@check("error.signal")
def _():
    return failing("SIGNAL SQLSTATE '45001' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'signalled: é'", message=True)


@check("error.midresult")
def _():
    query = "SELECT id, (SELECT seq FROM seq_1_to_2 WHERE seq <= IF(r.id < 5000, 1, 2)) FROM rows10k AS r ORDER BY id"
    with connect() as connection, connection.cursor(SSCursor) as cursor:
        cursor.execute(query)
        n = 0
        try:
            for _row in cursor:
                n += 1
        except pymysql.err.MySQLError as e:
            return f"{n} rows {e.args[0]} then {value(connection, 'SELECT 1')}"
    raise AssertionError("no error")


@check("insert_id")
def _():
    with connect() as connection, connection.cursor() as cursor:
        run(connection, "CREATE TEMPORARY TABLE i (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 1000")
        n = cursor.execute("INSERT INTO i (v) VALUES (1), (2), (3)")
        return f"{cursor.lastrowid} {n}"


@check("affected")
def _():
    shown = []
    for flags in (0, CLIENT.FOUND_ROWS):
        with connect(client_flag=flags) as connection, connection.cursor() as cursor:
            run(connection, "CREATE TEMPORARY TABLE a AS SELECT * FROM rows10k")
            shown.append(cursor.execute("UPDATE a SET name = 'row-1' WHERE id <= 300"))
            shown.append(cursor.execute("DELETE FROM a"))
    return repr(shown)


@check("tx")
def _():
    shown = []
    with connect() as connection:
        run(connection, "CREATE TEMPORARY TABLE tx (id INT) ENGINE=InnoDB")
        for end in (connection.commit, connection.rollback):
            connection.begin()
            run(connection, "INSERT INTO tx VALUES (1)")
            end()
            shown.append(value(connection, "SELECT COUNT(*) FROM tx"))
        connection.autocommit(False)
        run(connection, "INSERT INTO tx VALUES (2)")
        connection.rollback()
        connection.autocommit(True)
        shown.append(value(connection, "SELECT COUNT(*) FROM tx"))
    return " ".join(map(str, shown))


@check("warnings")
def _():
    with connect() as connection:
        value(connection, "SELECT 1/0")
        return str(connection.show_warnings()[0][1])


@check("use")
def _():
    with connect() as connection:
        connection.select_db("fixtures_2")
        first = value(connection, "SELECT DATABASE()")
        connection.select_db("fixtures")
        return f"{first} {value(connection, 'SELECT DATABASE()')}"


@check("ping")
def _():
    with connect() as connection:
        connection.ping(reconnect=False)
        return f"{connection.ping(reconnect=False)} {value(connection, 'SELECT 1')}"


@check("charset")
def _():
    with connect() as connection:
        connection.set_character_set("latin1")
        return value(connection, "SELECT CONCAT(@@character_set_client, ' ', HEX(%s))", ("é",))


@check("init_command")
def _():
    return str(one("SELECT @@sql_select_limit", init_command="SET sql_select_limit = 77"))


@check("batch")
def _():
    with connect() as connection, connection.cursor() as cursor:
        run(connection, "CREATE TEMPORARY TABLE b (id INT, v TEXT)")
        n = cursor.executemany("INSERT INTO b VALUES (%s, %s)", [(i, f"v{i}") for i in range(5000)])
        return f"{n} {value(connection, 'SELECT CONCAT(COUNT(*), MD5(GROUP_CONCAT(id, v))) FROM b')}"


@check("scratch")
def _():
    with connect(database=SCRATCH) as connection:
        run(
            connection, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, v TEXT)", "LOCK TABLES t WRITE",
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "UNLOCK TABLES", "DELETE FROM t WHERE id = 1", "COMMIT",
        )  # fmt: skip
        return value(connection, "SELECT GROUP_CONCAT(v) FROM t")


def main():
    if sys.argv[6] == "connect":
        for _ in range(int(sys.argv[7])):
            assert one("SELECT CURRENT_USER()") == "e2e@%"
        print(f"connect\t{sys.argv[7]}")
        return
    for name, function in CHECKS:
        try:
            outcome = str(function())
        except Exception as e:  # whatever it is, it is the outcome
            outcome = f"!UNEXPECTED {type(e).__name__}: {e}"
        print(name, outcome.replace("\n", "\\n"), sep="\t", flush=True)


main()
