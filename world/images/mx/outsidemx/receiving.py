"""Port 25: takes mail for its own domains, judges it and keeps it with everything known about the transfer."""

import asyncio
import email.parser
import email.policy
import functools
import ssl
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from outsidemx import judging, resolving
from outsidemx.faults import Fault, Faults
from outsidemx.settings import SMTP_PORT, Settings
from outsidemx.store import Facts, Store

SIZE_LIMIT = 64 * 1024 * 1024


class Receiver:
    """The hooks that aiosmtpd calls, in the order of an SMTP dialogue."""

    def __init__(
        self, settings: Settings, store: Store, faults: Faults, arrived: Callable[[Facts, bytes], None]
    ) -> None:
        self._settings = settings
        self._store = store
        self._faults = faults
        self._arrived = arrived

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-AUTH")]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._misbehave(server, self._faults.match("mail", session.peer[0], address))
        if refusal:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        domain = address.rpartition("@")[2].lower()
        if domain not in self._settings.domains:
            return "554 5.7.1 relay access denied"
        fault = self._faults.match("rcpt", session.peer[0], envelope.mail_from or "", (address.lower(),))
        refusal = await self._misbehave(server, fault)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        recipients = tuple(address.lower() for address in envelope.rcpt_tos)
        fault = self._faults.match("data", session.peer[0], envelope.mail_from or "", recipients)
        refusal = await self._misbehave(server, fault)
        if refusal:
            return refusal
        # Lookups and signature checks block, so they leave the event loop.
        keep = functools.partial(self._keep, bytes(envelope.original_content or b""), session, envelope)
        facts = await asyncio.get_running_loop().run_in_executor(None, keep)
        return f"250 2.0.0 kept as {facts['id']}"

    async def _misbehave(self, server: SMTP, fault: Fault | None) -> str | None:
        if fault is None:
            return None
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop:
            server.transport.abort()
            return "421 4.3.2 closing"
        return fault.reply

    async def on_connect(self, server: SMTP, client: str) -> bool:
        """False when a fault ended the connection at the greeting."""
        refusal = await self._misbehave(server, self._faults.match("connect", client))
        if refusal is None:
            return True
        if not server.transport.is_closing():
            await server.push(refusal)
            server.transport.close()
        return False

    def _keep(self, raw: bytes, session: Session, envelope: Envelope) -> Facts:
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        client = describe(session)
        headers = email.parser.BytesHeaderParser(policy=email.policy.default).parsebytes(raw)
        facts = self._store.add(
            raw,
            {
                "sender": sender,
                "recipients": list(envelope.rcpt_tos),
                "options": list(envelope.mail_options),
                "subject": str(headers.get("Subject", "")),
                "message_id": str(headers.get("Message-ID", "")).strip(),
                "client": asdict(client),
                "verdicts": asdict(judging.judge(raw, client, sender)),
            },
        )
        self._arrived(facts, raw)
        return facts


def describe(session: Session) -> judging.Client:
    """Who is at the other end of a session, reverse name and TLS included."""
    address = str(session.peer[0])
    name = resolving.reverse_name(address)
    encryption: dict[str, Any] = session.ssl or {}
    cipher = encryption.get("cipher")
    layer = encryption.get("ssl_object")
    return judging.Client(
        address=address,
        ehlo=str(session.host_name or ""),
        ptr=name,
        forward_confirmed=resolving.forward_confirmed(address, name),
        tls=layer.version() if layer else None,
        cipher=cipher[0] if cipher else None,
    )


class _Exchanger(SMTP):
    """aiosmtpd has no hook for the moment before the greeting; the faults of the phase `connect` need one."""

    async def _handle_client(self) -> None:
        if await self.event_handler.on_connect(self, str(self.session.peer[0])):
            await super()._handle_client()


class _Listener(Controller):
    def factory(self) -> SMTP:
        return _Exchanger(self.handler, **self.SMTP_kwargs)


def listen(settings: Settings, receiver: Receiver) -> Controller:
    """Start port 25 in a thread of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.certificate)
    listener = _Listener(
        receiver,
        hostname="",  # every address, IPv6 included where there is any
        port=SMTP_PORT,
        server_hostname=settings.host,
        ident="ESMTP outside",
        tls_context=context,
        data_size_limit=SIZE_LIMIT,
        enable_SMTPUTF8=True,
        auth_require_tls=True,
    )
    listener.start()
    return listener
