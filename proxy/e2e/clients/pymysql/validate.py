"""SQLAlchemy's pool, which validates with a COM_PING each connection that it lends, for users of one statement or one transaction at a time.

Package e2e says how it is called and what it prints. A connection that the pool finds closed it replaces, unseen by its users.
"""

import itertools
import re
import sys
import threading
import time

import sqlalchemy

host, port, user, password, database, _, size = sys.argv[1:8]
WORKERS = 8

engine = sqlalchemy.create_engine(
    sqlalchemy.URL.create("mysql+pymysql", user, password, host, int(port), database),
    pool_size=int(size), max_overflow=0, pool_pre_ping=True,
    connect_args={"connect_timeout": 20, "read_timeout": 20},
)
lock = threading.Lock()
count = {"connections": 0, "statements": 0, "errors": 0, "lost": 0}
samples = []
ending = threading.Event()


@sqlalchemy.event.listens_for(engine, "connect")
def connected(*_):
    add("connections")


def add(name, sample=None):
    with lock:
        count[name] += 1
        if sample is not None and len(samples) < 5:
            samples.append(re.sub(r"\s+", " ", sample))


def turn(worker, n):
    token = f"python-{worker}-{n}"
    with engine.connect() as c:
        if n % 3 == 0:  # a transaction
            c.exec_driver_sql(f"INSERT INTO ledger VALUES ('{token}')")
            c.exec_driver_sql("SELECT 2").one()
            c.commit()
            add("statements")
        elif c.exec_driver_sql(f"SELECT '{token}'").scalar() == token:
            add("statements")
        else:
            add("lost", token)


def work(worker):
    for n in itertools.count():
        if ending.is_set():
            return
        try:
            turn(worker, n)
        except Exception as e:  # whatever an application would have seen
            add("errors", repr(e))
        time.sleep((5 + n % 50) / 1000)


workers = [threading.Thread(target=work, args=(i,)) for i in range(WORKERS)]
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
