"""Object storage through Arrow's own filesystems, and its settings in other libraries' words."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa
from pyarrow import fs

from stillwatch.warehouses.address import Address

RIGHTS = "Check the address, its region and the credentials in the environment"
_ARROW = ("access_key", "secret_key", "region", "scheme", "endpoint_override")


def open_storage(address: Address) -> tuple[fs.FileSystem, str]:
    """The filesystem and the path inside it; raises `WarehouseFailed`.

    Credentials come from where each cloud's own tools look for them (environment, profile, the
    machine's role), or for S3 from `access_key` and `secret_key` in the address.
    """
    scheme = address.inner or address.scheme
    inside = f"{address.host}{address.path}".rstrip("/")
    try:
        if scheme == "file":
            return fs.LocalFileSystem(), address.path.rstrip("/") or "/"
        if scheme == "az":
            account = address.options.get("account") or os.environ.get("AZURE_STORAGE_ACCOUNT")
            if not account:
                raise address.failed(
                    "names no storage account", "Set AZURE_STORAGE_ACCOUNT, or add ?account=NAME"
                )
            key = os.environ.get("AZURE_STORAGE_KEY")
            return fs.AzureFileSystem(account_name=account, account_key=key), inside
        given: dict[str, Any] = {
            name: value for name, value in address.options.items() if name in _ARROW
        }
        if scheme == "s3" and given:
            return fs.S3FileSystem(**given), inside
        return fs.FileSystem.from_uri(f"{scheme}://{inside}")
    except (pa.ArrowException, OSError, ValueError) as fault:
        raise address.failed(f"can't be opened ({fault})", RIGHTS) from None


def delta_options(address: Address) -> dict[str, str]:
    """The address's settings as deltalake wants them; the environment's count beside them."""
    given = address.options
    options = {
        "AWS_ACCESS_KEY_ID": given.get("access_key"),
        "AWS_SECRET_ACCESS_KEY": given.get("secret_key"),
        "AWS_REGION": given.get("region"),
        "AWS_ENDPOINT_URL": _endpoint(address),
        "AWS_ALLOW_HTTP": "true" if given.get("scheme") == "http" else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def iceberg_options(address: Address) -> dict[str, Any]:
    """The address's settings as pyiceberg wants them."""
    given = address.options
    options = {
        "s3.access-key-id": given.get("access_key"),
        "s3.secret-access-key": given.get("secret_key"),
        "s3.region": given.get("region"),
        "s3.endpoint": _endpoint(address),
    }
    return {name: value for name, value in options.items() if value is not None}


def _endpoint(address: Address) -> str | None:
    host = address.options.get("endpoint_override")
    return f"{address.options.get('scheme', 'https')}://{host}" if host else None
