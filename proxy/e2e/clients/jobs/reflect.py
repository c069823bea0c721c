"""SQLAlchemy's dialect for StarRocks: it reflects all tables and views, queries them, and makes, fills and drops a table; and it looks for catalogs and
databases as Superset does, which stands on it. Arguments: host, port, user, password, database; that has no other user."""
import sys

from sqlalchemy import Column, MetaData, Table, create_engine, func, inspect, select, text
from sqlalchemy.engine import URL
from starrocks import INTEGER, VARCHAR

import rounds

HOST, PORT, USER, PASSWORD, DATABASE = sys.argv[1:6]
PROPERTIES = 'PROPERTIES ("replication_num" = "1")'


def engine(database):
    return create_engine(URL.create("starrocks", USER, PASSWORD, HOST, int(PORT), database))


KEPT = engine(DATABASE)  # its pool's connections live from round to round


def reflect():
    inspector = inspect(KEPT)
    tables, views = inspector.get_table_names(), inspector.get_view_names()
    assert sorted(tables) == ["orders"] and views == ["big"], (tables, views)
    columns = {c["name"]: str(c["type"]) for c in inspector.get_columns("orders")}
    assert columns == {"id": "BIGINT", "country": "VARCHAR(10)", "amount": "DOUBLE"}, columns
    assert "amount > 6" in inspector.get_view_definition("big")
    for ask in (inspector.get_pk_constraint, inspector.get_indexes, inspector.get_foreign_keys, inspector.get_unique_constraints, inspector.get_table_comment,
                inspector.get_table_options):
        ask("orders")
    known = MetaData()
    known.reflect(KEPT, views=True)
    orders = known.tables["orders"]
    with KEPT.connect() as c:
        rows = c.execute(select(orders.c.country, func.count()).where(orders.c.amount > 6).group_by(orders.c.country).order_by(orders.c.country)).all()
    assert rows == [("de", 2)], rows


def change():
    metadata = MetaData()
    made = Table("made", metadata, Column("id", INTEGER, primary_key=True, autoincrement=False), Column("name", VARCHAR(20)),
                 starrocks_primary_key="id", starrocks_distributed_by="HASH(id) BUCKETS 1", starrocks_properties={"replication_num": "1"})
    metadata.create_all(KEPT)
    with KEPT.begin() as c:
        c.execute(made.insert(), [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    with KEPT.connect() as c:
        assert c.execute(select(func.count()).select_from(made)).scalar() == 2
    Table("made", MetaData(), autoload_with=KEPT)
    metadata.drop_all(KEPT)


def superset():
    for database in ("default_catalog.", "default_catalog." + DATABASE):
        fresh = engine(database)
        with fresh.connect() as c:
            assert "default_catalog" in [row[0] for row in c.execute(text("SHOW CATALOGS"))]
            assert DATABASE in [row[0] for row in c.execute(text("SHOW DATABASES"))]
        assert inspect(fresh).get_table_names(schema=DATABASE) == ["orders"]
        fresh.dispose()


def once():
    reflect()
    change()
    superset()


with engine("information_schema").connect() as first:
    for statement in (
        f"CREATE DATABASE {DATABASE}",
        f"CREATE TABLE {DATABASE}.orders (id BIGINT, country VARCHAR(10), amount DOUBLE) {PROPERTIES}",
        f"CREATE VIEW {DATABASE}.big AS SELECT * FROM {DATABASE}.orders WHERE amount > 6",
        f"INSERT INTO {DATABASE}.orders VALUES (1, 'de', 10.5), (2, 'de', 20), (3, 'fr', 5.25)",
    ):
        first.execute(text(statement))
rounds.run(once)
