"""Exports: named columns of equal length, written as Parquet for programs and as CSV for people.

columns ─┬─▶ parquet_files
         └─▶ csv_files
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
"""By name; numbers, truth values, or an object array of texts. All have the same length."""
