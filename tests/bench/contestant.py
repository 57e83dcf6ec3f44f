#!/usr/bin/env python3
"""What a careful script does in an afternoon: a day a request, halved where the server fails, rows told apart by their MD5,
COPY into a staging table and INSERT ... ON CONFLICT DO NOTHING, a transaction a window. The bench's comparison; see README.md.

It is no loader: it takes identical messages of one second for one, knows no late, vanished or damaged rows, and when it is
interrupted it begins again."""

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta

TABLES = """
CREATE TABLE users (user_id text PRIMARY KEY, profile jsonb);
CREATE TABLE interactions (interaction_id uuid PRIMARY KEY, user_id text NOT NULL, occurred_at timestamptz NOT NULL,
                           type text NOT NULL, text text, data jsonb);
CREATE INDEX ON interactions (occurred_at);
CREATE TEMPORARY TABLE new_users (LIKE users);
CREATE TEMPORARY TABLE new_interactions (LIKE interactions);
"""
MERGE = """
INSERT INTO users SELECT * FROM new_users ON CONFLICT (user_id) DO UPDATE SET profile = excluded.profile
    WHERE users.profile IS DISTINCT FROM excluded.profile;
INSERT INTO interactions SELECT * FROM new_interactions ON CONFLICT DO NOTHING;
TRUNCATE new_users, new_interactions;
COMMIT;
"""
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\ufffd"})


def wire(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def fetch(url, token, begin, end):
    query = urllib.parse.urlencode({"from": wire(begin), "to": wire(end)})
    request = urllib.request.Request(f"{url}/public/api/user-interactions?{query}", headers={
        "Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        body = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
    return json.loads(body)["data"]


def users_of(records):
    for record in records:
        if isinstance(record, dict):
            yield from record.items()
        else:  # a numeric id, which the server loses
            for user in record:
                profile = json.dumps(user["chatbot_user_data"], sort_keys=True)
                yield "unknown:" + hashlib.md5(profile.encode()).hexdigest(), user


def column(value):
    return "\\N" if value is None else str(value).translate(ESCAPES)


def document(value):
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False).replace("\\u0000", "\ufffd")


def rows_of(records, end):
    """Lines of COPY, of users and of interactions, each once."""
    users, interactions = {}, {}
    for user_id, user in users_of(records):
        users[user_id] = f"{column(user_id)}\t{column(document(user['chatbot_user_data']))}\n"
        for each in user["interactions"]:
            if datetime.strptime(each["date"][:19], "%Y-%m-%dT%H:%M:%S") >= end:
                continue  # the next window's
            fields = [user_id, each["date"], each["type"], each["text"], document(each["data"])]
            line = "\t".join(map(column, fields))
            key = hashlib.md5(line.encode()).hexdigest()
            interactions[key] = f"{key}\t{line}\n"
    return users.values(), interactions.values()


def load(write, users, interactions):
    write("BEGIN;\n")
    for table, lines in (("new_users", users), ("new_interactions", interactions)):
        write(f"COPY {table} FROM STDIN;\n")
        write("".join(lines))
        write("\\.\n")
    write(MERGE)


def windows(begin, end):
    while begin < end:
        yield begin, min(begin + timedelta(days=1), end)
        begin += timedelta(days=1)


def read(url, token, begin, end, write):
    try:
        records = fetch(url, token, begin, end)
    except urllib.error.HTTPError as error:
        if error.code < 500 or end - begin <= timedelta(seconds=1):
            raise
        middle = begin + timedelta(seconds=(end - begin).total_seconds() // 2)
        read(url, token, begin, middle, write)
        read(url, token, middle, end, write)
        return
    load(write, *rows_of(records, end))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    for name in ("--url", "--token-file", "--dsn", "--from", "--to"):
        options.add_argument(name, required=True, dest=name.strip("-").replace("from", "begin").replace("-", "_"))
    options = options.parse_args()
    begin, end = (datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ") for text in (options.begin, options.to))
    with open(options.token_file, encoding="utf-8") as file:
        token = file.read().strip()
    psql = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", options.dsn], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, encoding="utf-8")
    psql.stdin.write(TABLES)
    for window in windows(begin, end):
        read(options.url, token, *window, psql.stdin.write)
    psql.stdin.close()
    sys.exit(psql.wait())


if __name__ == "__main__":
    main()
