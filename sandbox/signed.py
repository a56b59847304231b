"""Signed requests to an object store, which show that it runs and belongs to this sandbox."""

from __future__ import annotations

import urllib.request

REGION = "us-east-1"
"""The store's default region. A request signed for another region is refused."""


def answers(service: str, url: str, access_key: str, secret_key: str) -> bool:
    """Tell whether `s3` or `iam` at this address accepts these credentials. False if the port is closed."""
    # Imported here, because it takes 0.2 s and only the store needs it. Clients of boto3 would take three times that.
    from botocore.auth import S3SigV4Auth, SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    body = b"Action=ListUsers&Version=2010-05-08" if service == "iam" else None
    request = AWSRequest("POST" if body else "GET", f"{url}/", data=body)
    if body:
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    sign = SigV4Auth if service == "iam" else S3SigV4Auth
    sign(Credentials(access_key, secret_key), service, REGION).add_auth(request)
    # No proxy: HTTP_PROXY must not apply to 127.0.0.1.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    plain = urllib.request.Request(f"{url}/", body, dict(request.headers), method=request.method)  # noqa: S310 - loopback
    try:
        with opener.open(plain, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
