"""The template keeps every invariant, and the known-bad one breaks every single one of them."""

from __future__ import annotations

import json

import pytest
from tests.architecture.template_invariants import INVARIANTS, consumers, no_origin_is_a_star, of_type

NAMES = [invariant.__name__ for invariant in INVARIANTS]


@pytest.mark.parametrize("invariant", INVARIANTS, ids=NAMES)
def test_the_template_keeps_the_invariant(translated, invariant):
    assert invariant(translated) == []


@pytest.mark.parametrize("invariant", INVARIANTS, ids=NAMES)
def test_the_known_bad_template_breaks_the_invariant(known_bad, invariant):
    assert invariant(known_bad)


def test_there_are_twenty_invariants_and_no_two_are_one():
    assert len(set(INVARIANTS)) == 20


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::ApiGatewayV2::Api"])
def test_a_star_behind_a_condition_is_seen_too(translated, kind):
    bad = json.loads(json.dumps(translated).replace('{"Ref": "CorsOrigin"}', '"*"'))
    others = {name: part for name, part in bad["Resources"].items() if part["Type"] != kind}

    assert of_type(bad, kind)
    assert len(no_origin_is_a_star(bad)) == 2
    assert len(no_origin_is_a_star(bad | {"Resources": others})) == 1


def test_the_invariants_see_every_queue_that_feeds_a_function(translated):
    mappings = of_type(translated, "AWS::Lambda::EventSourceMapping")

    assert {name for name, _, _, _ in consumers(translated)} == set(mappings)
    assert {queue for _, _, queue, _ in consumers(translated)} == set(of_type(translated, "AWS::SQS::Queue"))
