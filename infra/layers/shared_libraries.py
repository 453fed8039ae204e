"""Cut off a shared library what Linux never loads of it: symbols for debuggers, and the table of sections.

An ELF file is its header, its segments, which are mapped into memory, and sections, of which a loader reads
nothing. Linkers write the sections that no segment holds behind the last one. So nothing moves, unlike under
``strip``, which breaks libraries whose segments were moved already, as those beside scipy's wheel.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

MAGIC: Final = b"\x7fELF\x02\x01"
"""Of 64 bits, the lowest byte first: both processors of Lambda."""

SEGMENTS, SECTIONS = 32, 40
"""Where the header says where the tables of segments and of sections begin (ELF-64, figure 2)."""

SEGMENT_SIZE, N_SECTIONS = 54, 60
SEGMENT_OFFSET, SEGMENT_BYTES = 8, 32
WORTH_IT: Final = 4096
"""Bytes that must be saved; a library that was patched has its last segment behind the sections."""


def loaded_size(library: bytes) -> int:
    """Return how many bytes of the file there are up to the end of its last segment."""
    (table,) = struct.unpack_from("<Q", library, SEGMENTS)
    size, n_segments = struct.unpack_from("<HH", library, SEGMENT_SIZE)
    end = table + n_segments * size
    for start in range(table, end, size):
        (offset,) = struct.unpack_from("<Q", library, start + SEGMENT_OFFSET)
        (n_bytes,) = struct.unpack_from("<Q", library, start + SEGMENT_BYTES)
        end = max(end, offset + n_bytes)
    return end


def cut(path: Path) -> None:
    """Shorten a library to what is loaded of it, and let its header name no section."""
    library = bytearray(path.read_bytes())
    if not library.startswith(MAGIC) or len(library) - loaded_size(library) < WORTH_IT:
        return
    del library[loaded_size(library) :]
    struct.pack_into("<Q", library, SECTIONS, 0)
    struct.pack_into("<HH", library, N_SECTIONS, 0, 0)  # the second is the section of their names
    path.write_bytes(library)
