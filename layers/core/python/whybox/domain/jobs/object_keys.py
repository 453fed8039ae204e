"""The keys that objects are stored under, all made here: a tenant is a folder, a name from a caller never is.

tenants/<tenant>/uploads/<upload id>            one table, written once by a signed link
batch/<tenant>/<name>.csv                       tables that are dropped in
results/<tenant>/<job id>/<fence>/<name>        what one attempt wrote; the job names the attempt that counts
"""

from __future__ import annotations

import re
from typing import Final

_TENANT: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def upload_key(tenant: str, upload_id: str) -> str:
    """Return the key of an upload."""
    return f"tenants/{_checked(_TENANT, tenant)}/uploads/{_checked(_ID, upload_id)}"


def result_key(tenant: str, job_id: str, *, fence: int, name: str) -> str:
    """Return the key of one file of one attempt at a job: a worker that was fenced out writes elsewhere."""
    tenant, job_id = _checked(_TENANT, tenant), _checked(_ID, job_id)
    return f"results/{tenant}/{job_id}/{fence}/{_checked(_NAME, name)}"


def batch_prefix(tenant: str) -> str:
    """Return what the keys of a tenant's dropped tables begin with."""
    return f"batch/{_checked(_TENANT, tenant)}/"


def tenant_prefixes(tenant: str) -> tuple[str, ...]:
    """Return what every key of a tenant's objects begins with, one way or another."""
    tenant = _checked(_TENANT, tenant)
    return (f"tenants/{tenant}/", f"batch/{tenant}/", f"results/{tenant}/")


def attachment(file_name: str) -> str:
    """Return the Content-Disposition of a file to keep, under a name of ours."""
    return f'attachment; filename="{_checked(_NAME, file_name)}"'


def _checked(pattern: re.Pattern[str], part: str) -> str:
    if pattern.fullmatch(part) is None:
        raise ValueError("a part of an object's name is not one that this service makes")
    return part
