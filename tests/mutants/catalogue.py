"""All mutants, in the order they are shown."""

from __future__ import annotations

from tests.mutants import (
    batch_mutants,
    issuer_mutants,
    job_mutants,
    json_mutants,
    quota_mutants,
    secret_mutants,
    table_mutants,
    token_mutants,
)
from tests.mutants.mutants import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *table_mutants.MUTANTS,
    *json_mutants.MUTANTS,
    *token_mutants.MUTANTS,
    *issuer_mutants.MUTANTS,
    *quota_mutants.MUTANTS,
    *job_mutants.MUTANTS,
    *batch_mutants.MUTANTS,
    *secret_mutants.MUTANTS,
)
