"""What a refusal costs: one step beyond each limit, sent to a running gateway, in seconds and in memory.

    client ─▶ gateway ─▶ authorizer ─▶ worker of the function ─▶ refusal
               └──────── resident memory of each of them, every millisecond ───────┘

The memory of a refusal is what it takes beyond a request of the same size that is refused by its first bytes:
carrying so many bytes takes memory by itself. It is counted in each process, and the largest counts. The
gateway is a part of this process, so that its client's memory counts as well.
"""

from __future__ import annotations

import sys
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
from tests.proof.gateways import served

from whybox.domain.tables.dialects import ReadOptions
from whybox.http.forms import MAX_BODY_BYTES
from whybox.local.gateway import MAX_EVENT_BYTES

MEGABYTE = 1_000_000
MOST_SECONDS, MOST_MEGABYTES = 1.0, 50.0
ROUTE = "/mlregression"
SMALL = b"a,target,training_index\n" + b"".join(b"%d,%d,%d\n" % (n, n % 7, n % 3 > 0) for n in range(30))
BOUNDARY = "a-boundary"
GZIP_MARK = b"\x1f\x8b\x08\x00"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One step beyond a limit: how it was answered, how long it took, and what it took in memory.

    ``carried_megabytes`` is what a request of this size takes that nobody reads.
    """

    limit: str
    code: str
    expected: str
    seconds: float
    megabytes: float
    carried_megabytes: float

    @property
    def is_met(self) -> bool:
        """Whether the right refusal came within the bounds."""
        is_cheap = self.seconds < MOST_SECONDS and self.megabytes < MOST_MEGABYTES
        return self.code == self.expected and is_cheap


def oversized_tables() -> Iterator[tuple[str, str, bytes]]:
    """Return each limit that a request can pass, the refusal it must get, and a table one step beyond."""
    limits = ReadOptions()
    rows = b"\n".join([b"a"] + [b"1"] * (limits.max_rows + 1))
    yield f"{limits.max_rows:,} rows", "csv-too-many-rows", rows
    wide = limits.max_columns + 1
    header = b",".join(b"c%d" % column for column in range(wide))
    yield (
        f"{limits.max_columns:,} columns",
        "csv-too-many-columns",
        header + b"\n" + b",".join([b"1"] * wide) + b"\n",
    )
    full = header + (b"\n" + b",".join([b"1"] * wide)) * (4_000_000 // (2 * wide))
    yield f"{limits.max_columns:,} columns, in many rows", "csv-too-many-columns", full
    cell = b"x" * (limits.max_cell_bytes + 1)
    yield f"{limits.max_cell_bytes:,} bytes in a cell", "csv-cell-too-large", b"a,b\n1," + cell + b"\n"
    line = b"a," * (limits.max_line_bytes // 2) + b"ab\n1\n"
    yield f"{limits.max_line_bytes:,} bytes in a line", "csv-line-too-long", line
    name = b"n" * (limits.max_name_length + 1)
    yield f"{limits.max_name_length} characters in a name", "csv-column-name-invalid", name + b",b\n1,2\n"
    n_words = limits.max_categories + 1
    words = b"".join(b"w%d,%d,%d\n" % (row % n_words, row % 7, row % 3 > 0) for row in range(100 * n_words))
    table = b"a,target,training_index\n" + words
    yield f"{limits.max_categories:,} categories in the only column", "no-usable-features", table
    yield "a gzip bomb called .csv", "file-type-unsupported", _write_bomb()


def _write_bomb(n_megabytes: int = 400) -> bytes:
    """Return a small gzip file of a table that is a thousand times larger."""
    packer, piece = zlib.compressobj(9, zlib.DEFLATED, 31), b"1,2\n" * 250_000
    return b"".join([*(packer.compress(piece) for _ in range(n_megabytes)), packer.flush()])


def prove() -> tuple[Refusal, ...]:
    """Send each of them once to gateway and workers that are warm."""
    with TemporaryDirectory() as name, served(Path(name)) as (url, token):
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            client.post(ROUTE, content=_form(SMALL)).raise_for_status()
            found = [_send(client, *case) for case in _bodies()]
    return tuple(found)


def _bodies() -> Iterator[tuple[str, str, bytes]]:
    for limit, expected, table in oversized_tables():
        yield limit, expected, _form(table)
    room = MAX_BODY_BYTES - len(_form(b""))
    yield f"{MAX_BODY_BYTES:,} bytes of body", "body-too-large", _form(b"1,2\n" * (room // 4 + 1))
    yield f"{MAX_EVENT_BYTES:,} bytes at the gateway", "body-too-large", b"x" * (MAX_EVENT_BYTES + 1)


def _form(table: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\n'
    return head.encode() + table + f"\r\n--{BOUNDARY}--\r\n".encode()


def _send(client: httpx.Client, limit: str, expected: str, body: bytes) -> Refusal:
    unread = _form(GZIP_MARK + bytes(max(0, len(body) - len(_form(GZIP_MARK)))))
    this = psutil.Process()
    watched = (this, *this.children(recursive=True))
    before = _resident(watched)
    with _peak_memory(watched) as carrying:
        client.post(ROUTE, content=unread)
    with _peak_memory(watched) as refusing:
        started = time.perf_counter()
        answer = client.post(ROUTE, content=body)
        seconds = time.perf_counter() - started
    code = str(answer.json().get("type", answer.status_code)).rpartition("/")[2]
    extra = max(0, *(after - carried for after, carried in zip(refusing, carrying, strict=True)))
    carried = max(0, *(after - at_rest for after, at_rest in zip(carrying, before, strict=True)))
    return Refusal(limit, code, expected, seconds, extra / MEGABYTE, carried / MEGABYTE)


@contextmanager
def _peak_memory(watched: Sequence[psutil.Process]) -> Iterator[list[int]]:
    """Hold the most bytes each process had resident while the block ran."""
    peaks = _resident(watched)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.001):
            peaks[:] = map(max, peaks, _resident(watched))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _resident(watched: Sequence[psutil.Process]) -> list[int]:
    return [int(process.memory_info().rss) for process in watched]


if __name__ == "__main__":
    refusals = prove()
    print(*refusals, sep="\n")
    sys.exit(not all(refusal.is_met for refusal in refusals))
