<?php
// PHP's mysqli and PDO, both mysqlnd; package e2e says how clients of tls_clients_test.go are called and what they print.

declare(strict_types=1);

$api = $argv[1];
[, , $host, $port, $ca, $password] = $argv;
$host = $host === 'localhost' ? '127.0.0.1' : $host; // which it takes for a UNIX socket
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
ini_set('default_socket_timeout', '20');

function byMysqli(string $user): string
{
    global $host, $port, $ca, $password;
    $c = mysqli_init();
    if ($ca !== '') {
        $c->ssl_set(null, null, $ca, null, null);
        $c->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, true);
    }
    $c->real_connect($host, $user, $password, '', (int) $port, null, $ca === '' ? 0 : MYSQLI_CLIENT_SSL);
    $got = $c->query("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)")->fetch_row()[0];
    $s = $c->prepare('SELECT ? + 1');
    $n = 41;
    $s->bind_param('i', $n);
    $s->execute();
    $sum = $s->get_result()->fetch_row()[0];
    $s->close();
    $big = $c->query("SELECT REPEAT('x', 2097152)")->fetch_row()[0];
    $c->close();
    return "$got " . (int) $sum . ' ' . strlen($big);
}

function byPDO(string $user): string
{
    global $host, $port, $ca, $password;
    $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false];
    if ($ca !== '') {
        $options += [PDO::MYSQL_ATTR_SSL_CA => $ca, PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true];
    }
    $c = new PDO("mysql:host=$host;port=$port", $user, $password, $options);
    $got = $c->query("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)")->fetchColumn();
    $s = $c->prepare('SELECT ? + 1');
    $s->bindValue(1, 41, PDO::PARAM_INT);
    $s->execute();
    $sum = $s->fetchColumn();
    $s->closeCursor();
    $big = $c->query("SELECT REPEAT('x', 2097152)")->fetchColumn();
    return "$got " . (int) $sum . ' ' . strlen($big);
}

foreach (array_slice($argv, 6) as $user) {
    try {
        $said = 'ok';
        for ($i = 0; $i < 2; $i++) {
            $got = $api === 'pdo' ? byPDO($user) : byMysqli($user);
            if ($got !== "$user 42 2097152") {
                $said = "got $got";
            }
        }
    } catch (Throwable $e) {
        $said = get_class($e) . ' ' . $e->getCode() . ' ' . $e->getMessage();
    }
    echo $user, "\t", str_replace("\n", ' ', $said), "\n";
}
