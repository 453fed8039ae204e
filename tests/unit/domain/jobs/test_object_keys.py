"""Keys of objects: made of a tenant and ids, and of nothing a caller wrote."""

from __future__ import annotations

import pytest

from whybox.domain.jobs.object_keys import batch_prefix, result_key, tenant_prefixes, upload_key

TENANT = "0" * 63 + "f"


def test_keys_have_their_place_under_the_tenant():
    assert upload_key(TENANT, "3f0c") == f"tenants/{TENANT}/uploads/3f0c"
    assert result_key(TENANT, "j-1", fence=3, name="a.parquet") == f"results/{TENANT}/j-1/3/a.parquet"
    assert batch_prefix(TENANT) == f"batch/{TENANT}/"


def test_every_key_of_a_tenant_is_under_one_of_its_prefixes():
    keys = [
        upload_key(TENANT, "u"),
        result_key(TENANT, "j", fence=1, name="r"),
        batch_prefix(TENANT) + "x.csv",
    ]

    assert all(key.startswith(tenant_prefixes(TENANT)) for key in keys)
    assert all(prefix.endswith(f"/{TENANT}/") for prefix in tenant_prefixes(TENANT))


@pytest.mark.parametrize(
    "tenant", ["", "ada", "F" * 64, "0" * 63, "0" * 65, "../" + "0" * 61, "0" * 64 + "\n"]
)
def test_what_is_no_tenant_makes_no_key(tenant):
    for make in (batch_prefix, tenant_prefixes, lambda it: upload_key(it, "u")):
        with pytest.raises(ValueError, match="not one that this service makes"):
            make(tenant)


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "a\\b", "a\0", "@x", "x" * 81, "ü", "a b"])
def test_what_is_no_id_and_no_name_makes_no_key(part):
    for make in (
        lambda it: upload_key(TENANT, it),
        lambda it: result_key(TENANT, it, fence=1, name="r"),
        lambda it: result_key(TENANT, "j", fence=1, name=it),
    ):
        with pytest.raises(ValueError, match="not one that this service makes"):
            make(part)
