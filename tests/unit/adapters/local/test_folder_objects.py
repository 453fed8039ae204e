"""The folder of objects is also a folder: people drop files into it, edit them and leave odd ones behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.contract.clocks import MovableClock

from whybox.adapters.local.folder_objects import FolderObjects
from whybox.adapters.local.signed_links import SignedLinks
from whybox.errors import ObjectNotFoundError

BATCH = "batch/" + "a" * 64 + "/"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "bucket" / BATCH).mkdir(parents=True)
    return tmp_path / "bucket"


@pytest.fixture
def store(root):
    return FolderObjects(root, links=SignedLinks(b"k" * 32, "http://127.0.0.1:8000", MovableClock()))


def test_a_file_dropped_into_the_folder_is_an_object(root, store):
    (root / BATCH / "t.csv").write_bytes(b"a,b\n1,2\n")

    (listed,) = store.list("batch/")
    facts = store.head(listed.key)

    assert store.get(listed.key, version=facts.version) == b"a,b\n1,2\n"
    assert (facts.content_type, facts.sha256, facts.n_bytes) == ("text/csv", None, 8)


def test_a_file_replaced_or_edited_is_another_version_and_the_old_one_is_gone(root, store):
    path = root / BATCH / "t.csv"
    path.write_bytes(b"one")
    version = store.head(BATCH + "t.csv").version
    path.write_bytes(b"other")

    with pytest.raises(ObjectNotFoundError):
        store.get(BATCH + "t.csv", version=version)
    assert store.get(BATCH + "t.csv") == b"other"


def test_an_object_of_ours_that_somebody_edits_is_never_passed_off_as_what_was_stored(root, store):
    version = store.put("results/r.json", b"[1]", content_type="application/json")
    with (root / "results/r.json").open("r+b") as file:
        file.write(b"[2]")
        os.utime(file.fileno(), (1_000_000_000, 1_000_000_000))

    with pytest.raises(ObjectNotFoundError):
        store.get("results/r.json", version=version)
    assert store.get("results/r.json") == b"[2]"
    assert store.head("results/r.json").sha256 is None


def test_hidden_files_links_and_names_without_an_encoding_are_no_objects(root, store, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"outside")
    (root / BATCH / ".DS_Store").write_bytes(b"x")
    (root / BATCH / "link.csv").symlink_to(secret)
    (root / BATCH / ".hidden").mkdir()
    (root / BATCH / ".hidden" / "t.csv").write_bytes(b"x")
    (root / BATCH / os.fsdecode(b"\xff.csv")).write_bytes(b"x")

    assert list(store.list("batch/")) == []
    for name in ("link.csv", ".DS_Store"):
        with pytest.raises(ObjectNotFoundError):
            store.get(BATCH + name)


@pytest.mark.parametrize(
    "key", ["../bucket.versions/x", "a/../../secret", "/etc/passwd", "a/@1-2-3", "a\0b", "x" * 300]
)
def test_no_key_leads_out_of_the_folder_or_to_its_other_files(store, key):
    with pytest.raises(ObjectNotFoundError):
        store.get(key)
    with pytest.raises(ValueError, match="cannot be a path"):
        store.put(key, b"x", content_type="text/csv")


def test_a_writer_killed_at_any_moment_leaves_a_whole_object(root, store):
    script = (
        "import sys; from pathlib import Path\n"
        "from whybox.adapters.local.versioned_files import VersionedFiles\n"
        "files = VersionedFiles(Path(sys.argv[1])); print('on', flush=True)\n"
        "for n in range(10**6): files.write('results/r', bytes([65 + n % 26]) * 300_000, {})"
    )
    for _ in range(3):
        command = [sys.executable, "-c", script, str(root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            while not (root / "results/r").exists():
                pass
            seen = store.get("results/r")
            writer.kill()
        left = store.get("results/r")
        assert len(left) == len(seen) == 300_000
        assert len(set(left)) == 1

    store.delete_all("results/")
    assert not [*root.parent.rglob("results")]
