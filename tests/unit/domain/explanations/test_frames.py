"""Data frames become numbers and come back as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whybox.domain.explanations.frames import code_frames, is_frame


@pytest.fixture
def frame():
    """Every kind of column, with gaps."""
    return pd.DataFrame(
        {
            "whole": [1, 2, 3, 4],
            "broken": [0.5, np.nan, 24.7, -1e300],
            "truth": [True, False, True, True],
            "label": ["b", None, "a", "b"],
            "category": pd.Categorical(["x", "y", None, "x"], categories=["z", "y", "x"]),
            "day": pd.to_datetime(["2026-01-02", "2026-01-01", None, "2026-01-02"]),
            "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
        }
    )


def test_a_frame_comes_back_with_its_names_its_labels_and_its_gaps(frame):
    coding = code_frames(frame[:2], frame[2:])

    back = coding.decode(coding.encode(frame))

    assert list(back.columns) == list(frame.columns)
    for name in frame.columns:
        assert back[name].isna().tolist() == frame[name].isna().tolist()
        kept = frame[name].notna()
        assert back.loc[kept, name].tolist() == frame.loc[kept, name].tolist()
    for name in ("label", "category", "day"):
        assert back[name].dtype == frame[name].dtype


def test_numbers_keep_their_value_and_labels_get_a_code(frame):
    coding = code_frames(frame[:2], frame[2:])

    coded = coding.encode(frame)

    assert coded.dtype == np.float64
    np.testing.assert_array_equal(coded[:, 1], frame["broken"])
    np.testing.assert_array_equal(coded[:, 3], [0.0, np.nan, 1.0, 0.0])
    assert not coding.is_numeric
    assert code_frames(frame[["whole", "truth"]], frame[["whole", "truth"]]).is_numeric


def test_frames_are_told_from_arrays(frame):
    assert is_frame(frame)
    assert not is_frame(frame.to_numpy())
    assert not is_frame([[1.0, 2.0]])
