"""The gateway: decisions at the request, looked up in a published table."""
