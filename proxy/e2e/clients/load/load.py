"""load.py loads files with Python's HTTP clients, one for each line on standard input, as load_client_test.go says."""

import contextlib
import io
import json
import sys

import requests

url, user, password = sys.argv[1:4]
host, port = url.removeprefix("http://").split(":")


class LikeOthers(requests.Session):
    """LikeOthers follows redirects with its credentials, as every script that loads into StarRocks or Doris has it do."""

    def should_strip_auth(self, old_url, new_url):
        return False


def put(way, table, label, path):
    headers = {"column_separator": ","}
    if way != "plain":
        headers["Expect"] = "100-continue"
    if label != "-":
        headers["label"] = label
    with open(path, "rb") as file, LikeOthers() as session:
        body = iter(lambda: file.read(4096), b"") if way == "chunks" else file
        answer = session.put(f"{url}/api/{table}/_stream_load", data=body, headers=headers, auth=(user, password), timeout=120)
    return "answer", str(answer.status_code), answer.text


def pydoris(table, label, path):
    from pydoris.doris_client import DorisClient

    client = DorisClient(host, port, user, password)
    if label != "-":
        client.options.set_label(label)
    with open(path, "rb") as file, contextlib.redirect_stdout(io.StringIO()):
        loaded = client.write(*table.split("/"), file.read())
    return ("loaded",) if loaded else ("failed", "write returned False")


def doris_stream_load(table, path):
    from doris_stream_load import stream_load  # speaks HTTP/1.0, as all of this process does from here on

    with open(path) as file:
        rows = file.read().splitlines()
    answer = stream_load(host, user, password, port, *table.split("/"), ",").sendData(rows)
    return "answer", "200", json.dumps(answer)


def load(way, table, label, path):
    if way == "pydoris":
        return pydoris(table, label, path)
    if way == "doris-stream-load":
        return doris_stream_load(table, path)
    return put(way, table, label, path)


for line in sys.stdin:
    way, table, label, path = line.rstrip("\n").split("\t")
    try:
        outcome = load(way, table, label, path)
    except Exception as e:  # whatever these libraries raise
        outcome = "lost", f"{type(e).__name__}: {e}"
    print("\t".join(word.replace("\n", " ").replace("\r", "").replace("\t", " ") for word in outcome), flush=True)
