"""Messages for errors of a store's APIs, S3, IAM and MinIO's admin API: what is wrong, and what to do.

Never a secret or signature, although a store's answer to a wrong signature quotes its input. Codes: Amazon's "Error
responses" of S3 and "Common errors" of IAM; MinIO's ``cmd/api-errors.go`` and ``cmd/admin-handler-utils.go``. Those of
versitygw and moto were tested.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from ambient_components.errors import Remedy, StepError
from ambient_components.rotation.state import format_time

_Answered = TypeVar("_Answered")

S3: Final = "s3"
IAM: Final = "iam"
MINIO: Final = "minio"
CONFIG: Final = "of the stack's objectStore"
"""Location of the store's settings."""

_UNSUPPORTED: Final = {
    "InvalidAction",
    "MethodNotAllowed",
    "NotImplemented",
    "UnknownOperationException",
    "XNotImplemented",
}
_BUSY: Final = {
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "XMinioServerNotInitialized",
}
_DENIED: Final = {"AccessDenied", "AccessDeniedException", "UnauthorizedAccess", "AllAccessDisabled"}
_SKEWED: Final = {"RequestTimeTooSkewed", "RequestInTheFuture"}
_REGION: Final = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidLocationConstraint",
    "InvalidRegion",
    "PermanentRedirect",
}
_GONE: Final = {"XMinioAdminNoSuchUser", "XMinioAdminNoSuchPolicy", "XMinioInvalidIAMCredentials"}
"""MinIO's codes, with status 404, for a missing user, policy or key."""
_OF_S3: Final = {
    "BadRequest",
    "InvalidArgument",
    "InvalidBucketName",
    "MethodNotAllowed",
    "NoSuchBucket",
    "NoSuchKey",
    "NotImplemented",
}
"""Codes of a store without MinIO's API, which reads the path as a bucket named minio."""
_HINTS: Final = {
    **dict.fromkeys(
        _SKEWED,
        "refuses every request, as its clock says {clock}, and this machine's {here}: set the one that is wrong",
    ),
    **dict.fromkeys(_REGION, "is in another region than the request says: check region {config}{message}"),
    **dict.fromkeys(
        ("InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"),
        "does not know {who}, or it is disabled: {check}",
    ),
    "SignatureDoesNotMatch": "refuses the secret key of {who}: {check}",
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired"), "refuses {who}, as it has expired: {check}"
    ),
    **dict.fromkeys(_DENIED, "does not let {who} do this: it needs the right {right}{message}"),
}
"""What is wrong and what to do, by code."""

_NO_STORE: Final = {
    S3: "does not answer as S3 does{shown}: check {address}, which wants the address of the S3 API and not of a "
    "console, and whether a proxy or a login page is in between",
    IAM: "does not answer as AWS's IAM does{shown}: {other_apis}",
    MINIO: "does not answer as MinIO's admin API does{shown}: check {address}, which wants the API's address and not "
    "the console's, or say credentials: iam if the store is no MinIO",
}
"""What is wrong if no store of this API answered."""
_OTHER_APIS: Final = (
    f"set iamEndpoint {CONFIG} if it is at another address, or credentials: minio for MinIO's admin API, or use "
    "driver: existing, with a bucket and a key made by hand"
)

_SHOWN: Final = 300
"""Maximum characters of a store's own message."""
_AGAIN: Final = "deploy again when it is well"


class RefusedError(StepError):
    def __init__(self, text: str, status: int, code: str, *remedies: Remedy) -> None:
        super().__init__(text, *remedies)
        self.status = status
        self.code = code
        """Code of the API; empty if the response has none."""

    @property
    def unsupported(self) -> bool:
        return self.code in _UNSUPPORTED or self.status in (405, 501)

    @property
    def denied(self) -> bool:
        return self.code in _DENIED

    @property
    def gone(self) -> bool:
        return self.code == "NoSuchEntity" or (self.status == 404 and self.code in _GONE)


class BusyError(RefusedError):
    """The store rejected the request unread, so it can be retried."""


class LostError(StepError):
    """No usable response arrived, so the request may have been executed."""


