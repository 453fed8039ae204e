"""The keys that objects are stored under, all made here: a tenant is a folder, a name from a caller never is.

tenants/<tenant>/uploads/<upload id>            one table, written once by a signed link
tenants/<tenant>/inline/<sha256>                one table that came inside a request
batch/<tenant>/<name>.csv                       tables that are dropped in
results/<tenant>/<job id>/<fence>/<name>        what one attempt wrote; the job names the attempt that counts
results/<tenant>/<job id>/<name>                the same, for whoever dropped the table in
"""

from __future__ import annotations

import re
from typing import Final

_TENANT: Final = re.compile(r"[0-9a-f]{64}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def upload_key(tenant: str, upload_id: str) -> str:
    """Return the key of an upload."""
    return f"tenants/{_checked(_TENANT, tenant)}/uploads/{_checked(_ID, upload_id)}"


def inline_key(tenant: str, sha256: str) -> str:
    """Return the key of a table that came inside a request: the same table, the same key."""
    return f"tenants/{_checked(_TENANT, tenant)}/inline/{_checked(_DIGEST, sha256)}"


def result_prefix(tenant: str, job_id: str, *, fence: int) -> str:
    """Return what the keys of one attempt's files begin with, without the slash."""
    tenant, job_id = _checked(_TENANT, tenant), _checked(_ID, job_id)
    return f"results/{tenant}/{job_id}/{fence}"


def published_key(tenant: str, job_id: str, *, name: str) -> str:
    """Return the key that a file of a job's result has for whoever dropped the table in."""
    return f"results/{_checked(_TENANT, tenant)}/{_checked(_ID, job_id)}/{_checked(_NAME, name)}"


def result_key(tenant: str, job_id: str, *, fence: int, name: str) -> str:
    """Return the key of one file of one attempt at a job: a worker that was fenced out writes elsewhere."""
    return f"{result_prefix(tenant, job_id, fence=fence)}/{_checked(_NAME, name)}"


def is_id(text: str) -> bool:
    """Whether a caller's text has the form of an id, so that it may stand in a key."""
    return _ID.fullmatch(text) is not None


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
