"""One request to an object store, signed as AWS's clients sign: the only proof that a store is there and is ours."""

from __future__ import annotations

import urllib.request

REGION = "us-east-1"
"""The store's own default; a request signed for another one is refused."""


def answers(service: str, url: str, access_key: str, secret_key: str) -> bool:
    """Whether the root of `s3` or `iam` at this address knows these credentials; False, too, while nobody listens."""
    # A fifth of a second of imports, for those alone who ask for a store; clients of boto3 would cost three times that.
    from botocore.auth import S3SigV4Auth, SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    body = b"Action=ListUsers&Version=2010-05-08" if service == "iam" else None
    request = AWSRequest("POST" if body else "GET", f"{url}/", data=body)
    if body:
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    sign = SigV4Auth if service == "iam" else S3SigV4Auth
    sign(Credentials(access_key, secret_key), service, REGION).add_auth(request)
    # No proxy: a machine's HTTP_PROXY has no business with 127.0.0.1.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    plain = urllib.request.Request(f"{url}/", body, dict(request.headers), method=request.method)  # noqa: S310 - loopback
    try:
        with opener.open(plain, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
