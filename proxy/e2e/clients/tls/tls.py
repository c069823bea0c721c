"""PyMySQL; package e2e says how clients of tls_clients_test.go are called and what they print."""

import ssl
import sys

import pymysql

HOST, PORT, CA, PASSWORD, *USERS = sys.argv[1:]


def connect(user):
    options = {"ssl": ssl.create_default_context(cafile=CA)} if CA else {"ssl_disabled": True}
    return pymysql.connect(host=HOST, port=int(PORT), user=user, password=PASSWORD, connect_timeout=10, read_timeout=20, **options)


def ask(connection, query, args=None):
    with connection.cursor() as cursor:
        cursor.execute(query, args)
        return cursor.fetchone()[0]


def attempt(user):
    for _ in range(2):
        connection = connect(user)
        if (got := ask(connection, "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)")) != user:
            return f"logged in as {got}"
        ask_prepared = "SELECT %s + 1"  # it prepares nothing
        if (got := ask(connection, ask_prepared, (41,))) != 42:
            return f"got {got}"
        if (got := ask(connection, "SELECT REPEAT('x', 2097152)")) != "x" * 2097152:
            return f"{len(got)} bytes of 2 MB"
        connection.ping(reconnect=False)
        connection.close()
    return "ok"


for name in USERS:
    try:
        said = attempt(name)
    except Exception as e:  # noqa: BLE001 - it is what is shown
        said = f"{type(e).__name__} {e}"
    print(f"{name}\t{said}".replace("\n", " "))
