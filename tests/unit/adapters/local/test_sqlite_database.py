"""The SQLite file behind the local ports: migrated, rolled back, shared by processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psutil
import pytest

from whybox.adapters.local import sqlite_database
from whybox.adapters.local.sqlite_database import SchemaTooNewError, SqliteDatabase

FIRST = "CREATE TABLE notes (text TEXT); CREATE INDEX texts ON notes (text)"
SECOND = "ALTER TABLE notes ADD COLUMN author TEXT DEFAULT 'nobody'"


def write(database: SqliteDatabase, text: str) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes (text) VALUES (?)", (text,))


def read(database: SqliteDatabase, columns: str = "text") -> list[tuple[object, ...]]:
    with database.transaction() as connection:
        return connection.execute(f"SELECT {columns} FROM notes ORDER BY rowid").fetchall()  # noqa: S608 - constants


def test_what_one_object_commits_another_reads(tmp_path):
    write(SqliteDatabase(tmp_path / "notes", migrations=(FIRST,)), "kept")

    assert read(SqliteDatabase(tmp_path / "notes", migrations=(FIRST,))) == [("kept",)]


def test_an_older_file_is_migrated_and_keeps_its_rows(tmp_path):
    write(SqliteDatabase(tmp_path / "notes", migrations=(FIRST,)), "old")

    newer = SqliteDatabase(tmp_path / "notes", migrations=(FIRST, SECOND))

    assert read(newer, "text, author") == [("old", "nobody")]


def test_a_newer_file_is_left_alone(tmp_path):
    write(SqliteDatabase(tmp_path / "notes", migrations=(FIRST, SECOND)), "new")

    with pytest.raises(SchemaTooNewError):
        write(SqliteDatabase(tmp_path / "notes", migrations=(FIRST,)), "lost")


def test_a_migration_that_fails_leaves_the_version_it_found(tmp_path):
    write(SqliteDatabase(tmp_path / "notes", migrations=(FIRST,)), "kept")
    broken = f"{SECOND}; CREATE NONSENSE"

    with pytest.raises(sqlite3.OperationalError):
        read(SqliteDatabase(tmp_path / "notes", migrations=(FIRST, broken)))

    assert read(SqliteDatabase(tmp_path / "notes", migrations=(FIRST, SECOND)), "author") == [("nobody",)]


def test_an_error_in_a_transaction_undoes_it_and_the_next_one_works(tmp_path):
    database = SqliteDatabase(tmp_path / "notes", migrations=(FIRST,))

    def fail() -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO notes VALUES ('half')")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    write(database, "whole")

    assert read(database) == [("whole",)]


def test_a_file_that_cannot_be_opened_leaves_nothing_open(tmp_path):
    (tmp_path / "notes").write_bytes(b"this is no database " * 100)
    database = SqliteDatabase(tmp_path / "notes", migrations=(FIRST,))
    process = psutil.Process()
    n_open = process.num_fds()

    for _ in range(5):
        with pytest.raises(sqlite3.DatabaseError):
            read(database)

    assert process.num_fds() == n_open


def test_many_that_open_a_new_file_at_once_all_write(tmp_path):
    def open_and_write(number: int) -> None:
        write(SqliteDatabase(tmp_path / "notes", migrations=(FIRST, SECOND)), str(number))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(open_and_write, range(64)))

    texts = read(SqliteDatabase(tmp_path / "notes", migrations=(FIRST, SECOND)))
    assert sorted(int(str(text)) for (text,) in texts) == list(range(64))


def test_threads_that_meet_while_a_new_file_is_switched_to_its_log_wait_for_each_other(tmp_path):
    n_threads = 8

    for attempt in range(40):
        path = tmp_path / f"notes-{attempt}"
        start = Barrier(n_threads)

        def open_and_write(number: int, path: Path = path, start: Barrier = start) -> None:
            start.wait()
            write(SqliteDatabase(path, migrations=(FIRST,)), str(number))

        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(open_and_write, range(n_threads)))
        assert len(read(SqliteDatabase(path, migrations=(FIRST,)))) == n_threads


def test_a_file_another_process_never_lets_go_is_given_up_after_the_timeout(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_database, "BUSY_TIMEOUT_SECONDS", 0.05)
    holder = sqlite3.connect(tmp_path / "notes", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write(SqliteDatabase(tmp_path / "notes", migrations=(FIRST,)), "lost")

    holder.close()
    write(SqliteDatabase(tmp_path / "notes", migrations=(FIRST,)), "kept")


FORK = """
import os, sys
from pathlib import Path
from whybox.adapters.local.sqlite_database import SqliteDatabase

database = SqliteDatabase(Path(sys.argv[1]), migrations=("CREATE TABLE notes (text TEXT)",))

def write(text):
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes VALUES (?)", (text,))

write("parent")
child = os.fork()
if not child:
    write("child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
write("parent again")
"""


def test_a_forked_child_gets_a_connection_of_its_own(tmp_path):
    path = tmp_path / "notes"

    subprocess.run([sys.executable, "-W", "error", "-c", FORK, str(path)], check=True, timeout=60)

    rows = read(SqliteDatabase(path, migrations=("CREATE TABLE notes (text TEXT)",)))
    assert rows == [("parent",), ("child",), ("parent again",)]
