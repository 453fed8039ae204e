"""Large tables are explained in blocks: memory grows with the answer, not with rows times leaves."""

from __future__ import annotations

import sys
from subprocess import run

LIMIT_MIB = 1024

SCRIPT = """
from pathlib import Path
import numpy as np
import xgboost
from whybox.domain.explanations import attribute_rows

X = np.random.default_rng(0).normal(size=(100_000, 50))
y = (X[:, 0] * X[:, 1] + X[:, 2] > 0.0).astype(float)
data = xgboost.DMatrix(X[:4000], y[:4000], nthread=1)
booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, data, 20)
found = attribute_rows(booster, X, background=X[:100], unit="margin")
assert found.values.shape == (100_000, 50, 1)
# Not getrusage: what it says of a new process includes the peak of the one that started it.
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""


def test_a_hundred_thousand_rows_of_fifty_columns_stay_below_a_gibibyte():
    finished = run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) < LIMIT_MIB
