"""Tables to try the service with, written where the commands keep their own files."""

from __future__ import annotations

from pathlib import Path


def write_breast_cancer(folder: Path) -> Path:
    """Write the breast cancer table with ``target`` and ``training_index``, once; return its path.

    398 rows to train on and 171 to test, the classes in proportion: the split the field's examples use.
    """
    path = folder / "breast_cancer.csv"
    if path.exists():
        return path
    # Imported here: a command that needs no sample must not wait for the numeric stack.
    from whybox.domain.tables.example_tables import make_example_table

    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(make_example_table("breast_cancer"))
    draft.replace(path)
    return path
