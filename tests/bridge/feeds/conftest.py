"""Servers that say what services say, on 127.0.0.1."""

import http.server
import ssl
import subprocess
import threading

import pytest


class Service:
    """A real HTTP server whose answers a test sets; it keeps what it was asked."""

    def __init__(self, context=None):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service.asked.append(self.path)
                service.headers.append(dict(self.headers))
                service.answer(self)

            def log_message(self, *_):
                pass

        self.asked = []
        self.headers = []
        self.body = b"{}"
        self.status = 200
        self.more = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def answer(self, handler):
        handler.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.body)), **self.more}.items():
            if value is not None:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(self.body)

    def end(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def service():
    service = Service()
    yield service
    service.end()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody trusts by itself, and its key."""
    directory = tmp_path_factory.mktemp("certificate")
    chain, key = directory / "chain.pem", directory / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", "/CN=prices", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-out", chain, "-keyout", key),
        ],
        check=True,
        capture_output=True,
    )
    return chain, key


@pytest.fixture
def secure_service(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    service = Service(context)
    yield service
    service.end()
