"""The answer in words: what matters most, by how much, how sure that is, and what to be careful about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whybox.domain.pages.numerals import format_measurement, format_number, with_minus
from whybox.domain.reports.findings import Findings

N_NAMED = 3  # columns named in the headline and the sentence under it

Write = Callable[[str], str]


def unit_words(findings: Findings) -> str:
    """Return the unit of the importances as a person says it."""
    if findings.method == "permutation":
        return findings.unit or findings.scoring.replace("_", " ") or "score"
    return {"margin": "log-odds", "target": "units of the target"}.get(findings.unit, findings.unit)


def algorithm_words(findings: Findings) -> str:
    """Return how the numbers were computed; the stable name, with spaces for people."""
    return findings.algorithm.replace("_", " ")


def output_words(findings: Findings, output: int, *, write: Write) -> str:
    """Return what an attribution moves: the probability or log-odds of one class, or the prediction."""
    if not findings.is_classification:
        return "the prediction"
    return f"the {unit_words(findings)} of class\u00a0{write(findings.outputs[output])}"


def answer_in_words(findings: Findings, *, write: Write) -> tuple[str, str]:
    """Return a headline and the sentences after it; ``write`` turns the caller's own names into output."""
    is_permutation = findings.method == "permutation"
    return _tell_shuffles(findings, write) if is_permutation else _tell_attributions(findings, write)


def _tell_attributions(findings: Findings, write: Write) -> tuple[str, str]:
    total = float(findings.ranking.importance.sum())
    if total == 0:
        return "No column moves the predictions: the model gives every row the same answer.", ""
    top = int(findings.ranking.order[0])
    unit = "" if findings.is_classification else f" {unit_words(findings)}"
    headline = (
        f"{write(findings.feature_names[top])} matters most: it moves {_moved_words(findings, write)} by "
        f"{_measured(findings, top)}{unit} on average."
    )
    return headline, " ".join(
        filter(None, (_runners_up(findings, write), _share(findings, total), _tie(findings)))
    )


def _moved_words(findings: Findings, write: Write) -> str:
    if len(findings.outputs) > 2:
        return f"the {unit_words(findings)} of a class"
    return output_words(findings, findings.shown_output, write=write)


def _tell_shuffles(findings: Findings, write: Write) -> tuple[str, str]:
    ranking, unit = findings.ranking, unit_words(findings)
    top, n_columns = int(ranking.order[0]), len(ranking.order)
    if ranking.n_above_noise == 0:
        floor = format_number(ranking.noise_floor or 0.0, digits=2)
        return f"No single column of the {n_columns} stands out of the noise.", (
            f"Shuffling one costs at most {_measured(findings, top)} in {unit}; columns that carry nothing "
            f"may seem to cost up to {floor}. Columns that say the same stand in for each other here: SHAP "
            "values, or the importance of groups of columns, tell more."
        )
    headline = (
        f"{write(findings.feature_names[top])} matters most: shuffled, it costs the model "
        f"{_measured(findings, top)} in {unit}."
    )
    return headline, " ".join(
        filter(None, (_noise_words(findings), _runners_up(findings, write), _tie(findings)))
    )


def _noise_words(findings: Findings) -> str:
    ranking = findings.ranking
    if ranking.noise_floor is None:
        return ""
    verb = "stands" if ranking.n_above_noise == 1 else "stand"
    floor = format_number(ranking.noise_floor, digits=2)
    return f"{ranking.n_above_noise} of {len(ranking.order)} columns {verb} out of the noise (above {floor})."


def _runners_up(findings: Findings, write: Write) -> str:
    ranking = findings.ranking
    named = [
        f"{write(findings.feature_names[column])} ({_measured(findings, column)})"
        for column in ranking.order[1:N_NAMED].tolist()
        if ranking.importance[column] > (ranking.noise_floor or 0.0)
    ]
    return f"Next: {', '.join(named)}." if named else ""


def _share(findings: Findings, total: float) -> str:
    n_columns = len(findings.ranking.order)
    if n_columns <= N_NAMED:
        return ""
    share = float(findings.ranking.importance[findings.ranking.order[:N_NAMED]].sum()) / total
    return f"The first {N_NAMED} of {n_columns} columns make {100 * share:.0f}\u00a0% of all movement."


def _tie(findings: Findings) -> str:
    """Say so when the first place is not decided: the two differ by less than their errors together."""
    ranking = findings.ranking
    if len(ranking.order) < 2:
        return ""
    first, second = ranking.order[:2].tolist()
    margin = float(np.hypot(ranking.error[first], ranking.error[second]))
    is_open = float(ranking.importance[first] - ranking.importance[second]) < margin
    return "The first two are too close to call." if is_open else ""


def _measured(findings: Findings, column: int) -> str:
    ranking = findings.ranking
    number, error = format_measurement(float(ranking.importance[column]), float(ranking.error[column]))
    return f"{with_minus(number)}\u00a0±\u00a0{error}" if error else with_minus(number)
