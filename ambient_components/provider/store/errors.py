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
_OF_S3: Final = {"BadRequest", "InvalidBucketName", "MethodNotAllowed", "NoSuchBucket", "NoSuchKey", "NotImplemented"}
"""Codes of a store without MinIO's API, which reads the path as a bucket named minio."""
_PASSING: Final = (502, 503, 504)
"""Statuses of a proxy when its store is down; the store may have executed the request."""

_HINTS: Final = {
    **dict.fromkeys(
        _SKEWED,
        "refuses every request, as its clock says {clock}, and this machine's {here}: set the one that is wrong",
    ),
    **dict.fromkeys(_REGION, "is in another region than the request says: check region {config}{message}"),
    **dict.fromkeys(
        ("InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"),
        "does not know {who}, or it is disabled: {check_key}",
    ),
    "SignatureDoesNotMatch": "refuses the secret key of {who}: {check_secret}",
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired"), "refuses {who}, as it has expired: {check_both}"
    ),
    **dict.fromkeys(_DENIED, "does not let {who} do this: it needs the right {right}{message}"),
    "XMinioIAMActionNotAllowed": "allows no new users, as MinIO does where they come from LDAP: have the bucket's "
    "credentials made there, and give them by driver: existing",
    "XMinioIAMPolicyInUse": "keeps the policy, as another user or group has it: detach it (mc admin policy detach)",
    "XMinioAdminVersionMismatch": "speaks another version of MinIO's admin API than v3{message}",
}
"""What is wrong and what to do, by code."""

_SHOWN: Final = 300
"""Maximum characters of a store's own message."""
_AGAIN: Final = "run pulumi up again when it is well"


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
        """Whether the user, policy or key does not exist."""
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


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    code: str = ""
    message: str = ""
    """The store's own message, as an addition."""
    clock: str = "otherwise"


def unless_gone(request: Callable[[], _Answered]) -> _Answered | None:
    """Send a request, and return the answer; None if what it is about does not exist."""
    try:
        return request()
    except RefusedError as error:
        if error.gone:
            return None
        raise


def explained(request: Request, error: Exception) -> StepError:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # as late as the client itself
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    if isinstance(error, UnreadableError):
        return _unreadable(request, error.status)
    if isinstance(error, ClientError):
        return _refused_by_aws(request, error.response)
    if isinstance(error, BotoCoreError):
        return _unanswered_by_aws(request, error)
    if isinstance(error, ResponseParserError | KeyError):
        # The parser fails on a success response that is not a store's.
        return _unreadable(request, 200)
    raise error


def no_credentials(request: Request) -> StepError:
    return UnreachedError(
        f"there are no credentials for {request.name}: set accessKey and secretKey {CONFIG}, or have them where AWS's "
        "tools find them on the machine that pulumi runs on (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
        "a role)"
    )


def _refused_by_aws(request: Request, response: Any) -> StepError:
    meta = response.get("ResponseMetadata") or {}
    # IAM's parser leaves both at the top level of an S3 response.
    body = response.get("Error") or response
    code = str(body.get("Code") or "")
    if code.isdecimal():  # botocore's own, for a response without a body
        code = ""
    said = str(body.get("Message") or "")
    answer = _Answer(
        int(meta.get("HTTPStatusCode") or 0),
        # Two meanings of a wrong signature are only in the message.
        _meant(code, said),
        _message(said, request.hide),
        _clock((meta.get("HTTPHeaders") or {}).get("date", "")),
    )
    status = answer.status
    if code in _BUSY or status in (429, 503):
        return BusyError(f"{request.name} can't do it now ({status}, {code or 'busy'})", status, code, _AGAIN)
    if status >= 500 and status != 501:
        return _lost(request, answer)
    return RefusedError(f"{request.name} {_reason(request, answer)}", status, code)


def _meant(code: str, said: str) -> str:
    if code != "SignatureDoesNotMatch":
        return code
    if re.search(r"expired|not yet current", said):
        return "RequestTimeTooSkewed"
    return "AuthorizationHeaderMalformed" if "scoped to a valid region" in said else code


def refused_by_minio(request: Request, status: int, body: str, clock: datetime) -> StepError:
    """Return the error for an unsuccessful response of MinIO's admin API."""
    code, said = _parsed(body)
    answer = _Answer(status, code, _message(said, request.hide), format_time(clock))
    is_other = code in _OF_S3 or not code
    if not code and "HTTP request to an HTTPS server" in body:
        reason = f"speaks TLS: say https:// in {request.address}"
    elif not code and 300 <= status < 400:
        reason = f"sends requests elsewhere ({status}), where a signed one can't follow: check {request.address}"
    elif status >= 500:
        if is_other and (code or status not in _PASSING):
            return LostError(f"{request.name} {_no_store(request, code or status)}")
        return _lost(request, answer)
    else:
        reason = _no_store(request, code or status) if is_other else _reason(request, answer)
    return RefusedError(f"{request.name} {reason}", status, code)


def _lost(request: Request, answer: _Answer) -> StepError:
    code = f", {answer.code}" if answer.code else ""
    return LostError(f"{request.name} failed ({answer.status}{code}{answer.message})", _AGAIN)


