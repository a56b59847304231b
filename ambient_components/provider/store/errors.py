"""Messages for errors of a store's S3 and IAM APIs: what is wrong, and what to do.

Never a secret or signature, although a store's answer to a wrong signature quotes its input. Codes: Amazon's "Error
responses" of S3 and "Common errors" of IAM; those of versitygw and moto were tested.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from ambient_components.errors import Remedy, StepError
from ambient_components.rotation.state import format_time

S3: Final = "s3"
IAM: Final = "iam"
CONFIG: Final = "of the stack's objectStore"
"""Location of the store's settings."""

_UNKNOWN_KEY: Final = {"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"}
_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_DENIED: Final = {"AccessDenied", "AccessDeniedException", "UnauthorizedAccess", "AllAccessDisabled"}
_SKEWED: Final = {"RequestTimeTooSkewed", "RequestInTheFuture"}
_REGION: Final = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidLocationConstraint",
    "InvalidRegion",
    "PermanentRedirect",
}
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
_SHOWN: Final = 300
"""Maximum characters of a store's own message."""
_AGAIN: Final = "run pulumi up again when it is well"


class RefusedError(StepError):
    def __init__(self, text: str, status: int, code: str, *remedies: Remedy) -> None:
        super().__init__(text, *remedies)
        self.status = status
        self.code = code
        """Code of S3 or IAM; empty if the response has none."""

    @property
    def unsupported(self) -> bool:
        """Whether the store does not support the request."""
        return self.code in _UNSUPPORTED or self.status in (405, 501)

    @property
    def denied(self) -> bool:
        return self.code in _DENIED


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
    """`S3` or `IAM`."""
    name: str
    """Name of the store for messages."""
    key: str
    """Id of the configured access key; empty if AWS's credential chain was used."""
    right: str
    """The required right, by IAM's name."""
    hide: tuple[str, ...] = ()
    """Secrets to remove from the store's messages."""

    @property
    def address(self) -> str:
        return f"{'iamEndpoint (or endpoint)' if self.api == IAM else 'endpoint'} {CONFIG}"


def explained(request: Request, error: Exception) -> StepError:
    """Return the error for an exception of botocore, or for an unreadable response."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # as late as the client itself
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    if isinstance(error, UnreadableError):
        return _unreadable(request, error.status)
    if isinstance(error, ClientError):
        return _refused(request, error.response)
    if isinstance(error, BotoCoreError):
        return _unanswered(request, error)
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


def _refused(request: Request, response: Any) -> StepError:
    meta = response.get("ResponseMetadata") or {}
    status = int(meta.get("HTTPStatusCode") or 0)
    # IAM's parser leaves both at the top level of an S3 response.
    body = response.get("Error") or response
    code = str(body.get("Code") or "")
    if code.isdecimal():  # botocore's own, for a response without a body
        code = ""
    message = _message(str(body.get("Message") or ""), request.hide)
    if code in _BUSY or status in (429, 503):
        return BusyError(f"{request.name} can't do it now ({status}, {code or 'busy'})", status, code, _AGAIN)
    if status >= 500 and status != 501:
        return LostError(f"{request.name} failed ({status}{f', {code}' if code else ''}{message})", _AGAIN)
    date = (meta.get("HTTPHeaders") or {}).get("date", "")
    return RefusedError(f"{request.name} {_reason(request, status, code, message, date)}", status, code)


def _reason(request: Request, status: int, code: str, message: str, date: str) -> str:
    who = f"the access key {request.key}" if request.key else "the access key that AWS's tools find here"
    if code in _SKEWED or (code == "SignatureDoesNotMatch" and re.search(r"expired|not yet current", message)):
        return (
            f"refuses every request, as its clock says {_clock(date)}, and this machine's "
            f"{format_time(datetime.now(UTC))}: set the one that is wrong"
        )
    if code in _REGION or (code == "SignatureDoesNotMatch" and "scoped to a valid region" in message):
        return f"is in another region than the request says: check region {CONFIG}{message}"
    if code in _UNKNOWN_KEY:
        return f"does not know {who}, or it is disabled: {_remedy(request, 'accessKey')}"
    if code == "SignatureDoesNotMatch":
        return f"refuses the secret key of {who}: {_remedy(request, 'secretKey')}"
    if code in _EXPIRED:
        return f"refuses {who}, as it has expired: {_remedy(request, 'accessKey and secretKey')}"
    if code in _DENIED:
        return f"does not let {who} do this: it needs the right {request.right}{message}"
    lacking = code in _UNSUPPORTED or status in (405, 501)
    if request.api == IAM and (lacking or (status == 404 and not code)):
        return f"has no API of AWS's IAM there ({code or status} for {request.right}): {_other_apis()}"
    if lacking:
        return f"does not have {request.right} ({code or status})"
    if not code:
        return _no_store(request, status)
    return f"refuses it ({status}, {code} for {request.right}{message})"


def _unanswered(request: Request, error: Exception) -> StepError:
    from botocore import exceptions as known  # noqa: PLC0415

    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError):
        return no_credentials(request)
    if isinstance(error, known.SSLError):
        return UnreachedError(f"{request.name} {_tls(request, str(error))}")
    if isinstance(error, known.ProxyConnectionError):
        return UnreachedError(
            f"no way to {request.name} by the proxy of the environment: check HTTPS_PROXY and NO_PROXY"
        )
    if isinstance(error, known.EndpointConnectionError | known.ConnectTimeoutError):
        cause = _cause(getattr(error, "kwargs", {}).get("error"))
        text = f"{request.name} does not answer{cause}: check {request.address}, and that the store runs"
        return UnreachedError(text, again=True)
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


def _unreadable(request: Request, status: int) -> StepError:
    if status in (429, 503):
        return BusyError(f"{request.name} can't do it now ({status})", status, "", _AGAIN)
    if status >= 500:
        return LostError(f"{request.name} failed ({status})", _AGAIN)
    return RefusedError(f"{request.name} {_no_store(request, status)}", status, "")


def _no_store(request: Request, status: int) -> str:
    if request.api == IAM:
        return f"does not answer as AWS's IAM does ({status}): {_other_apis()}"
    return (
        f"does not answer as S3 does ({status}): check {request.address}, which wants the address of the S3 API and "
        "not of a console, and whether a proxy or a login page is in between"
    )


def _other_apis() -> str:
    return (
        f"set iamEndpoint {CONFIG} if it is at another address, or credentials: minio for MinIO's admin API, or "
        "use driver: existing, with a bucket and a key made by hand"
    )


def _tls(request: Request, message: str) -> str:
    if re.search(r"WRONG_VERSION|RECORD_LAYER|record layer|UNKNOWN_PROTOCOL|HTTP_REQUEST", message):
        return f"speaks no TLS: say http:// in {request.address}, if that is meant"
    found = re.search(r"certificate verify failed: [^(\]]+|hostname '[^']*' doesn't match", message)
    found = found or re.search(r"CERTIFICATE_\w+", message)
    why = found[0].strip() if found else "the TLS handshake fails"
    return (
        f"can't be trusted ({why}): give the certificate of its authority by AWS_CA_BUNDLE where pulumi runs, or check "
        f"{request.address}"
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
