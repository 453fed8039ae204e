"""What a layer leaves out of the packages it installs, and why."""

from __future__ import annotations

import shutil
from fnmatch import fnmatchcase
from pathlib import Path

from shared_libraries import cut

NEVER_IMPORTED = {
    # package: why no function imports it
    "boto3": "whybox calls botocore, which it stands on; and Lambda has one of its own",
    "s3transfer": "only boto3's",
    "shap": "whybox computes its own attributions; shap is what tests compare them with",
    "numba": "only shap's (Python 3.11)",
    "llvmlite": "only numba's",
    "tqdm": "only shap's",
    "slicer": "only shap's",
    "pycparser": "only the C compiler of cffi's; cryptography needs its compiled half",
    "colorama": "Windows",
    "tzdata": "Windows",
    "setuptools": "only numba's",
}

CLIENTS = {"dynamodb", "s3", "secretsmanager", "sqs", "stepfunctions", "sts"}
"""The services that whybox talks to; botocore knows four hundred."""

FOLDERS = {"tests", "test", "examples"}

SOURCES = {"include", "src", "docs"}
"""Headers, sources and words, where they are not packages: botocore imports its ``docs``."""

SUFFIXES = {".pyi", ".pxd", ".pyx", ".pxi", ".tp", ".h", ".hpp", ".c", ".cpp", ".a", ".jpg"}
INSTALLED = {"RECORD", "REQUESTED", "INSTALLER", "direct_url.json", "WHEEL"}
"""pip's own notes; METADATA, entry points and licences stay."""

PARTS = {
    # part of a package: what it is for
    "scipy/io": "files of other programs",
    "scipy/signal": "signal processing",
    "scipy/odr": "orthogonal distance regression",
    "scipy/fftpack": "the old name of scipy.fft",
    "scipy/cluster": "hierarchical clusters",
    "scipy/stats/_unuran": "random numbers of any density",
    "scipy/datasets": "sample data",
    "scipy/misc": "what is left of an old part",
    "sklearn/cluster": "clusters of rows; hidden features find their two without it",
    "sklearn/datasets": "sample tables, and what draws them",
    "xgboost/dask": "clusters",
    "xgboost/spark": "clusters",
    "xgboost/testing": "xgboost's own tests",
    "narwhals/_arrow": "data frames of Arrow; scikit-learn loads narwhals, and is given arrays or pandas'",
    "narwhals/_dask": "data frames of Dask",
    "narwhals/_duckdb": "data frames of DuckDB",
    "narwhals/_ibis": "data frames of Ibis",
    "narwhals/_polars": "data frames of Polars",
    "narwhals/_spark_like": "data frames of Spark",
    "cffi": "what builds bindings; the compiled half beside it stays",
    "whybox/cli": "the command line",
    "whybox/local": "the gateway on a laptop",
    "aws_lambda_powertools/event_handler": "Powertools' own router; ours is FastAPI",
    "aws_lambda_powertools/utilities/parser": "Powertools' own models of events",
    "aws_lambda_powertools/utilities/auth_alpha": "Powertools' own way to verify tokens",
    "aws_lambda_powertools/utilities/data_masking": "encrypted parts of events",
    "aws_lambda_powertools/utilities/feature_flags": "switches",
    "aws_lambda_powertools/utilities/kafka": "streams",
    "pandas/plotting/_matplotlib": "pictures",
    "sklearn/utils/_test_common": "scikit-learn's own tests",
}
"""Parts that no request loads, by megabytes; the rest of what no request loads is small and stays."""

WHOLE = ("scipy", "*.libs")
"""Packages whose libraries stay byte by byte as in the wheel: they were patched after they were linked."""

TEST_LIBRARIES = ("numpy/_core/_simd.*.so", "numpy/_core/_*_tests.*.so")
"""Compiled for numpy's own tests."""


def trim(packages: Path) -> None:
    """Delete from a folder of installed packages what no function can need."""
    shutil.rmtree(packages / "bin", ignore_errors=True)  # console scripts
    for folder in sorted(packages.rglob("*/")):
        is_words = folder.name in SOURCES and not (folder / "__init__.py").exists()
        if folder.exists() and folder.parent != packages and (folder.name in FOLDERS or is_words):
            shutil.rmtree(folder)
    for path in sorted(packages.rglob("*")):
        if path.suffix in SUFFIXES or (path.name in INSTALLED and path.parent.suffix == ".dist-info"):
            path.unlink()
    for part in PARTS:
        shutil.rmtree(packages / part, ignore_errors=True)
    for pattern in TEST_LIBRARIES:
        for path in packages.glob(pattern):
            path.unlink()
    for path in packages.rglob("*.so*"):
        if not any(fnmatchcase(path.relative_to(packages).parts[0], name) for name in WHOLE):
            cut(path)
    for service in packages.glob("botocore/data/*/"):
        if service.name not in CLIENTS:
            shutil.rmtree(service)
