"""What a backend raises, turned into our own errors at the adapter's edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from whybox.errors import BackingServiceError


@contextmanager
def failing_as(ours: Callable[[], BackingServiceError], *theirs: type[Exception]) -> Iterator[None]:
    """Raise our error, with theirs as its cause, for whatever the backend raises inside."""
    try:
        yield
    except theirs as error:
        raise ours() from error