class UnreachedError(StepError):
    """Nothing was sent: the store cannot be reached, or there are no credentials."""

    def __init__(self, text: str, *, again: bool = False) -> None:
        super().__init__(text)
        self.again = again
        """Whether a retry may help."""


class UnreadableError(Exception):
    """A response that is not a store's, such as a web page. Raised before botocore parses it; never shown."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    api: str
    """`S3`, `IAM` or `MINIO`."""
    name: str
    """Name of the store for messages."""
    key: str
    """Id of the configured access key; empty if AWS's credential chain was used."""
    right: str
    """The required right, by the API's name."""
    hide: tuple[str, ...] = ()
    """Secrets to remove from the store's messages."""

    @property
    def address(self) -> str:
        return f"{'endpoint' if self.api == S3 else 'iamEndpoint (or endpoint)'} {CONFIG}"


def unless_gone(request: Callable[[], _Answered]) -> _Answered | None:
    """Send a request, and return the answer; None if what it is about does not exist."""
    try:
        return request()
    except RefusedError as error:
        if error.gone:
            return None
        raise


def explained(request: Request, error: Exception) -> StepError:
    from botocore import exceptions as known  # noqa: PLC0415  # as late as the client itself
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    match error:
        case UnreadableError():
            return refused(request, error.status)
        case known.ClientError():
            return _refused_by_aws(request, error.response)
        case ResponseParserError() | KeyError():
            # The parser fails on a success response that is not a store's.
            return refused(request, 200)
        case known.NoCredentialsError() | known.PartialCredentialsError():
            return no_credentials(request)
        case known.ConnectionError() | known.HTTPClientError():
            return unanswered(request, error)
        case known.ParamValidationError():
            return RefusedError(
                f"{request.name} can't be asked for this ({request.right}): a value has no form for it", 0, ""
            )
        case known.BotoCoreError():
            # Invalid files of AWS's tools or an unavailable role: the messages name files, profiles and addresses.
            reason = _message(str(error), request.hide)
            return UnreachedError(f"the credentials for {request.name} can't be had{reason}")
    raise error


def no_credentials(request: Request) -> StepError:
    return UnreachedError(
        f"there are no credentials for {request.name}: set accessKey and secretKey {CONFIG}, or have them where AWS's "
        "tools find them on the machine that pulumi runs on (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
        "a role)"
    )


def refused(request: Request, status: int, code: str = "", message: str = "", clock: str = "otherwise") -> StepError:
    shown = f"{status}, {code}" if code else str(status)
    if code in _BUSY or status in (429, 503):
        return BusyError(f"{request.name} can't do it now ({shown})", status, code, _AGAIN)
    message = _message(message, request.hide)
    if status >= 500 and status != 501:
        return LostError(f"{request.name} failed ({shown}{message})", _AGAIN)
    if hint := _HINTS.get(code):
        reason = hint.format(
            who=f"the access key {request.key}" if request.key else "the access key that AWS's tools find here",
            right=f"{request.right}{', which consoleAdmin has' if request.api == MINIO else ''}",
            config=CONFIG,
            message=message,
            clock=clock,
            here=format_time(datetime.now(UTC)),
            check=f"check accessKey and secretKey {CONFIG}"
            if request.key
            else f"log in again where pulumi runs, or set accessKey and secretKey {CONFIG}",
        )
    elif not code or (request.api == MINIO and code in _OF_S3):
        reason = _no_store(request, code or status)
    elif (code in _UNSUPPORTED or status in (405, 501)) and request.api == IAM:
        reason = f"has no API of AWS's IAM there ({code} for {request.right}): {_OTHER_APIS}"
    elif code in _UNSUPPORTED or status in (405, 501):
        reason = f"does not have {request.right} ({code})"
    else:
        reason = f"refuses it ({shown} for {request.right}{message})"
    return RefusedError(f"{request.name} {reason}", status, code)


