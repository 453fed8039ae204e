"""Which files are told of, when, and as what."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import S3Model

from whybox.adapters.local.sqlite_queue import SqliteQueue
from whybox.adapters.local.sqlite_told_files import SqliteToldFiles
from whybox.adapters.local.system_clock import SystemClock
from whybox.adapters.local.versioned_files import VersionedFiles
from whybox.local.bucket_news import BucketNews
from whybox.local.event_sources import Notification


class Watched:
    """A folder, and what was told of it."""

    def __init__(self, home: Path) -> None:
        self.files = VersionedFiles(home / "bucket")
        self.folder = home / "bucket" / "batch" / "t"
        self.folder.mkdir(parents=True)
        self.queue = SqliteQueue(home / "queues.sqlite3", "News", clock=SystemClock())
        self._home = home

    def start(self) -> BucketNews:
        return BucketNews(
            Notification("News", "batch/", ".csv"),
            files=self.files,
            told_files=SqliteToldFiles(self._home / "told-files.sqlite3"),
            queue=self.queue,
            clock=SystemClock(),
        )

    def told(self) -> list[dict[str, Any]]:
        """Return the objects that were told of since the last time."""
        bodies = [json.loads(it.body) for it in self.queue.receive(max_messages=10, visibility_seconds=600)]
        for body in bodies:
            S3Model(**body)
        objects = [body["Records"][0]["s3"]["object"] for body in bodies]
        return sorted(objects, key=lambda it: it["sequencer"])


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_file_is_told_of_once_it_is_the_same_at_two_looks(watched: Watched) -> None:
    news = watched.start()
    with (watched.folder / "t.csv").open("w") as file:
        file.write("a,b\n")
        file.flush()
        news.tick()
        file.write("1,2\n")
    news.tick()
    assert watched.told() == []

    news.tick()
    news.tick()

    (told,) = watched.told()
    assert (told["key"], told["size"]) == ("batch/t/t.csv", 8)
    assert watched.files.read("batch/t/t.csv", told["versionId"]) == b"a,b\n1,2\n"


def test_a_restart_tells_of_what_came_meanwhile_and_of_nothing_twice(watched: Watched) -> None:
    (watched.folder / "old.csv").write_text("a")
    look_twice(watched.start())
    watched.told()
    (watched.folder / "new.csv").write_text("b")

    look_twice(watched.start())

    assert [told["key"] for told in watched.told()] == ["batch/t/new.csv"]


def look_twice(news: BucketNews) -> None:
    news.tick()
    news.tick()


def test_a_version_that_was_told_of_can_be_read_after_another_took_its_place(watched: Watched) -> None:
    news = watched.start()
    (watched.folder / "t.csv").write_text("first")
    look_twice(news)
    (watched.folder / "draft").write_text("second")
    (watched.folder / "draft").replace(watched.folder / "t.csv")
    look_twice(news)

    first, second = watched.told()
    assert first["sequencer"] < second["sequencer"]
    assert watched.files.read("batch/t/t.csv", first["versionId"]) == b"first"
    assert watched.files.read("batch/t/t.csv", second["versionId"]) == b"second"


def test_a_file_that_was_removed_and_comes_back_is_told_of_again(watched: Watched) -> None:
    news = watched.start()
    (watched.folder / "t.csv").write_text("a")
    look_twice(news)
    kept = watched.folder.parent / "kept"
    (watched.folder / "t.csv").rename(kept)
    look_twice(news)
    kept.rename(watched.folder / "t.csv")

    look_twice(news)

    assert len(watched.told()) == 2


def test_what_is_no_object_of_a_notification_is_left_alone(watched: Watched) -> None:
    for name in ("t.json", ".hidden.csv", "@odd.csv", "long" * 55 + ".csv"):
        (watched.folder / name).write_text("a")
    (watched.folder / "link.csv").symlink_to(watched.folder / "t.json")
    (watched.folder / "folder.csv").mkdir()
    watched.files.write("results/r.csv", b"a", {})

    look_twice(watched.start())

    assert watched.told() == []
