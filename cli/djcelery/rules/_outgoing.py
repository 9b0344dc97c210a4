"""Find the calls that talk to another system: HTTP requests and mail."""

from __future__ import annotations

from djcelery.rules._base import Value

VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream")
REQUESTS = frozenset(f"requests.{verb}" for verb in VERBS[:8])
HTTP = frozenset(f"{package}.{verb}" for package in ("requests", "httpx") for verb in VERBS[:8]) | {
    "urllib.request.urlopen",
    "httpx.stream",
}
CLIENTS = frozenset("requests.Session requests.session httpx.Client urllib3.PoolManager".split())
MAIL = frozenset(f"django.core.mail.{name}" for name in ("send_mail", "send_mass_mail", "mail_admins", "mail_managers"))
MESSAGES = ("EmailMessage", "EmailMultiAlternatives")
SMTP = frozenset({"smtplib.SMTP", "smtplib.SMTP_SSL"})


def describe_outgoing(value: Value) -> str:
    """Say what a call sends to another system, or return an empty text."""
    if value.name in HTTP:
        return "an HTTP request"
    if value.name in MAIL or value.name in SMTP:
        return "mail"
    maker = value.receiver.resolved if value.receiver is not None else None
    if maker is not None and maker.kind == "bound" and maker.receiver is not None:  # with Client() as client
        maker = maker.receiver.resolved
    if maker is None or maker.kind != "call":
        return "mail" if value.last == "email_user" and value.root else ""
    if maker.name in CLIENTS and value.last in VERBS:
        return "an HTTP request"
    return "mail" if maker.last in MESSAGES and value.last == "send" else ""
