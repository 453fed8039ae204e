"""Files in a folder, with their versions in a folder beside it.

    bucket/<key>                            the current version, a plain file; so is what is dropped here
    bucket.versions/<key>/@<version>        each version that was written (a link to the same file)
    bucket.versions/<key>/@<version>.json   what else was said about it
    bucket.drafts/<random>                  what is on its way in

A version's name is the file's own time of change, number and size. So a file that was edited in place has
become another version by itself, and the one it was is gone.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

ATTEMPTS: Final = 5
"""How often a file is read anew that changes under the reader, or a folder made anew that was deleted."""

MAX_PART_BYTES: Final = 200
"""A file name has 255 bytes on every file system in use."""

_VERSION: Final = re.compile(r"[0-9a-f]{1,16}-[0-9a-f]{1,16}-[0-9a-f]{1,16}")


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One version of a file, without its bytes."""

    key: str
    version: str
    n_bytes: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A version on its way in, under a name that nobody looks at."""

    path: Path
    folder: Path
    file: BinaryIO

    def write(self, content: bytes) -> None:
        """Add bytes."""
        self.file.write(content)

    def publish(self, facts: Mapping[str, str], *, is_new: bool = False) -> str:
        """Make it the current version in one step, and return its name; see ``VersionedFiles.write``."""
        self.file.flush()
        os.fsync(self.file.fileno())
        version = _version(os.fstat(self.file.fileno()))
        for _ in range(ATTEMPTS):
            with suppress(FileNotFoundError):  # a folder was deleted between two steps
                for folder in (self.path.parent, self.folder):
                    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._publish(version, facts, is_new=is_new)
                return version
        raise OSError("a folder is deleted again and again")

    def _publish(self, version: str, facts: Mapping[str, str], *, is_new: bool) -> None:
        draft = Path(self.file.name)
        kept, said = self.folder / f"@{version}", self.folder / f"@{version}.json"
        said.write_text(json.dumps(dict(facts)), encoding="utf-8")
        with suppress(FileExistsError):  # linked in an attempt before
            kept.hardlink_to(draft)
        if not is_new:
            draft.replace(self.path)
            return
        try:
            self.path.hardlink_to(draft)
        except FileExistsError:
            kept.unlink()
            said.unlink()
            raise


class VersionedFiles:
    """Versions of files. A key that no file can have is a missing file: FileNotFoundError."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._versions = root.with_name(f"{root.name}.versions")
        self._drafts = root.with_name(f"{root.name}.drafts")

    def write(self, key: str, content: bytes, facts: Mapping[str, str], *, is_new: bool = False) -> str:
        """Make the bytes the current version, whole or not at all, and return its name.

        Raises FileExistsError where ``is_new`` and there is a current version.
        """
        with self.draft(key) as draft:
            draft.write(content)
            return draft.publish(facts, is_new=is_new)

    @contextmanager
    def draft(self, key: str) -> Iterator[Draft]:
        """Yield a version to be written piece by piece; unless it is published it leaves no trace."""
        path, folder = self._root / _checked(key), self._versions / key
        self._drafts.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = self._drafts / secrets.token_hex(8)
        try:
            with name.open("xb") as file:
                yield Draft(path, folder, file)
        finally:
            name.unlink(missing_ok=True)

    def forget_drafts(self) -> None:
        """Remove what processes left that were killed; for a moment when none of them is at work."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._drafts)

    def open(self, key: str) -> tuple[FileVersion, BinaryIO]:
        """Return the current version and its bytes to be read piece by piece; raises FileNotFoundError.

        A version that was written here never changes under the reader; a file that was dropped here can.
        """
        for _ in range(ATTEMPTS):
            path, before = self._find(key, None)
            file = path.open("rb")
            if _version(os.fstat(file.fileno())) == _version(before):
                return _file_version(key, before), file
            file.close()
        raise OSError("a file is edited faster than it can be read")

    def keep(self, file: FileVersion) -> bool:
        """Keep a version that was dropped here beyond the moment another takes its place.

        The answer is False where it is gone already, or has a name that no key has.
        """
        try:
            path, folder = self._root / _checked(file.key), self._versions / file.key
        except ValueError:
            return False
        kept = folder / f"@{file.version}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            try:
                kept.hardlink_to(path)
            except FileNotFoundError:
                return False
        is_kept = _version(kept.lstat()) == file.version
        if not is_kept:
            kept.unlink()
        return is_kept

    def read(self, key: str, version: str | None = None) -> bytes:
        """Return the bytes of a version, or of the current one; raises FileNotFoundError."""
        for _ in range(ATTEMPTS):
            path, before = self._find(key, version)
            content = path.read_bytes()
            if _version(path.lstat()) == _version(before):
                return content
        raise OSError("a file is edited faster than it can be read")

    def find(self, key: str, version: str | None = None) -> FileVersion:
        """Return a version, or the current one; raises FileNotFoundError."""
        return _file_version(key, self._find(key, version)[1])

    def exists(self, key: str) -> bool:
        """Whether there is a current version."""
        try:
            self._find(key, None)
        except FileNotFoundError:
            return False
        return True

    def facts(self, file: FileVersion) -> dict[str, str]:
        """Return what was said about a version when it was written; nothing if it was dropped here."""
        try:
            text = (self._versions / file.key / f"@{file.version}.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        return dict(json.loads(text))

    def walk(self, prefix: str) -> Iterator[FileVersion]:
        """Yield the current versions under a prefix, in no order. Hidden files are not looked at."""
        yield from _walk(self._root, prefix)

    def remove(self, prefix: str) -> int:
        """Remove every version under a prefix that ends in a slash; return how many."""
        _checked(prefix.removesuffix("/"))
        if not prefix.endswith("/"):
            raise ValueError("a prefix to delete names a whole folder")
        names = {(file.key, file.version) for file in self.walk(prefix)}
        for file in _walk(self._versions, prefix):
            key, _, version = file.key.rpartition("/@")
            if not version.endswith(".json"):
                names.add((key, version))
        for root in (self._root, self._versions):
            with suppress(FileNotFoundError):
                shutil.rmtree(root / prefix)
        return len(names)

    def _find(self, key: str, version: str | None) -> tuple[Path, os.stat_result]:
        try:
            path = self._root / _checked(key)
        except ValueError as error:
            raise FileNotFoundError from error
        with suppress(FileNotFoundError, NotADirectoryError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and version in (None, _version(status)):
                return path, status
        if version is None or not _VERSION.fullmatch(version):
            raise FileNotFoundError
        path = self._versions / key / f"@{version}"
        status = path.lstat()
        if _version(status) != version:
            raise FileNotFoundError
        return path, status


def _walk(root: Path, prefix: str) -> Iterator[FileVersion]:
    start = root / prefix.rpartition("/")[0]
    for folder, folders, names in os.walk(start, onerror=_raise_unless_gone):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            key = path.relative_to(root).as_posix()
            if name.startswith(".") or not key.startswith(prefix):
                continue
            with suppress(FileNotFoundError, UnicodeEncodeError):
                key.encode()  # a name in no known encoding is not a key
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield _file_version(key, status)


def _raise_unless_gone(error: OSError) -> None:
    """A folder that nobody has made is empty; one that cannot be read is not known to be."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _checked(key: str) -> str:
    """Return a key that is a path below a folder and cannot be one of the names used here."""
    parts = key.split("/")
    if (
        any(part[:1] in ("", ".", "@") or len(part.encode()) > MAX_PART_BYTES for part in parts)
        or "\0" in key
    ):
        raise ValueError("a key cannot be a path")
    return key


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"


def _file_version(key: str, status: os.stat_result) -> FileVersion:
    changed_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return FileVersion(key, _version(status), status.st_size, changed_at)
