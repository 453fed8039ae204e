"""Mutants of the JSON reader: what two readers could read in two ways."""

from __future__ import annotations

from tests.mutants.mutants import Mutant

DOCUMENTS = "http/json_documents.py"
BODIES = "tests/unit/http/test_json_bodies.py"
TWO_WAYS = (f"{BODIES}::test_what_could_be_read_in_two_ways_has_a_name_of_its_own",)

MUTANTS = (
    Mutant(
        "json-names-twice",
        "the last of two equal names counts",
        DOCUMENTS,
        "    if len(kept) < len(pairs):\n",
        "    if len(kept) > len(pairs):\n",
        TWO_WAYS,
    ),
    Mutant(
        "json-constants",
        "NaN and Infinity are numbers",
        DOCUMENTS,
        "    parse_constant=_refuse_constant,\n",
        "    parse_constant=float,\n",
        (f"{BODIES}::test_what_the_grammar_does_not_derive_is_refused",),
    ),
    Mutant(
        "json-infinite-numbers",
        "1e999 is a number",
        DOCUMENTS,
        "    if math.isinf(value):\n",
        "    if math.isnan(value):\n",
        TWO_WAYS,
    ),
    Mutant(
        "json-depth-off",
        "arrays may nest as deep as they like",
        DOCUMENTS,
        "    if deep is not None:\n",
        "    if deep == -1:\n",
        TWO_WAYS,
    ),
    Mutant(
        "json-half-characters",
        "half a surrogate pair is a text",
        DOCUMENTS,
        "    if broken is not None:\n",
        "    if broken == -1:\n",
        TWO_WAYS,
    ),
)