def _reason(request: Request, answer: _Answer) -> str:
    status, code = answer.status, answer.code
    if hint := _HINTS.get(code):
        return hint.format(
            who=f"the access key {request.key}" if request.key else "the access key that AWS's tools find here",
            right=f"{request.right}{', which consoleAdmin has' if request.api == MINIO else ''}",
            config=CONFIG,
            message=answer.message,
            clock=answer.clock,
            here=format_time(datetime.now(UTC)),
            check_key=_remedy(request, "accessKey"),
            check_secret=_remedy(request, "secretKey"),
            check_both=_remedy(request, "accessKey and secretKey"),
        )
    lacking = code in _UNSUPPORTED or status in (405, 501)
    if request.api == IAM and (lacking or (status == 404 and not code)):
        return f"has no API of AWS's IAM there ({code or status} for {request.right}): {_other_apis()}"
    if lacking:
        return f"does not have {request.right} ({code or status})"
    if not code:
        return _no_store(request, status)
    return f"refuses it ({status}, {code} for {request.right}{answer.message})"


def _unanswered_by_aws(request: Request, error: Exception) -> StepError:
    from botocore import exceptions as known  # noqa: PLC0415

    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError):
        return no_credentials(request)
    if isinstance(error, known.SSLError):
        return _untrusted(request, str(error))
    if isinstance(error, known.ProxyConnectionError):
        return _no_way(request)
    if isinstance(error, known.EndpointConnectionError | known.ConnectTimeoutError):
        return _silent(request, getattr(error, "kwargs", {}).get("error"))
    if isinstance(error, known.HTTPClientError):
        # The connection broke or no response came, after the request was sent.
        return LostError(f"{request.name} gave no answer ({type(error).__name__})", _AGAIN)
    if isinstance(error, known.ParamValidationError):
        text = (
            f"{request.name} can't be asked for this ({request.right}): "
            "a name or a value has no form that it could take"
        )
        return RefusedError(text, 0, "")
    # Invalid files of AWS's tools or an unavailable role: the messages name files, profiles and addresses.
    return UnreachedError(f"the credentials for {request.name} can't be had{_message(str(error), request.hide)}")


def unanswered_by_minio(request: Request, error: Exception) -> StepError:
    """Return the error for a request without a response, from urllib3's exception."""
    from urllib3.exceptions import ConnectTimeoutError, LocationValueError, ProxyError, SSLError  # noqa: PLC0415

    cause = getattr(error, "reason", None) or error
    if isinstance(cause, SSLError):
        return _untrusted(request, str(cause))
    if isinstance(cause, ProxyError):
        return _no_way(request)
    if isinstance(cause, ConnectTimeoutError | LocationValueError):
        return _silent(request, cause)
    return LostError(f"{request.name} gave no answer ({type(cause).__name__})", _AGAIN)


def unreadable_of_minio(request: Request, error: Exception) -> LostError:
    if "AEAD ID" in str(error):
        return LostError(
            f"{request.name} encrypts its answers as a MinIO in FIPS mode does, which the minio package can't read"
        )
    return LostError(f"{request.name} {_no_store(request, '')}")


def _unreadable(request: Request, status: int) -> StepError:
    if status in (429, 503):
        return BusyError(f"{request.name} can't do it now ({status})", status, "", _AGAIN)
    if status >= 500:
        return _lost(request, _Answer(status))
    return RefusedError(f"{request.name} {_no_store(request, status)}", status, "")


def _silent(request: Request, cause: object) -> StepError:
    text = f"{request.name} does not answer{_cause(cause)}: check {request.address}, and that the store runs"
    return UnreachedError(text, again=True)


def _no_way(request: Request) -> StepError:
    return UnreachedError(f"no way to {request.name} by the proxy of the environment: check HTTPS_PROXY and NO_PROXY")


def _no_store(request: Request, what: object) -> str:
    shown = f" ({what})" if what else ""
    if request.api == IAM:
        return f"does not answer as AWS's IAM does{shown}: {_other_apis()}"
    if request.api == MINIO:
        return (
            f"does not answer as MinIO's admin API does{shown}: check {request.address}, which wants the API's address "
            "and not the console's, or say credentials: iam if the store is no MinIO"
        )
    return (
        f"does not answer as S3 does{shown}: check {request.address}, which wants the address of the S3 API and "
        "not of a console, and whether a proxy or a login page is in between"
    )


def _other_apis() -> str:
    return (
        f"set iamEndpoint {CONFIG} if it is at another address, or credentials: minio for MinIO's admin API, or "
        "use driver: existing, with a bucket and a key made by hand"
    )


def _untrusted(request: Request, message: str) -> StepError:
    if re.search(r"WRONG_VERSION|RECORD_LAYER|record layer|UNKNOWN_PROTOCOL|HTTP_REQUEST", message):
        return UnreachedError(f"{request.name} speaks no TLS: say http:// in {request.address}, if that is meant")
    found = re.search(r"certificate verify failed: [^(\]]+|hostname '[^']*' doesn't match", message)
    found = found or re.search(r"CERTIFICATE_\w+", message)
    why = found[0].strip() if found else "the TLS handshake fails"
    return UnreachedError(
        f"{request.name} can't be trusted ({why}): give the certificate of its authority by AWS_CA_BUNDLE where pulumi "
        f"runs, or check {request.address}"
    )


def _remedy(request: Request, what: str) -> str:
    if request.key:
        return f"check {what} {CONFIG}"
    return f"log in again where pulumi runs, or set accessKey and secretKey {CONFIG}"


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


def _parsed(body: str) -> tuple[str, str]:
    """Return MinIO's code and message, from JSON, or from XML for early errors."""
    try:
        answer = json.loads(body)
        code, message = str(answer["Code"]), str(answer.get("Message") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        code, message = _element("Code", body), _element("Message", body)
    return (code, message) if re.fullmatch(r"[A-Za-z0-9]{1,80}", code) else ("", "")


def _element(name: str, body: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", body)
    return found[1] if found else ""
