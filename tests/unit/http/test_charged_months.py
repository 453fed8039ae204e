"""The month a request is charged in is the server's, whatever the request says about the time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from whybox.http import compatible
from whybox.services.verify_token import tenant_of

NEXT_MONTH = datetime(2026, 12, 1, tzinfo=UTC)
TABLE = b"a,target,training_index\n" + b"".join(b"%d,%d,%d\n" % (n, n % 2, n % 3 > 0) for n in range(30))
QUERY = "base_model=DecisionTreeClassifier&n_hidden_features=0"


@pytest.mark.parametrize(
    "headers",
    [
        {"date": "Tue, 01 Dec 2026 00:00:00 GMT"},
        {"x-amz-date": "20261201T000000Z"},
        {"x-amzn-request-time": "01/Dec/2026:00:00:00 +0000"},
        {"idempotency-key": "2026-12", "date": "Tue, 01 Dec 2026 00:00:00 GMT"},
    ],
)
def test_a_request_is_charged_in_the_month_of_the_servers_clock(service, form, headers):
    content_type, body = form(TABLE)
    function = service.function(compatible.mlclassification)

    answer = service.call(
        function,
        "POST",
        "/mlclassification",
        query=QUERY,
        headers=content_type | headers,
        body=body,
        token=service.token(),
    )

    assert answer.status == 200
    tenant = tenant_of("whybox", "ada")
    assert service.usage.read(tenant, now=service.clock.now()).used == 1
    assert service.usage.read(tenant, now=NEXT_MONTH).used == 0
