"""One HTTP client for all tests: making one reads certificates, which no test on loopback needs."""

import httpx2

web = httpx2.Client(
    verify=False,  # there is no TLS here
    trust_env=False,
    timeout=20,
    limits=httpx2.Limits(max_keepalive_connections=0),
)
