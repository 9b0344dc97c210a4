"""Use a site as a browser does, as far as these tests need it: cookies, forms, uploads."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode


class Browser:
    """Keep cookies, and send Django's token against forged requests with each form."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        return self._open(urllib.request.Request(self.site + path))  # noqa: S310  it is our own server

    def post(self, path: str, fields: dict[str, str]) -> str:
        """Send a form. Returns the page that it leads to."""
        body = urlencode({**fields, "csrfmiddlewaretoken": self._token()}).encode()
        return self._open(urllib.request.Request(self.site + path, body))  # noqa: S310

    def upload(self, path: str, field: str, content: str) -> str:
        """Send a form with one file."""
        border = uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="'
        parts = [
            f'{head}csrfmiddlewaretoken"\r\n\r\n{self._token()}\r\n',
            f'{head}{field}"; filename="upload.csv"\r\nContent-Type: text/csv\r\n\r\n{content}\r\n',
            f"--{border}--\r\n",
        ]
        kind = {"Content-Type": f"multipart/form-data; boundary={border}"}
        return self._open(urllib.request.Request(self.site + path, "".join(parts).encode(), kind))  # noqa: S310

    def json(self, path: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if data is None else json.dumps(data).encode()
        answer: dict[str, Any] = json.loads(self._open(urllib.request.Request(self.site + path, body)))  # noqa: S310
        return answer

    def log_in(self, name: str, password: str) -> None:
        self.get("/admin/login/")
        page = self.post("/admin/login/?next=/admin/", {"username": name, "password": password})
        assert "Log out" in page

    def _token(self) -> str:
        return next((cookie.value or "" for cookie in self.cookies if cookie.name == "csrftoken"), "")

    def _open(self, request: urllib.request.Request) -> str:
        try:
            with self.opener.open(request, timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.code} from {request.full_url}: {error.read()[:2000]!r}") from error


class FormFields(HTMLParser):
    """Collect what a browser would send for the form of a page if it were submitted unchanged."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = self._textarea = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        name, value = attributes.get("name") or "", attributes.get("value") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in attributes:
            self.values[self._select] = value
        elif tag == "textarea":
            self._textarea = name
            self.values[name] = ""
        elif tag == "input" and name:
            self._input(attributes.get("type") or "text", name, value, checked="checked" in attributes)

    def _input(self, kind: str, name: str, value: str, *, checked: bool) -> None:
        if kind == "checkbox" and checked:
            self.values[name] = value or "on"
        elif kind not in ("checkbox", "submit", "button", "file"):
            self.values[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            # The first line break after the tag belongs to HTML, not to the text.
            self.values[self._textarea] += data.removeprefix("\r\n").removeprefix("\n")
