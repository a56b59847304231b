"""A Kubernetes API server in memory: the objects that the provider touches, over real HTTP on 127.0.0.1."""

import base64
import copy
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, unquote, urlsplit

SYSTEM_UID = "uid-of-the-cluster"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
"""Only fields of one manager are applied here, so it merges, too."""
KINDS = {
    "agenticsessions",
    "clusterrolebindings",
    "clusterroles",
    "configmaps",
    "cronjobs",
    "limitranges",
    "namespaces",
    "networkpolicies",
    "pods",
    "projectsettings",
    "resourcequotas",
    "rolebindings",
    "roles",
    "secrets",
    "serviceaccounts",
}
"""Plurals of what it serves."""
PLATFORM = "/apis/vteam.ambient-code/v1alpha1"
CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles/"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@dataclass
class Request:
    """One request, as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict

    def __str__(self):
        return f"{self.method} {self.path}"


@dataclass
class Answer:
    """What a rule makes the server say instead of what is in memory."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Rule:
    method: str
    pattern: str
    answer: Answer | Callable[[Request], Answer | None]
    times: float


def status(code, message="", **details):
    """A Status object, the form of every refusal."""
    return {"kind": "Status", "status": "Failure", "code": code, "message": message, **details}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # with the default of 5, what comes all at once waits a second to try again


