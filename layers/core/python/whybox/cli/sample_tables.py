"""Tables to try the service with, generated on this machine from scikit-learn's own data."""

from __future__ import annotations

from pathlib import Path

_TEST_SHARE = 0.3
_SPLIT_SEED = 42


def write_breast_cancer(folder: Path) -> Path:
    """Write scikit-learn's breast cancer table with ``target`` and ``training_index``, once; return its path.

    398 rows to train on and 171 to test, the classes in proportion: the split the field's examples use.
    """
    path = folder / "breast_cancer.csv"
    if path.exists():
        return path
    # Imported here: a command that needs no sample must not wait for the numeric stack.
    import numpy as np
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    table = load_breast_cancer(as_frame=True).frame
    train, _ = train_test_split(
        np.arange(len(table)), test_size=_TEST_SHARE, random_state=_SPLIT_SEED, stratify=table["target"]
    )
    table["training_index"] = np.isin(np.arange(len(table)), train).astype(int)
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    table.to_csv(draft, index=False)
    draft.replace(path)
    return path
