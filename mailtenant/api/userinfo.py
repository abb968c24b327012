"""`GET /api/userinfo/`: where to connect. The two old fields never change their meaning; ours have new names."""

import json
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from mailtenant.api.security import Gate, PlainRoute

router = APIRouter(tags=["account"], route_class=PlainRoute)
SMTP_PORT: Final = 465
IMAP_PORT: Final = 993


class UserInfo(BaseModel):
    """Ask for this before you connect; do not keep the hosts for longer than `Cache-Control` says."""

    ibx_smtp: str = Field(description="host for sending, bare: no scheme, no port")
    ibx_imap: str = Field(description="host for reading, bare: no scheme, no port")
    smtp_port: int = Field(description="465 everywhere; 587 with STARTTLS works too")
    imap_port: int
    security: str = Field(description="`tls`: TLS from the first octet")
    migration_status: str = Field(description="state of the move to servers of your own")
    tenant_host: str = Field(description="the host of your own servers, in use or to come")


@router.get("/api/userinfo/", response_model=UserInfo, summary="Get current user information")
async def userinfo(request: Request) -> Response:
    gate: Gate = request.app.state.gate
    found = await gate.admit(request)
    settings = gate.plane.settings
    body = {
        "ibx_smtp": found.smtp_host,
        "ibx_imap": found.imap_host,
        "smtp_port": SMTP_PORT,
        "imap_port": IMAP_PORT,
        "security": "tls",
        "migration_status": found.state,
        "tenant_host": settings.tenant_host(found.label),
    }
    headers = {
        "Cache-Control": f"private, max-age={settings.userinfo_max_age}",
        "Vary": "Authorization, X-Server-API-Key",
    }
    return Response(json.dumps(body), media_type="application/json", headers=headers)
