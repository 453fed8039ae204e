"""Rows in blocks: in how many threads they are worked through, and who hears how far it is.

rows 0..n ──▶ block, block, block ..   each fills its own part of the answer, in any thread
                    └─ done ─▶ on_rows(rows done so far), which may raise to stop the rest
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import pairwise

BLOCK_ROWS = 4_096
"""Enough for what a block prepares to pay, few enough to hear from it several times a second."""

LEAST_ROWS = 512
"""What a block prepares costs up to 350 rows (a background counted by pattern, 100 trees of depth 6): for
fewer than this, another thread is more work and no more speed."""

THREAD_NAME = "whybox-rows"
"""How the threads' names begin, for who looks at a process from outside."""


@dataclass(frozen=True, slots=True)
class RowBlocks:
    """How rows are worked through.

    Attributes
    ----------
    n_threads : blocks at the same time; the compiled kernel computes without Python's lock
    on_rows : called with the number of rows done after each block, from the calling thread; what it raises
        ends the work, and blocks that wait are not begun
    """

    n_threads: int = 1
    on_rows: Callable[[int], None] | None = None

    def run(self, work: Callable[[slice], None], n_rows: int, *, block_rows: int = BLOCK_ROWS) -> None:
        """Call ``work`` for every block of rows; with one thread and no listener all rows are one block."""
        if self.n_threads == 1 and self.on_rows is None:
            work(slice(0, n_rows))
            return
        share = -(-n_rows // self.n_threads)
        step = min(block_rows, max(share, LEAST_ROWS))
        blocks = [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]
        if self.n_threads == 1 or len(blocks) < 2:
            for block in blocks:
                work(block)
                self._report(block.stop)
            return
        with ThreadPoolExecutor(self.n_threads, thread_name_prefix=THREAD_NAME) as pool:
            self._run_in(pool, work, blocks)

    def in_one_thread(self) -> RowBlocks:
        """Return the same without threads, for work whose last bits depend on where a block ends."""
        return replace(self, n_threads=1)

    def _run_in(self, pool: ThreadPoolExecutor, work: Callable[[slice], None], blocks: list[slice]) -> None:
        """Work through the blocks in threads; after an error the waiting ones are dropped."""
        waiting: dict[Future[None], slice] = {pool.submit(work, block): block for block in blocks}
        n_done = 0
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    block = waiting.pop(future)
                    future.result()
                    n_done += block.stop - block.start
                self._report(n_done)
        finally:
            for future in waiting:
                future.cancel()

    def _report(self, n_done: int) -> None:
        if self.on_rows is not None:
            self.on_rows(n_done)


ALL_AT_ONCE = RowBlocks()


def share_out(work: Callable[[slice], None], n_items: int, *, n_threads: int) -> None:
    """Call ``work`` for as many equal shares of items as there are threads; what one raises is raised.

    For work that is long enough for a thread, and of which no item minds where its share begins.
    """
    n_shares = max(1, min(n_threads, n_items))
    ends = [n_items * share // n_shares for share in range(n_shares + 1)]
    shares = [slice(*pair) for pair in pairwise(ends)]
    if n_shares == 1:
        work(shares[0])
        return
    with ThreadPoolExecutor(n_shares, thread_name_prefix=THREAD_NAME) as pool:
        for _ in pool.map(work, shares):
            pass
