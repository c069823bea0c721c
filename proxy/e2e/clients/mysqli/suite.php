<?php
// The PHP mysqli (mysqlnd) client of the end-to-end suite; package e2e says how it is called and what it prints.

declare(strict_types=1);

[, $host, $port, $user, $password, $scratch, $mode] = $argv;
const MAX_PAYLOAD = (1 << 24) - 1;
const ALL_TYPES = 'SELECT * FROM types WHERE id > ? ORDER BY id';
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
ini_set('default_socket_timeout', '20');

/** Opens a connection; options are user, password, database, flags, charset. */
function connect(array $options = []): mysqli
{
    global $host, $port, $user, $password;
    $options += ['user' => $user, 'password' => $password, 'database' => 'fixtures', 'flags' => 0, 'charset' => 'utf8mb4'];
    $connection = mysqli_init();
    $connection->options(MYSQLI_OPT_CONNECT_TIMEOUT, 20);
    $connection->options(MYSQLI_OPT_READ_TIMEOUT, 20);
    $connection->options(MYSQLI_OPT_LOCAL_INFILE, 1);
    $connection->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, 1);
    $connection->options(MYSQLI_SET_CHARSET_NAME, $options['charset']);
    $options['flags'] |= getenv('E2E_COMPRESS') ? MYSQLI_CLIENT_COMPRESS : 0;
    $connection->real_connect($host, $options['user'], $options['password'], $options['database'], (int) $port, null, $options['flags']);
    return $connection;
}

function value(mysqli $connection, string $query): mixed
{
    return $connection->query($query)->fetch_row()[0];
}

function one(string $query, array $options = []): mixed
{
    $connection = connect($options);
    $got = value($connection, $query);
    $connection->close();
    return $got;
}

function run(mysqli $connection, string ...$queries): void
{
    foreach ($queries as $query) {
        $connection->query($query);
    }
}

function cell(mixed $v): string
{
    if (is_string($v) && strlen($v) > 64) {
        return strlen($v) . ':' . substr(hash('sha256', $v), 0, 12);
    }
    return is_string($v) && !preg_match('//u', $v) ? '0x' . bin2hex($v) : var_export($v, true);
}

function row(array $row): string
{
    return '(' . implode(', ', array_map(cell(...), $row)) . ')';
}

/** The server's error that a call meets. */
function failure(callable $call, bool $full = false): string
{
    try {
        $call();
    } catch (mysqli_sql_exception $e) {
        return $full ? "{$e->getCode()} {$e->getSqlState()} {$e->getMessage()}" : (string) $e->getCode();
    }
    throw new Exception('no error');
}

/** The last query fails, and the connection lives on. */
function failing(bool $full, string ...$queries): string
{
    $connection = connect();
    $last = array_pop($queries);
    run($connection, ...$queries);
    return failure(fn() => $connection->query($last), $full) . ' then ' . value($connection, 'SELECT 1');
}

/** Every result set of the answer, or the error in its place, then one more question on the same connection. */
function sets(string $query, array $options = []): string
{
    $connection = connect($options);
    $shown = [];
    try {
        $connection->multi_query($query);
        do {
            if ($result = $connection->store_result()) {
                $shown[] = implode(' ', array_map(row(...), $result->fetch_all())) ?: 'empty';
                $result->free();
            } else {
                $shown[] = "ok {$connection->affected_rows}";
            }
        } while ($connection->more_results() && $connection->next_result());
    } catch (mysqli_sql_exception $e) {
        $shown[] = "{$e->getCode()} {$e->getSqlState()} {$e->getMessage()}";
    }
    return implode('; ', $shown) . ' then ' . value($connection, 'SELECT 1');
}

