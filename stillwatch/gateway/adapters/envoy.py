"""`/envoy/...`: Envoy's ext_authz over HTTP, any method and path.

A 200 lets the request go on; any other answer goes to the client as it is. Envoy is set to pass the
`x-stillwatch-*` headers upstream (`allowed_upstream_headers`), where `withhold` can be obeyed.
"""

from __future__ import annotations

from stillwatch.gateway.adapters import apisix
from stillwatch.gateway.adapters.adapter import Adapter

ADAPTER = Adapter("envoy", False, apisix.read, apisix.tell)
