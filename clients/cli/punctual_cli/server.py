"""The API of one server: calls, tries, and answers."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx2

from punctual_cli import __version__
from punctual_cli.errors import WrongUsage
from punctual_cli.patience import Patience, seconds_asked
from punctual_cli.problems import NotPunctual, Unreachable, problem_of, sentence_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BASE = "/api/v1"
TIMEOUT = httpx2.Timeout(60, connect=5)
# Shorter than servers keep a connection that nobody uses, so that none is closed in the moment that we use it.
LIMITS = httpx2.Limits(keepalive_expiry=1)
LARGEST_PAGE = 200
BUSY = {429, 503}
# What was wrong before a byte of the call was sent: it may be made again, whatever it is.
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered to a call that it did not refuse: its JSON, and the version of what it shows."""

    told: Any
    version: str


class Server:
    """Calls to one server with one key. Every refusal is raised: see punctual_cli.problems."""

    def __init__(self, url: str, key: str, *, patience: float, tell: Callable[[str], None]) -> None:
        self.url = url
        self._patience = patience
        self._tell = tell
        headers = {"User-Agent": f"punctual-cli/{__version__}", "Accept": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            self._http = httpx2.Client(base_url=url + BASE, headers=headers, timeout=TIMEOUT, limits=LIMITS)
        except (ValueError, UnicodeError) as error:
            # httpx2's own words would show the key
            problem = "The key is not one: it has characters that no key has"
            raise WrongUsage(problem=problem, remedy="Look at PUNCTUAL_KEY") from error

    def get(self, path: str, **query: object) -> Answer:
        """Look at something."""
        return self._call("GET", path, query=query)

    def post(self, path: str, body: object = None) -> Answer:
        """Do something, once: every try of this call carries the same idempotency key."""
        content = None if body is None else json.dumps(body).encode()
        return self.post_content(path, content, "application/json")

    def post_content(self, path: str, content: bytes | None, media_type: str) -> Answer:
        """Do something with a body that is written already, once."""
        headers = {"Idempotency-Key": str(uuid4())}
        if content is not None:
            headers["Content-Type"] = media_type
        return self._call("POST", path, headers=headers, content=content)

    def delete(self, path: str, *, version: str = "") -> Answer:
        """Remove something; with a version, only as it was seen."""
        return self._call("DELETE", path, headers={"If-Match": version} if version else {})

    def items(self, path: str, *, limit: int, **query: object) -> Iterator[dict[str, Any]]:
        """Yield a list's items, page by page, `limit` at most."""
        cursor = None
        while limit > 0:
            page = self.get(path, **query, limit=min(limit, LARGEST_PAGE), cursor=cursor).told
            yield from page["items"][:limit]
            limit -= len(page["items"])
            cursor = page["next"]
            if cursor is None:
                return

    def close(self) -> None:
        """Let go of its connections."""
        self._http.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """1. Make the call. 2. Where it got no answer, or one that it is too early: wait, and again from 1."""
        asked = {name: str(value) for name, value in (query or {}).items() if value not in (None, "")}
        try:
            request = self._http.build_request(method, path, params=asked, headers=headers, content=content)
        except (httpx2.InvalidURL, ValueError) as error:
            problem = f"{self.url!r} cannot be called ({error})"
            raise WrongUsage(
                problem=problem, remedy="Give an address such as https://punctual.example.com"
            ) from error
        patience = Patience(self._patience, self._tell)
        while True:
            try:
                response = self._http.send(request)
            except httpx2.TransportError as error:
                if not (_may_be_repeated(request, error) and patience.wait(self._named(error))):
                    raise self._unreachable(request, error) from error
            else:
                if response.status_code not in BUSY or not patience.wait(
                    f"{self.url} is busy ({response.status_code})", at_least=seconds_asked(response.headers)
                ):
                    return self._answer(response)

    def _answer(self, response: httpx2.Response) -> Answer:
        told = _json(response)
        status = response.status_code
        if status in BUSY:
            raise Unreachable(url=self.url, problem=f"is busy ({status})", remedy=sentence_of(told))
        if status >= 400:
            raise problem_of(status, told, url=self.url)
        if status >= 300 or (told is None and response.content):
            raise NotPunctual(url=self.url, status=status)
        return Answer(told, response.headers.get("etag", ""))

    def _named(self, error: httpx2.TransportError) -> str:
        return f"{self.url} {_problem(error)}"

    def _unreachable(self, request: httpx2.Request, error: httpx2.TransportError) -> Unreachable:
        remedy = "Is it running, and is that its address?"
        if request.method != "GET" and not isinstance(error, NOT_SENT):
            remedy = "Whether it was done is not known: look before you do it again."
        return Unreachable(url=self.url, problem=_problem(error), remedy=remedy)


def _may_be_repeated(request: httpx2.Request, error: httpx2.TransportError) -> bool:
    """Whether a second call cannot be a second effect, and could help."""
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError) or _certificate(error):
        return False
    is_safe = request.method == "GET" or "idempotency-key" in request.headers
    return is_safe or isinstance(error, NOT_SENT)


def _problem(error: httpx2.TransportError) -> str:
    if refused := _certificate(error):
        return f"shows a certificate that is not trusted ({refused.verify_message})"
    if isinstance(error, httpx2.TimeoutException):
        return "did not answer in time"
    said = str(error).strip().rstrip(".") or type(error).__name__
    return f"cannot be reached ({said})"


def _certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause


def _json(response: httpx2.Response) -> Any:
    kind = response.headers.get("content-type", "").partition(";")[0]
    try:
        if kind.endswith("ndjson"):
            return [json.loads(line) for line in response.content.split(b"\n") if line]
        return response.json() if kind.endswith("json") else None
    except ValueError:
        return None