function load(mysqli $connection, string $name): string
{
    run($connection, 'CREATE OR REPLACE TEMPORARY TABLE l (id INT, v LONGTEXT)');
    $path = getenv('E2E_LOAD_FILES') . "/$name";
    $connection->query("LOAD DATA LOCAL INFILE '$path' INTO TABLE l FIELDS TERMINATED BY ','");
    $n = $connection->affected_rows;
    return $n === 0 ? '0' : "$n " . value($connection, 'SELECT IF(MAX(LENGTH(v)) > 1000, SUM(LENGTH(v)), SUM(id)) FROM l');
}

function rowDigest(Traversable $rows): string
{
    $hash = hash_init('sha256');
    $n = 0;
    foreach ($rows as $row) {
        hash_update($hash, "{$row['id']}|{$row['name']}\n");
        $n++;
    }
    return "$n " . hash_final($hash);
}

function whoami(mysqli $connection): string
{
    return value($connection, 'SELECT CONCAT(CURRENT_USER(), " ", IFNULL(DATABASE(), "none"), " ", IFNULL(@marker, "clean"))');
}

$checks = [
    'auth.password' => fn() => one('SELECT CURRENT_USER()'),
    'auth.empty' => fn() => one('SELECT CURRENT_USER()', ['user' => 'e2e_empty', 'password' => '']),
    'auth.wrong_password' => fn() => failure(fn() => connect(['password' => 'wrong'])),
    'auth.unknown_database' => fn() => failure(fn() => connect(['database' => 'nowhere'])),
    // mysqlnd has no ed25519.
    'auth.ed25519' => fn() => failure(fn() => @connect(['user' => 'e2e_ed25519', 'password' => 'edwards']), true),
    'auth.switch' => fn() => failure(fn() => @connect(['user' => 'e2e_multi', 'password' => 'native']), true),
    'auth.no_database' => fn() => cell(one('SELECT DATABASE()', ['database' => null])),
    'auth.charset' => fn() => one('SELECT CONCAT(@@character_set_client, " ", HEX("é"))', ['charset' => 'latin1']),
    'compress' => fn() => cell(one("SELECT REPEAT('compress me ', 100000)", ['flags' => MYSQLI_CLIENT_COMPRESS])),
    'types.metadata' => function () {
        $shown = [];
        foreach (connect()->query('SELECT * FROM types ORDER BY id')->fetch_fields() as $f) {
            $shown[] = "$f->name $f->orgname $f->table $f->orgtable $f->db $f->length $f->charsetnr $f->flags $f->type $f->decimals";
        }
        return implode(', ', $shown);
    },
    'types.text' => fn() => implode(' ', array_map(row(...), connect()->query('SELECT * FROM types ORDER BY id')->fetch_all())),
    'types.binary' => function () {
        $connection = connect();
        $statement = $connection->prepare(ALL_TYPES);
        $zero = 0;
        $statement->bind_param('i', $zero);
        $statement->execute();
        return implode(' ', array_map(row(...), $statement->get_result()->fetch_all()));
    },
    'types.parameters' => function () {
        $shown = [];
        $connection = connect();
        $statement = $connection->prepare("SELECT CONCAT_WS(' ', LENGTH(v), MD5(v), v IS NULL) FROM (SELECT ? AS v) AS p");
        $kinds = [null, -1, PHP_INT_MIN, PHP_INT_MAX, 1.5, true, '', 'grüße 🙂', "\0\xff'\\", str_repeat('p', 251), str_repeat('p', 70000)];
        foreach ($kinds as $v) {
            $statement->bind_param(is_int($v) ? 'i' : (is_float($v) ? 'd' : 's'), $v);
            $statement->execute();
            $shown[] = $statement->get_result()->fetch_row()[0];
        }
        return implode(', ', $shown);
    },
    'rows.10000' => fn() => rowDigest(connect()->query('SELECT id, name FROM rows10k ORDER BY id')),
    'rows.10000_unbuffered' => function () {
        $connection = connect();
        return rowDigest($connection->query('SELECT id, name FROM rows10k ORDER BY id', MYSQLI_USE_RESULT));
    },
    'rows.10000_binary' => fn() => rowDigest(connect()->execute_query('SELECT id, name FROM rows10k WHERE id > ? ORDER BY id', [0])),
    'rows.20mb' => function () {
        $hash = hash_init('sha256');
        $n = $size = 0;
        foreach (connect()->query('SELECT REPEAT(SHA2(seq, 256), 1600) AS v FROM seq_1_to_200') as $row) {
            hash_update($hash, $row['v']);
            $size += strlen($row['v']);
            $n++;
        }
        return "$n $size " . hash_final($hash);
    },
    'rows.edges' => function () {
        $connection = connect();
        $shown = [];
        foreach ([250, 251, 65535, 65536, MAX_PAYLOAD - 5, MAX_PAYLOAD - 4, MAX_PAYLOAD - 3, MAX_PAYLOAD, MAX_PAYLOAD + 1] as $n) {
            $text = value($connection, "SELECT REPEAT('x', $n)");
            $shown[] = strlen($text) . '=' . substr(hash('sha256', $text), 0, 8);
        }
        return implode(',', $shown);
    },
    'packet.edges' => function () {
        $connection = connect();
        $shown = [];
        foreach ([MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD] as $size) {
            $literal = $size - strlen("\x03SELECT CRC32('')");
            $shown[] = value($connection, "SELECT CRC32('" . substr(str_repeat('0123456789', intdiv($literal, 10) + 1), 0, $literal) . "')");
        }
        return implode(',', $shown);
    },
    'packet.17mb' => function () {
        $connection = connect();
        run($connection, 'CREATE TEMPORARY TABLE big (v LONGBLOB)');
        $connection->execute_query('INSERT INTO big VALUES (?)', [str_repeat('0123456789abcdef', 17 << 16)]);
        $got = value($connection, 'SELECT v FROM big');
        return strlen($got) . ' ' . hash('sha256', $got);
    },
    'packet.too_big' => function () {
        try {
            @one("SELECT LENGTH('" . str_repeat('x', 70 << 20) . "')");
        } catch (mysqli_sql_exception) {
            return 'error then ' . one('SELECT 1');
        }
        throw new Exception('70 MiB were taken');
    },
    'columns.1000' => function () {
        $row = connect()->query('SELECT ' . implode(', ', array_map(fn($i) => "$i AS column_$i", range(1, 1000))))->fetch_row();
        return count($row) . ' ' . array_sum($row);
    },
    'longdata' => function () {
        $connection = connect();
        run($connection, 'CREATE TEMPORARY TABLE long_data (a INT, v LONGBLOB, b TEXT)');
        $statement = $connection->prepare('INSERT INTO long_data VALUES (?, ?, ?)');
        [$a, $v, $b] = [1, null, 'after'];
        $statement->bind_param('ibs', $a, $v, $b);
        for ($i = 0; $i < 48; $i++) {
            $statement->send_long_data(1, str_repeat('long data chunk.', 1 << 12));
        }
        $statement->execute();
        return value($connection, "SELECT CONCAT(LENGTH(v), ' ', SHA2(v, 256)) FROM long_data WHERE a = 1 AND b = 'after'");
    },
    'longdata.reset' => function () {
        $connection = connect();
        $statement = $connection->prepare('SELECT IFNULL(LENGTH(?), "null")');
        $v = null;
        $statement->bind_param('b', $v);
        $statement->send_long_data(0, 'forgotten');
        $statement->reset();
        $statement->send_long_data(0, 'kept');
        $statement->execute();
        return (string) $statement->get_result()->fetch_row()[0];
    },
    'longdata.unknown_statement' => function () {
        // The server answers nothing to long data of a statement it closed; the next command tells.
        $connection = connect();
        $statement = $connection->prepare('SELECT LENGTH(?)');
        $v = null;
        $statement->bind_param('b', $v);
        for ($i = 0; $i < 5; $i++) {
            $statement->send_long_data(0, "chunk $i");
        }
        $statement->close();
        return (string) value($connection, 'SELECT 1');
    },
    'cursor' => function () {
        $connection = connect();
        $statement = $connection->prepare('SELECT id, name FROM rows10k WHERE id > ? ORDER BY id');
        $statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
        $statement->attr_set(MYSQLI_STMT_ATTR_PREFETCH_ROWS, 1);
        $zero = 9000;
        $statement->bind_param('i', $zero);
        $statement->execute();
        $statement->bind_result($id, $name);
        for ($n = $sum = 0; $statement->fetch(); $n++) {
            $sum += $id;
        }
        $statement->close();
        return "$n $sum then " . value($connection, 'SELECT 1');
    },
    'cursor.abandoned' => function () {
        $connection = connect();
        $statement = $connection->prepare('SELECT id FROM rows10k ORDER BY id');
        $statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
        $statement->execute();
        $statement->bind_result($id);
        $statement->fetch();
        $first = $id;
        $statement->free_result();
        $statement->close();
        return "$first then " . value($connection, 'SELECT 1');
    },
    'result.abandoned' => function () {
        $connection = connect();
        $result = $connection->query("SELECT seq, REPEAT('y', 1000) FROM seq_1_to_20000", MYSQLI_USE_RESULT);
        $first = $result->fetch_row()[0];
        $result->free();
        return "$first then " . value($connection, 'SELECT 1');
    },
    'result.too_big' => function () {
        $connection = connect();
        return (value($connection, "SELECT REPEAT('x', 70000000)") ?? 'NULL') . " then $connection->warning_count";
    },
    'multi.statements' => fn() => sets('SELECT 1 AS a; SELECT 2 AS b, 3 AS c UNION SELECT 4, 5; DO 0; SELECT NULL LIMIT 0; SELECT "last"'),
    'multi.error' => fn() => sets('SELECT 1 AS a; SELECT * FROM nowhere; SELECT 3'),
    'multi.refused' => fn() => failing(false, 'SELECT 1; SELECT 2'),
    'proc.results' => fn() => sets('CALL p_results(7)'),
    'proc.results_binary' => function () {
        $connection = connect();
        $statement = $connection->prepare('CALL p_results(?)');
        $seven = 7;
        $statement->bind_param('i', $seven);
        $statement->execute();
        $shown = [];
        do {
            if ($result = $statement->get_result()) {
                $shown[] = implode(' ', array_map(row(...), $result->fetch_all())) ?: 'empty';
            }
        } while ($statement->more_results() && $statement->next_result());
        return implode('; ', $shown) . ' then ' . value($connection, 'SELECT 1');
    },
    'proc.out' => function () {
        $connection = connect();
        run($connection, 'SET @counter = 5', 'CALL p_out(21, @doubled, @counter)');
        return row($connection->query('SELECT @doubled, @counter')->fetch_row());
    },
    'proc.out_binary' => function () {
        // Placeholders for OUT parameters: the server sends their values as one more result set, which mysqlnd skips.
        $connection = connect();
        $statement = $connection->prepare('CALL p_out(?, ?, ?)');
        [$a, $b, $c] = [21, null, 5];
        $statement->bind_param('iii', $a, $b, $c);
        $statement->execute();
        $sets = 1;
        while ($statement->more_results() && $statement->next_result()) {
            $sets++;
        }
        return "$sets answers then " . value($connection, 'SELECT 1');
    },
    'proc.fails' => fn() => sets('CALL p_fails()'),
    'load.local' => function () {
        $connection = connect();
        return implode(' ', array_map(fn($name) => load($connection, $name), ['rows.csv', 'empty.csv', 'big.csv']));
    },
    'load.missing_file' => function () {
        $connection = connect();
        return failure(fn() => @load($connection, 'missing.csv')) . ' then ' . value($connection, 'SELECT 1');
    },
    'error.syntax' => fn() => failing(false, 'SELEC 1'),
    'error.unknown_table' => fn() => failing(false, 'SELECT * FROM nowhere'),
    'error.duplicate' => fn() => failing(false, 'CREATE TEMPORARY TABLE d (id INT PRIMARY KEY)', 'INSERT INTO d VALUES (1)', 'INSERT INTO d VALUES (1)'),
    'error.signal' => fn() => failing(true, "SIGNAL SQLSTATE '45001' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'signalled: é'"),
    'error.prepare' => function () {
        $connection = connect();
        return failure(fn() => $connection->prepare('SELECT * FROM nowhere WHERE id = ?')) . ' then ' . value($connection, 'SELECT 1');
    },
    'error.midresult' => function () {
        $connection = connect();
        $result = $connection->query('SELECT id, (SELECT seq FROM seq_1_to_2 WHERE seq <= IF(r.id < 5000, 1, 2)) FROM rows10k AS r ORDER BY id', MYSQLI_USE_RESULT);
        $n = 0;
        $code = failure(function () use ($result, &$n) {
            while ($result->fetch_row()) {
                $n++;
            }
        });
        return "$n rows $code then " . value($connection, 'SELECT 1');
    },
    'insert_id' => function () {
        $connection = connect();
        run($connection, 'CREATE TEMPORARY TABLE i (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 1000', 'INSERT INTO i (v) VALUES (1), (2), (3)');
        return "$connection->insert_id $connection->affected_rows";
    },
    'affected' => function () {
        $shown = [];
        foreach ([0, MYSQLI_CLIENT_FOUND_ROWS] as $flags) {
            $connection = connect(['flags' => $flags]);
            foreach (['CREATE TEMPORARY TABLE a AS SELECT * FROM rows10k', "UPDATE a SET name = 'row-1' WHERE id <= 300", 'DELETE FROM a'] as $query) {
                $connection->query($query);
                $shown[] = "$connection->affected_rows $connection->info";
            }
        }
        return implode(', ', $shown);
    },
    'tx' => function () {
        $connection = connect();
        run($connection, 'CREATE TEMPORARY TABLE tx (id INT) ENGINE=InnoDB');
        $shown = [];
        foreach (['commit', 'rollback'] as $end) {
            $connection->begin_transaction(MYSQLI_TRANS_START_READ_WRITE);
            run($connection, 'INSERT INTO tx VALUES (1)');
            $connection->$end();
            $shown[] = value($connection, 'SELECT COUNT(*) FROM tx');
        }
        $connection->autocommit(false);
        run($connection, 'INSERT INTO tx VALUES (2)');
        $connection->rollback();
        $connection->autocommit(true);
        $shown[] = value($connection, 'SELECT COUNT(*) FROM tx');
        return implode(' ', $shown);
    },
    'warnings' => function () {
        $connection = connect();
        run($connection, 'SELECT 1/0');
        return (string) $connection->get_warnings()->errno;
    },
    'use' => function () {
        $connection = connect();
        $connection->select_db('fixtures_2');
        $first = value($connection, 'SELECT DATABASE()');
        $connection->select_db('fixtures');
        return "$first " . value($connection, 'SELECT DATABASE()');
    },
    'use.unknown' => function () {
        $connection = connect();
        return failure(fn() => $connection->select_db('nowhere')) . ' then ' . value($connection, 'SELECT DATABASE()');
    },
    'statistics' => fn() => substr(connect()->stat(), 0, 8),
    'change_user' => function () use ($user, $password) {
        $connection = connect();
        run($connection, 'SET @marker = 1', 'CREATE TEMPORARY TABLE gone (id INT)');
        $shown = [whoami($connection)];
        $connection->change_user('e2e_other', 'other', 'fixtures_2');
        $shown[] = whoami($connection);
        $shown[] = failure(fn() => $connection->query('SELECT * FROM fixtures.gone'));
        $connection->change_user('e2e_empty', '', null);
        $shown[] = whoami($connection);
        $connection->change_user($user, $password, 'fixtures');
        $shown[] = whoami($connection);
        return implode(', ', $shown);
    },
    'change_user.refused' => function () {
        $connection = connect();
        $code = failure(fn() => $connection->change_user('e2e_other', 'wrong', 'fixtures'));
        return "$code, a new connection: " . one('SELECT 1');
    },
    'change_user.unknown_database' => function () {
        $connection = connect();
        $code = failure(fn() => $connection->change_user('e2e_other', 'other', 'nowhere'));
        return "$code, a new connection: " . one('SELECT 1');
    },
    'change_user.statements' => function () use ($user, $password) {
        // Statements prepared before are gone; the same text prepared again works.
        $connection = connect();
        $statement = $connection->prepare('SELECT 41 + ?');
        $connection->change_user($user, $password, 'fixtures');
        $one = 1;
        $statement->bind_param('i', $one);
        $code = failure(fn() => $statement->execute());
        return "$code then " . $connection->execute_query('SELECT 41 + ?', [1])->fetch_row()[0];
    },
    'prepare.many' => function () {
        $connection = connect();
        $statements = array_map(fn($i) => $connection->prepare("SELECT ? + $i"), range(0, 299));
        $sum = 0;
        for ($i = 0; $i < 600; $i++) {
            $statement = $statements[($i * 7) % 300];
            $statement->bind_param('i', $i);
            $statement->execute();
            $sum += $statement->get_result()->fetch_row()[0];
        }
        array_map(fn($statement) => $statement->close(), $statements);
        return "$sum then " . value($connection, 'SELECT 1');
    },
    'async' => function () {
        // A question on each of ten connections, answered as they come.
        $connections = array_map(fn() => connect(), range(0, 9));
        foreach ($connections as $i => $connection) {
            $connection->query("SELECT $i * 2 AS v, SLEEP(0.05)", MYSQLI_ASYNC);
        }
        $shown = [];
        while (count($shown) < 10) {
            $ready = $errors = $rejected = $connections;
            mysqli_poll($ready, $errors, $rejected, 20);
            foreach ($ready as $connection) {
                $i = array_search($connection, $connections, true);
                $shown[$i] = $connection->reap_async_query()->fetch_row()[0];
            }
        }
        ksort($shown);
        return implode(' ', $shown);
    },
    'persistent' => function () {
        // A persistent connection is given back by COM_CHANGE_USER and used again.
        global $host, $port, $user, $password;
        $shown = [];
        for ($i = 0; $i < 3; $i++) {
            $connection = new mysqli("p:$host", $user, $password, 'fixtures', (int) $port);
            $shown[] = whoami($connection);
            run($connection, 'SET @marker = 1');
            $connection->close();
        }
        return implode(', ', $shown);
    },
    'scratch' => function () use ($scratch) {
        $connection = connect(['database' => $scratch]);
        run($connection, 'CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, v TEXT)', 'LOCK TABLES t WRITE',
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')", 'UNLOCK TABLES', 'DELETE FROM t WHERE id = 1');
        return value($connection, 'SELECT GROUP_CONCAT(v) FROM t');
    },
];

if ($mode === 'connect') {
    for ($i = 0; $i < (int) $argv[7]; $i++) {
        if (one('SELECT CURRENT_USER()') !== 'e2e@%') {
            throw new Exception('another account');
        }
    }
    echo "connect\t$argv[7]\n";
    exit;
}
foreach ($checks as $name => $check) {
    try {
        $outcome = (string) $check();
    } catch (Throwable $e) {
        $outcome = '!UNEXPECTED ' . $e::class . " {$e->getCode()} {$e->getMessage()} at line {$e->getLine()}";
    }
    echo $name, "\t", str_replace("\n", '\n', $outcome), "\n";
}
