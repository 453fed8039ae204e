"""The answer in words says no more than the numbers do."""

from __future__ import annotations

import numpy as np

from whybox.domain.reports.answers import answer_in_words
from whybox.domain.reports.findings import read_findings


def answer(document: dict) -> tuple[str, str]:
    headline, lead = answer_in_words(read_findings(document), write=str)
    return headline.replace("\u00a0", " "), lead.replace("\u00a0", " ")


def test_the_column_that_moves_most_is_named_with_its_number_and_error(attribution_document):
    document = attribution_document(["a", "b"], n_rows=4)
    values = np.zeros((4, 2, 2))
    values[:, 1, 1] = [0.10, -0.12, 0.10, 0.12]
    values[:, 1, 0] = -values[:, 1, 1]
    document["explanation"]["values"] = values.tolist()

    headline, _ = answer(document)

    # mean 0.11, standard error 0.01155 / 2 = 0.0058
    assert headline == "b matters most: it moves the probability of class 1 by 0.110 ± 0.006 on average."


def test_a_close_race_is_called_one(attribution_document):
    document = attribution_document(["a", "b"], classes=(), n_rows=4)
    document["explanation"]["values"] = [[[1.0], [1.1]], [[2.0], [2.1]], [[3.0], [3.1]], [[4.0], [4.1]]]

    headline, lead = answer(document)

    assert headline.startswith("b matters most: it moves the prediction by 2.6 ± 0.6 units of the target")
    assert lead.endswith("The first two are too close to call.")


def test_a_model_that_moves_nothing_is_said_to(attribution_document):
    document = attribution_document()
    document["explanation"]["values"] = np.zeros((6, 4, 2)).tolist()

    assert answer(document)[0].startswith("No column moves the predictions")


def test_only_columns_above_the_noise_are_named(permutation_document):
    headline, lead = answer(permutation_document)

    assert headline == "dose matters most: shuffled, it costs the model 0.200 ± 0.010 in accuracy."
    assert lead == "1 of 3 columns stands out of the noise (above 0.050)."


def test_no_column_is_put_first_where_all_are_noise(permutation_document):
    permutation_document["explanation"]["noise_floor"] = 0.5

    headline, lead = answer(permutation_document)

    assert headline == "No single column of the 3 stands out of the noise."
    assert "up to 0.50" in lead
    assert "dose" not in lead


def test_three_classes_are_not_told_as_one(attribution_document):
    headline, _ = answer(attribution_document(classes=("x", "y", "z")))

    assert "the probability of a class" in headline