class FakeApi:
    """Start it with `with`; `log` holds every request in order."""

    def __init__(self):
        self.objects: dict[str, dict] = {}
        self.log: list[Request] = []
        self.denied: set[tuple[str, str, str]] = set()
        """Rights that a SelfSubjectAccessReview refuses: verb, resource with its subresource, name."""
        self.rules: list[dict] | None = None
        """The deployer's rules; None where another authorizer decides too, so that the list is not complete."""
        self.cap: int | None = None
        """The longest life of a token, in seconds."""
        self.jwt = False
        """Whether tokens say what they are bound to, as real ones do; else their text is their handle's name."""
        self.page = 500
        """The most objects in one answer to a list."""
        self.kinds = set(KINDS)
        """Plurals of what is served; without projectsettings it is a cluster without the platform."""
        self._rules: list[_Rule] = []
        self._count = count(1)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.add("/api/v1/namespaces", "kube-system", uid=SYSTEM_UID)

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def kubeconfig(self, user="token: of-the-deployer", cluster="", context="one"):
        """The contents of a kubeconfig that leads here."""
        return (
            "apiVersion: v1\nkind: Config\n"
            f"clusters: [{{name: here, cluster: {{server: '{self.url}'{', ' + cluster if cluster else ''}}}}}]\n"
            f"contexts: [{{name: {context}, context: {{cluster: here, user: me}}}}]\n"
            f"users: [{{name: me, user: {{{user}}}}}]\n"
            f"current-context: {context}\n"
        )

    # What is there, and what goes wrong.

    def add(self, collection, name, uid=None, labels=None, annotations=None, **body):
        """Puts an object there, as somebody else would have."""
        path = f"{collection}/{name}"
        space = re.search(r"/namespaces/([^/]+)/", path)
        metadata = {
            "name": name,
            **({"namespace": space[1]} if space else {}),
            "uid": uid or f"uid-{next(self._count)}",
            "resourceVersion": str(next(self._count)),
            "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "labels": labels or {},
            "annotations": annotations or {},
        }
        self.objects[path] = _defaulted(path, {**body, "metadata": metadata})
        return self.objects[path]["metadata"]

    def change(self, path, patch):
        """Somebody else writes to an object: a merge patch."""
        before = self.objects[path]
        after = _defaulted(path, _patched(before, patch))
        if after != before:
            after["metadata"] = {**after["metadata"], "resourceVersion": str(next(self._count))}
            self.objects[path] = after
        return after

    def names(self, collection):
        """The names of a collection's objects, sorted."""
        return sorted(path.rsplit("/", 1)[1] for path in self.objects if path.rsplit("/", 1)[0] == collection)

    def rule(self, method, pattern, answer, times=float("inf")):
        """Answers requests of this kind so, the next `times` times; the newest rule that fits wins."""
        self._rules.insert(0, _Rule(method, pattern, answer, times))

    def fail(self, method, pattern, code, message="no", times=float("inf"), headers=None):
        """Refuses requests of this kind."""
        self.rule(method, pattern, Answer(code, status(code, message), headers or {}), times)

    def heal(self):
        """Ends every rule: from now on all goes well."""
        self._rules.clear()

    def seen(self, method=None, pattern="."):
        """The requests of this kind, in order."""
        return [one for one in self.log if method in (None, one.method) and re.search(pattern, one.path)]

    def reviewed(self):
        """The rights that were asked for by themselves, in order: group, resource, verb and name."""
        found = []
        for request in self.seen("POST", f"{REVIEWS}$"):
            asked = request.body["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (asked["resource"], asked.get("subresource"))))
            found.append((asked["group"], resource, asked["verb"], asked.get("name", "")))
        return found

    # The server.

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.log.append(request)
            for rule in self._rules:
                if rule.times > 0 and rule.method == request.method and re.search(rule.pattern, request.path):
                    answer = rule.answer(request) if callable(rule.answer) else rule.answer
                    if answer:
                        rule.times -= 1
                        return answer
            return getattr(self, f"_{request.method.lower()}")(request)

    def _get(self, request):
        if request.path in self.objects:
            return Answer(200, self.objects[request.path])
        if request.path == PLATFORM and "projectsettings" in self.kinds:
            return Answer(
                200, {"kind": "APIResourceList", "resources": [{"name": kind} for kind in sorted(self.kinds)]}
            )
        if request.path.startswith(CLUSTER_ROLES):  # as the deployer's role leaves it
            return Answer(403, status(403, 'User "deployer" cannot get resource "clusterroles"'))
        group, space, plural, name = _parsed(request.path)
        if plural not in self.kinds or name:
            return Answer(404, status(404, f"{request.path} not found"))
        selector = request.query.get("labelSelector", "")
        only = request.query.get("fieldSelector", "").removeprefix("metadata.name=")
        items = [
            one
            for path, one in sorted(self.objects.items())
            if _parsed(path)[:3] == (group, space or _parsed(path)[1], plural)
            and _selected(selector, one["metadata"]["labels"])
            and only in ("", one["metadata"]["name"])
        ]
        first = int(request.query.get("continue", 0))
        last = first + min(self.page, int(request.query.get("limit", 500)))
        metadata = {"continue": str(last)} if last < len(items) else {}
        return Answer(200, {"metadata": metadata, "items": items[first:last]})

    def _post(self, request):
        if request.path == REVIEWS:
            requested = request.body["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (requested["resource"], requested.get("subresource"))))
            refused = (requested["verb"], resource, requested.get("name", "")) in self.denied
            return Answer(201, {**request.body, "status": {"allowed": not refused}})
        if request.path == RULES:
            reviewed = {"resourceRules": self.rules or [], "incomplete": self.rules is None}
            return Answer(201, {**request.body, "status": reviewed})
        if request.path.endswith("/token"):
            return self._mint(request)
        _, space, plural, _ = _parsed(request.path)
        if plural not in self.kinds:
            return Answer(404, status(404, "the server could not find the requested resource"))
        if space and f"/api/v1/namespaces/{space}" not in self.objects:
            return Answer(404, status(404, f'namespaces "{space}" not found'))
        metadata = request.body["metadata"]
        path = f"{request.path}/{metadata['name']}"
        if path in self.objects:
            return Answer(409, status(409, "already exists"))
        body = {name: value for name, value in request.body.items() if name != "metadata"}
        self.add(request.path, metadata["name"], None, metadata.get("labels"), metadata.get("annotations"), **body)
        return Answer(201, self.objects[path])

    def _patch(self, request):
        if request.headers.get("Content-Type") not in (MERGE_PATCH, APPLY_PATCH):
            return Answer(415, status(415, "the body of the request was in an unknown format"))
        served = self.objects.get(request.path)
        if served is None:
            return Answer(404, status(404, "not found"))
        for name in ("uid", "resourceVersion"):
            requested = request.body.get("metadata", {}).get(name)
            if requested is not None and requested != served["metadata"][name]:
                return Answer(409, status(409, "the object has been modified; please apply your changes to the latest"))
        return Answer(200, self.change(request.path, request.body))

    def _mint(self, request):
        account = request.path.removesuffix("/token")
        spec = request.body["spec"]
        bound = spec["boundObjectRef"]
        secret = self.objects.get(f"{account.rsplit('/', 2)[0]}/secrets/{bound['name']}")
        if account not in self.objects:
            return Answer(404, status(404, f'serviceaccounts "{account.rsplit("/", 1)[1]}" not found'))
        if secret is None or secret["metadata"]["uid"] != bound["uid"]:
            return Answer(409, status(409, "the bound object is another one"))
        granted = min(spec["expirationSeconds"], self.cap or spec["expirationSeconds"])
        expires = datetime.now(UTC) + timedelta(seconds=granted)
        given = {"token": self.token_of(bound), "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return Answer(201, {**request.body, "spec": {**spec, "expirationSeconds": granted}, "status": given})

    def token_of(self, bound):
        """The token that is bound to a Secret."""
        if not self.jwt:
            return f"token-of-{bound['name']}"
        claims = {"kubernetes.io": {"secret": {"name": bound["name"], "uid": bound["uid"]}}}
        return f"head.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.signature"

    def _delete(self, request):
        served = self.objects.get(request.path)
        if served is None:
            return Answer(404, status(404, "not found"))
        requested = (request.body.get("preconditions") or {}).get("uid")
        if requested and requested != served["metadata"]["uid"]:
            return Answer(409, status(409, "Precondition failed: UID in precondition"))
        del self.objects[request.path]
        return Answer(200, {"kind": "Status", "status": "Success"})


def _parsed(path):
    """API group and version, namespace, plural and name of a path; None for what it has not."""
    parts = path.split("/")
    length = 3 if path.startswith("/api/") else 4
    group, rest = "/".join(parts[:length]), parts[length:]
    space = rest[1] if rest[:1] == ["namespaces"] and len(rest) > 2 else None
    plural, name = ([*rest[2 if space else 0 :], None, None])[:2]
    return group, space, plural, name


def _selected(selector, labels):
    """Whether a label selector picks these labels: ``a=b``, ``a in (b,c)`` and ``a``, all of them."""
    for key, value, values in re.findall(r"([^,=\s]+)(?:=([^,]*)| in \(([^)]*)\))?(?:,|$)", selector):
        desired = values.split(",") if values else [value] if value else None
        if key not in labels or (desired and labels[key] not in desired):
            return False
    return True


def _patched(target, patch):
    """RFC 7386, as it stands there."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), value)
    return result


def _defaulted(path, one):
    """What the API server adds by itself: the CRD's default, and amounts that follow from others of a LimitRange."""
    one = copy.deepcopy(one)
    if "/projectsettings/" in path:
        one["spec"] = {"inactivityTimeoutSeconds": 86_400, **(one.get("spec") or {})}
    for item in (one.get("spec") or {}).get("limits") or () if "/limitranges/" in path else ():
        if item["type"] == "Container":
            default = {**item.get("max", {}), **item.get("default", {})}
            request = {**item.get("min", {}), **default, **item.get("defaultRequest", {})}
            item |= {name: value for name, value in (("default", default), ("defaultRequest", request)) if value}
    return one


def _handler(api):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait 40 ms for each other
        disable_nagle_algorithm = True

        def _serve(self):
            # Through a proxy the whole URL is the path.
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}") if length else {}
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            headers = {name.title(): value for name, value in self.headers.items()}
            answer = api.answer(Request(self.command, unquote(url.path), query, headers, body or {}))
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            data = b"" if answer.body is None else text.encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815

        def log_message(self, *_):
            pass

    return Handler
