"""SQLAlchemy's pool with PyMySQL; package e2e says how it is called and what it prints.

PyMySQL knows no COM_STMT_PREPARE: its prepared statement is one of PREPARE and EXECUTE.
"""

import itertools
import re
import sys
import threading
import time

import sqlalchemy

host, port, user, password, database, other, size = sys.argv[1:]
WORKERS = 8
STATE = "@held, @@time_zone, DATABASE()"

engine = sqlalchemy.create_engine(
    sqlalchemy.URL.create("mysql+pymysql", user, password, host, int(port), other),
    pool_size=int(size), max_overflow=0, pool_pre_ping=True,
    connect_args={"connect_timeout": 20, "read_timeout": 20},
)
numbers = itertools.count(1)
lock = threading.Lock()
count = {"connections": 0, "statements": 0, "errors": 0, "lost": 0}
samples = []
ending = threading.Event()


def add(name, sample=None):
    with lock:
        count[name] += 1
        if sample is not None and len(samples) < 5:
            samples.append(re.sub(r"\s+", " ", sample))


def zone(number):
    return "+03:%02d" % (number % 60)


def verify(row, want):
    if tuple(row) == want:
        add("statements")
    else:
        add("lost", f"{tuple(row)}, not {want}")


def turn(c, n):
    number = c.info.get("number")  # of this connection: its session is set up once
    if number is None:
        add("connections")
        number = next(numbers)
        c.exec_driver_sql(f"SET @held = 'python-{number}'")
        c.exec_driver_sql(f"SET time_zone = '{zone(number)}'")
        c.exec_driver_sql(f"USE {database}")
        c.exec_driver_sql(f"PREPARE held FROM 'SELECT ?, {STATE}'")
        c.info["number"] = number
    want = (f"token-{n}", f"python-{number}", zone(number), database)
    c.exec_driver_sql(f"SET @token = '{want[0]}'")
    verify(c.exec_driver_sql("EXECUTE held USING @token").one(), want)
    verify(c.exec_driver_sql(f"SELECT '{want[0]}', {STATE}").one(), want)
    if n % 10 == 9:
        c.commit()  # otherwise the pool rolls back


def work():
    for n in itertools.count():
        if ending.is_set():
            return
        try:
            with engine.connect() as c:
                turn(c, n)
        except Exception as e:  # whatever an application would have seen
            add("errors", repr(e))
        time.sleep((5 + n % 10) / 1000)


workers = [threading.Thread(target=work) for _ in range(WORKERS)]
for worker in workers:
    worker.start()
print("ready", flush=True)
sys.stdin.read()
ending.set()
for worker in workers:
    worker.join()
engine.dispose()
for name, value in count.items():
    print(f"{name}\t{value}")
for i, text in enumerate(samples, 1):
    print(f"sample.{i}\t{text}")
