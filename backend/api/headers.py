"""Security headers of every answer, whatever made it."""

from litestar.types import Message, Scope
from litestar.types.callable_types import BeforeMessageSendHookHandler

from backend.api.caching import PRIVATE
from backend.settings import Settings

_GOOGLE = "https://accounts.google.com/gsi/"


def security_headers(settings: Settings) -> dict[str, str]:
    """Everything comes from here and nothing runs inline; Google's button only where it is set up."""
    google = settings.google_client_id is not None
    policy = {
        "default-src": "'self'",
        "script-src": f"'self' {_GOOGLE}client" if google else "'self'",
        "style-src": f"'self' {_GOOGLE}style" if google else "'self'",
        "img-src": "'self' data: https://*.googleusercontent.com" if google else "'self' data:",
        "connect-src": f"'self' {_GOOGLE}" if google else "'self'",
        "frame-src": _GOOGLE if google else "'none'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin-allow-popups" if google else "same-origin",
        "Cross-Origin-Resource-Policy": "cross-origin" if settings.allowed_origins else "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
    }
    if settings.public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def secure(settings: Settings) -> BeforeMessageSendHookHandler:
    """A hook that puts them on. A hook, because files and errors of the router pass no other place."""
    wanted = [(name.lower().encode(), value.encode()) for name, value in security_headers(settings).items()]

    async def put_on(message: Message, scope: Scope) -> None:
        # Nothing else sets these, so that nothing has to be replaced: this runs with every answer.
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *wanted]
            if all(name.lower() != b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", PRIVATE.encode()))
            message["headers"] = headers

    return put_on
