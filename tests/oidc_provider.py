"""An identity provider for tests: as much of OpenID Connect as a login by code needs."""

import base64
import json
import secrets
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

LIFETIME_SECONDS = 300


def encoded(raw: bytes) -> str:
    """Return bytes in the alphabet of URLs, as tokens have them."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    """Return a whole number as keys have it."""
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class OidcProvider(ThreadingHTTPServer):
    """Listens at a port of 127.0.0.1; whoever has a code of login() is that person."""

    daemon_threads = True

    def __init__(self) -> None:
        """Make a key; nothing is served yet."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.codes: dict[str, dict[str, Any]] = {}  # code -> claims

    def __enter__(self) -> "OidcProvider":
        """Serve."""
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def login(self, address: str, **claims: Any) -> str:
        """Log a person in to whom an address sent: return the address that this leads back to."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        code, now = secrets.token_hex(8), int(time.time())
        self.codes[code] = {
            "iss": self.url, "aud": asked["client_id"], "nonce": asked["nonce"], "iat": now,
            "exp": now + LIFETIME_SECONDS, **claims,
        }  # fmt: skip
        answer = urllib.parse.urlencode({"code": code, "state": asked["state"]})
        return f"{asked['redirect_uri']}?{answer}"

    def token(self, claims: "dict[str, Any]") -> str:
        """Return claims with a signature."""
        head = {"alg": "RS256", "kid": "one", "typ": "JWT"}
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), SHA256())
        return f"{text}.{encoded(signature)}"

    def metadata(self) -> "dict[str, Any]":
        """Return what a web server has to know."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def keys(self) -> "dict[str, Any]":
        """Return the public key."""
        public = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one"}
        return {"keys": [{**key, "n": number(public.n), "e": number(public.e)}]}


class Handler(BaseHTTPRequestHandler):
    """Answers web servers, not browsers."""

    server: OidcProvider

    def do_GET(self) -> None:  # noqa: N802
        """Tell the metadata and the keys."""
        self.answer(self.server.keys() if self.path == "/keys" else self.server.metadata())

    def do_POST(self) -> None:  # noqa: N802
        """Give the token of a code, once."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        claims = self.server.codes.pop(dict(urllib.parse.parse_qsl(body))["code"])
        token = self.server.token(claims)
        self.answer({"access_token": "unused", "token_type": "Bearer", "id_token": token})

    def answer(self, content: "dict[str, Any]") -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""
