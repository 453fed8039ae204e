"""Check that a tenant is not shut out; asked on every request, so that it holds from the next one on."""

from __future__ import annotations

from whybox.errors import TenantDisabledError
from whybox.ports import TenantStore


def check_tenant(tenant: str, *, tenants: TenantStore) -> None:
    """Raise TenantDisabledError for a tenant that was shut out."""
    if tenants.is_disabled(tenant):
        raise TenantDisabledError
