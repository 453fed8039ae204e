"""One table for each problem of a table, of its task and of its model: the request that meets it over HTTP.

Every file holds the canary in a cell, a name or a parameter where its fault leaves room for one.
"""

from __future__ import annotations

CANARY = "canary4711"
CLASSIFY = "/mlclassification?base_model=LogisticRegression"
REGRESS = "/mlregression?base_model=RidgeCV"
N_ROWS = 40


def write(
    *, header: str = "a,b,c,target", line: str = "{i},{b},canary4711x{c},{y}", n: int = N_ROWS
) -> bytes:
    """Return a table of ``n`` rows in the pattern of one line."""
    lines = [line.format(i=i, b=i * i % 7, c=i % 3, y=i % 2) for i in range(n)]
    return "\n".join([header, *lines, ""]).encode()


GOOD = write()
NUMBERS = write(header="a,b,target", line="{i},{b},{i}.5")


def _more(line: bytes) -> bytes:
    """Return a good table with one line more."""
    return GOOD + line + b"\n"


FILES: dict[str, bytes] = {
    "csv-empty": b"\n\r\n\n",
    "csv-no-rows": b"a,canary4711,target\n",
    "csv-encoding": _more("1,2,canary4711 José,1".encode("latin-1")),
    "csv-nul-byte": _more(b"1,2,canary4711\0,1"),
    "csv-malformed-quote": _more(b'1,2,"canary4711,1'),
    "csv-ragged-rows": _more(b"canary4711,1") + b"1,2,canary4711\n" * 30,
    "csv-blank-column": write(header="a,,c,target"),
    "csv-duplicate-column": write(header="a,A,c,target"),
    "csv-column-name-invalid": write(header=f"a,{CANARY * 30},c,target"),
    "csv-delimiter": GOOD.replace(b",", b";"),
    "csv-header-suspect": write(header="1,2,3,4"),
    "csv-too-many-columns": ",".join(f"c{column}" for column in range(1001)).encode() + b"\n",
    "csv-too-many-rows": b"a,target\n" + b",\n" * 2_000_001,
    "csv-cell-too-large": _more(b"1,2," + CANARY.encode() * 13_200 + b",1"),
    "csv-line-too-long": CANARY.encode() * 430_000,
    "csv-too-few-columns": b"target\ncanary4711\ncanary4711\n",
    "file-type-unsupported": b"\x1f\x8b\x08\0" + CANARY.encode(),
    "file-looks-like-html": b"<!DOCTYPE html><p>canary4711</p>",
    "file-looks-like-json": b'{"canary4711": [1, 2]}',
    "file-looks-like-xml": b"<?xml version='1.0'?><canary4711/>",
    "integer-precision": GOOD.replace(b"\n1,", b"\n9007199254740993,", 1),
    "non-finite-values": GOOD.replace(b"\n1,", b"\n1e999,", 1),
    "value-out-of-range": GOOD.replace(b"\n1,", b"\n1e39,", 1),
    "target-not-found": write(header="a,b,c,aim"),
    "target-missing-values": write(line="{i},{b},canary4711,") + b"1,2,canary4711,1\n",
    "target-single-class": write(line="{i},{b},x,canary4711"),
    "class-too-small": _more(b"1,2,x,canary4711"),
    "target-high-cardinality": write(line="{b},{c},x,canary4711{i}", n=200),
    "task-mismatch": write(line="{b},{c},canary4711,{i}.5"),
    "too-few-rows": write(n=19),
    "split-empty": write(header="a,b,c,target,training_index", line="{i},{b},canary4711,{y},1"),
    "no-usable-features": write(line="1,,canary4711,{y}"),
    "label-collision": GOOD.replace(b",1\n", b",accuracy\n"),
}

REQUESTS: dict[str, tuple[str, bytes]] = {
    **{code: (CLASSIFY, data) for code, data in FILES.items()},
    "csv-decimal-comma": (
        f"{CLASSIFY}&delimiter=%3B",
        write(header="a;b;c;target", line="{i},5;{b};canary4711;{y}"),
    ),
    "split-not-found": (f"{CLASSIFY}&split={CANARY}", GOOD),
    "target-in-features": (f"{CLASSIFY}&target=c&split=c", GOOD),
    "parameter-invalid": (f"{CLASSIFY}&seed={CANARY}", GOOD),
    "model-unknown": (f"/mlclassification?base_model={CANARY}", GOOD),
    "model-not-installed": ("/gbdtclassification?model_type=catboost", GOOD),
    "model-too-many-rows": ("/mlclassification?base_model=GaussianProcessClassifier", write(n=2_500)),
    "fit-failed": ("/mlregression?base_model=PoissonRegressor", write(line="{i},{b},canary4711,-{i}")),
    "interval-level-too-high": (f"{REGRESS}&return_pi=True&level=99.9", NUMBERS),
    "scoring-unknown": (f"{CLASSIFY}&interpretability=permutation&scoring={CANARY}", GOOD),
    "score-undefined": (
        f"{CLASSIFY}&interpretability=permutation&scoring=roc_auc",
        write(header="a,b,target,training_index", line="{i},{b},{y},1") + b"1,2,1,0\n" * 5,
    ),
}
