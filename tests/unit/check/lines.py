"""A small TCP server on a loopback port that speaks lines, in clear or in TLS: what the fake mail servers stand on."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable


class Peer:
    """The client, as a fake server sees it."""

    def __init__(self, connection: socket.socket, tls: ssl.SSLContext) -> None:
        self._connection, self._tls = connection, tls
        self._reader = connection.makefile("rb")

    @property
    def encrypted(self) -> bool:
        return isinstance(self._connection, ssl.SSLSocket)

    def encrypt(self) -> None:
        self._reader.close()
        self._connection = self._tls.wrap_socket(self._connection, server_side=True)
        self._reader = self._connection.makefile("rb")

    def say(self, text: str | bytes) -> None:
        self._connection.sendall((text.encode() if isinstance(text, str) else text) + b"\r\n")

    def hear(self) -> str:
        """A line without its end. Raises: ConnectionError, when the client has gone."""
        line = self._reader.readline()
        if not line:
            raise ConnectionError
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n")

    def close(self) -> None:
        self._reader.close()
        self._connection.close()


class LineServer:
    """Runs `talk` in a thread for each connection; `port` is where."""

    def __init__(self, talk: Callable[[Peer], None], tls: ssl.SSLContext, *, implicit_tls: bool = False) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                # Else every second line waits for the client's delayed acknowledgement.
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = Peer(self.request, tls)
                try:
                    if implicit_tls:
                        peer.encrypt()
                    talk(peer)
                except (OSError, EOFError):
                    pass  # a client may leave at any point
                finally:
                    peer.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
