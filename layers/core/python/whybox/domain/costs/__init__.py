"""Costs: the seconds and the memory a job will take, before any of it is done.

The estimate is a sum of elementary works times what one unit of each costs (``cost_coefficients``, written by
``make calibrate``): seconds of one core of the machine it was calibrated on. Nothing here loads the numeric
stack.
"""

from __future__ import annotations

from dataclasses import dataclass

from whybox.domain.costs.cost_coefficients import MEGABYTES, SECONDS
from whybox.domain.costs.explanation_costs import count_explain_work
from whybox.domain.costs.fit_costs import Work, count_fit_work
from whybox.domain.costs.job_sizes import JobSize
from whybox.domain.costs.memory_costs import count_memory

__all__ = ["CostEstimate", "JobSize", "estimate_cost"]


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a job will take.

    ``seconds`` of one core, fit and explanation together, of which ``fit_seconds`` are the fit's;
    ``memory_mb`` is the peak of the process, libraries included.
    """

    seconds: float
    memory_mb: float
    fit_seconds: float


def estimate_cost(job: JobSize) -> CostEstimate:
    """Predict seconds and memory of a job.

    Returns
    -------
    Finite and positive; grows, or stays, with every size of the job as long as the engine takes the same way:
    beyond the limit of an exact one, a sample is cheaper, and so are fewer exact leaves, which is what more
    hidden features leave of a forest. Within a factor 2 of the measured seconds for nine of ten jobs of the
    grid of ``make calibrate``; far outside of it it extrapolates.
    """
    fit = _price(count_fit_work(job), SECONDS)
    explain = _price(count_explain_work(job), SECONDS)
    return CostEstimate(
        seconds=fit + explain, memory_mb=_price(count_memory(job), MEGABYTES), fit_seconds=fit
    )


def _price(work: Work, coefficients: dict[str, float]) -> float:
    """Return the sum of amounts times coefficients; a work that was found to cost nothing has none."""
    return sum(amount * coefficients.get(name, 0.0) for name, amount in work.items())
