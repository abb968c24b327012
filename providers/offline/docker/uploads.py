"""The files that a container gets before it starts, as one tar archive."""

from __future__ import annotations

import base64
import io
import tarfile
import time
from collections.abc import Sequence
from typing import Any


def archive(uploads: Sequence[dict[str, Any]]) -> bytes:
    """A tar of every upload. Files are root's; 0644, or 0744 if `executable`, unless `permissions` says otherwise."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for upload in uploads:
            text = upload.get("content")
            content = text.encode() if text else base64.b64decode(upload["contentBase64"])
            entry = tarfile.TarInfo(upload["file"].lstrip("/"))
            entry.size = len(content)
            entry.mode = int(upload.get("permissions") or ("0744" if upload.get("executable") else "0644"), 8)
            entry.mtime = time.time()
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
