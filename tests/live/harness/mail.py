"""Run a mail server that can be told to misbehave."""

from __future__ import annotations

import email
import socketserver
import threading
from email.message import Message


class MailServer(socketserver.ThreadingTCPServer):
    """Take mails and keep them. `misbehave` is what it does to the next connections, one word for each.

    refuse: say that the service is not available. swallow: take the mail and break off before saying so.
    reject: know no such address. While it holds, it lets every client wait.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailSession)
        self.mails: list[Message] = []
        self.misbehave: list[str] = []
        self._open = threading.Event()
        self._open.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def wait(self) -> None:
        """Wait until it does not hold."""
        self._open.wait()

    def to(self, address: str) -> list[Message]:
        return [mail for mail in self.mails if mail["To"] == address]


class _MailSession(socketserver.StreamRequestHandler):
    """Speak as much of SMTP as smtplib does."""

    server: MailServer

    def handle(self) -> None:
        trouble = self.server.misbehave.pop(0) if self.server.misbehave else ""
        if trouble == "refuse":
            self.say("421 come back later")
            return
        self.server.wait()
        self.say("220 at your service")
        while line := self.rfile.readline():
            command = line[:4].upper().strip()
            if command == b"DATA":
                self.say("354 go on")
                self.server.mails.append(self.mail())
                if trouble == "swallow":
                    return
            refused = trouble == "reject" and command == b"RCPT"
            self.say("550 nobody here" if refused else "221 bye" if command == b"QUIT" else "250 ok")

    def mail(self) -> Message:
        lines = iter(self.rfile.readline, b".\r\n")
        return email.message_from_bytes(b"".join(lines))

    def say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())