def _refused_by_aws(request: Request, response: Any) -> StepError:
    meta = response.get("ResponseMetadata") or {}
    # IAM's parser leaves both at the top level of an S3 response.
    body = response.get("Error") or response
    code, message = str(body.get("Code") or ""), str(body.get("Message") or "")
    if code.isdecimal():  # botocore's own, for a response without a body
        code = ""
    if code == "SignatureDoesNotMatch":  # two meanings of it are only in the message
        if re.search(r"expired|not yet current", message):
            code = "RequestTimeTooSkewed"
        elif "scoped to a valid region" in message:
            code = "AuthorizationHeaderMalformed"
    clock = _clock((meta.get("HTTPHeaders") or {}).get("date", ""))
    return refused(request, int(meta.get("HTTPStatusCode") or 0), code, message, clock)


def refused_by_minio(request: Request, status: int, body: str) -> StepError:
    """Return the error for an unsuccessful response of MinIO's admin API: JSON, or XML for early errors."""
    try:
        answer = json.loads(body)
        code, message = str(answer["Code"]), str(answer.get("Message") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        code, message = _element("Code", body), _element("Message", body)
    code = code if re.fullmatch(r"[A-Za-z0-9]{1,80}", code) else ""
    return refused(request, status, code, message)


def unanswered(request: Request, error: Exception) -> StepError:
    """Return the error for a request without a response, from botocore's or urllib3's exception, which share names."""
    cause = getattr(error, "reason", None) or error
    kinds = {cls.__name__ for cls in type(cause).__mro__}
    if "SSLError" in kinds:
        return _untrusted(request, str(cause))
    if kinds & {"ProxyError", "ProxyConnectionError"}:
        return UnreachedError(
            f"no way to {request.name} by the proxy of the environment: check HTTPS_PROXY and NO_PROXY"
        )
    if kinds & {"EndpointConnectionError", "ConnectTimeoutError", "LocationValueError"}:
        shown = _cause(getattr(error, "kwargs", {}).get("error") or cause)
        text = f"{request.name} does not answer{shown}: check {request.address}, and that the store runs"
        return UnreachedError(text, again=True)
    # The connection broke or no response came, after the request was sent.
    return LostError(f"{request.name} gave no answer ({type(cause).__name__})", _AGAIN)


def unreadable(request: Request) -> LostError:
    return LostError(f"{request.name} {_no_store(request, '')}")


def _no_store(request: Request, what: object) -> str:
    shown = f" ({what})" if what else ""
    return _NO_STORE[request.api].format(shown=shown, address=request.address, other_apis=_OTHER_APIS)


def _untrusted(request: Request, message: str) -> StepError:
    if re.search(r"WRONG_VERSION|RECORD_LAYER|record layer|UNKNOWN_PROTOCOL|HTTP_REQUEST", message):
        return UnreachedError(f"{request.name} speaks no TLS: say http:// in {request.address}, if that is meant")
    reason = re.search(r"certificate verify failed: [^(\]]+|hostname '[^']*' doesn't match", message)
    reason = reason or re.search(r"CERTIFICATE_\w+", message)
    why = reason[0].strip() if reason else "the TLS handshake fails"
    return UnreachedError(
        f"{request.name} can't be trusted ({why}): give the certificate of its authority by AWS_CA_BUNDLE where pulumi "
        f"runs, or check {request.address}"
    )


def _clock(date: str) -> str:
    try:
        return format_time(parsedate_to_datetime(date).astimezone(UTC))
    except (TypeError, ValueError):
        return "otherwise"


def _cause(error: object) -> str:
    """Return urllib3's message without the repr of objects at its start."""
    text = re.sub(r"^[^:]*(Connection|Pool|Error)[^:]*: ", "", str(error or ""))
    text = " ".join(text.split())[:_SHOWN]
    return f" ({text})" if text else ""


def _message(message: str, hide: tuple[str, ...]) -> str:
    """Return the store's own message as an addition, if it is useful."""
    for secret in filter(None, hide):
        message = message.replace(secret, "…")
    message = " ".join(message.split())[:_SHOWN]
    return f": {message}" if message and message.isprintable() else ""


def _element(name: str, body: str) -> str:
    element = re.search(rf"<{name}>([^<]*)</{name}>", body)
    return element[1] if element else ""
