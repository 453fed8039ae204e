import csv
from collections import Counter
from pathlib import Path

from whybox.cli.sample_tables import write_breast_cancer


def test_the_sample_has_the_split_that_users_of_the_compatible_api_have(tmp_path: Path) -> None:
    path = write_breast_cancer(tmp_path / "samples")

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 569
    assert len(rows[0]) == 32
    assert Counter(row["training_index"] for row in rows) == {"1": 398, "0": 171}
    assert Counter(row["target"] for row in rows if row["training_index"] == "0") == {"0": 64, "1": 107}


def test_the_sample_is_written_once(tmp_path: Path) -> None:
    path = write_breast_cancer(tmp_path)
    path.write_text("mine now")

    assert write_breast_cancer(tmp_path).read_text() == "mine now"
    assert [found.name for found in tmp_path.iterdir()] == ["breast_cancer.csv"]
