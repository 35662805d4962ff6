"""Signing up, in and out, and who am I."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody

from backend.api import limits
from backend.api.access import COOKIE, OPEN, current_user, user_guard
from backend.api.account_schemas import (
    Ended,
    GoogleSignIn,
    Me,
    SessionList,
    SessionOut,
    SignedInOut,
    SignIn,
    SignUp,
    user_out,
)
from backend.api.mailing import dispatch_mail
from backend.api.schemas import Done
from backend.clients.errors import CertificatesUnavailable, TokenRefused
from backend.services import accounts, google_sign_in, sessions
from backend.services.errors import AppError
from backend.services.sessions import Client, SignedIn
from observability.metrics import SIGN_INS

log = structlog.get_logger()


@contextmanager
def _counted(way: str) -> Iterator[None]:
    """One try to sign in: ok, refused, or failed by our own fault."""
    outcome = "failed"
    try:
        yield
        outcome = "ok"
    except AppError as error:
        outcome = "refused" if error.status < 500 else "failed"
        raise
    finally:
        SIGN_INS.labels(way, outcome).inc()


class AuthController(Controller):
    """Tokens go out in the body for clients, and in an HttpOnly cookie for our page."""

    path = "/api/auth"
    tags = ("Accounts",)

    @post("/signup", status_code=200, opt=OPEN, guards=[limits.SIGN_UP])
    async def sign_up(self, request: Request[Any, Any, Any], data: JSONBody[SignUp]) -> Response[SignedInOut]:
        """Make an account and sign in. A mail asks to confirm the address; nothing else is sent there before."""
        await limits.limit_account(request, limits.SIGN_UP, data.email)
        signed_in, queued = await accounts.sign_up(
            request.app.state.sessions,
            name=data.name,
            email=data.email,
            password=data.password,
            client=client_of(request),
        )
        await dispatch_mail(request, queued)
        return signed_in_answer(request, signed_in)

    @post("/login", status_code=200, opt=OPEN, guards=[limits.SIGN_IN])
    async def sign_in(self, request: Request[Any, Any, Any], data: JSONBody[SignIn]) -> Response[SignedInOut]:
        """Sign in with address and password."""
        if not data.email or not data.password:
            raise AppError(400, "Please give e-mail and password", field="password" if data.email else "email")
        await limits.limit_account(request, limits.SIGN_IN, data.email)
        with _counted("password"):
            signed_in = await accounts.sign_in(
                request.app.state.sessions,
                email=data.email,
                password=data.password,
                client=client_of(request),
                admin_email=request.app.state.settings.admin_email,
            )
        return signed_in_answer(request, signed_in)

    @post("/google", status_code=200, opt=OPEN, guards=[limits.GOOGLE])
    async def sign_in_with_google(
        self, request: Request[Any, Any, Any], data: JSONBody[GoogleSignIn]
    ) -> Response[SignedInOut]:
        """Sign in, or up, with the ID token of Google's button."""
        state = request.app.state
        if not data.credential:
            raise AppError(400, "Please give Google's credential", field="credential")
        if state.google is None:
            raise AppError(401, "Signing in with Google is not set up here")
        try:
            identity = await state.google.verify(data.credential)
        except TokenRefused as refused:
            log.info("google.refused", reason=str(refused))
            raise AppError(401, "Google's answer could not be verified; please try again") from None
        except CertificatesUnavailable as error:
            log.warning("google.unavailable", reason=str(error))
            sentence = "Google cannot be reached just now; please try again"
            raise AppError(503, sentence, retry_after=timedelta(seconds=10)) from None
        with _counted("google"):
            signed_in, queued = await google_sign_in.sign_in_with_google(
                state.sessions, identity, client=client_of(request), admin_email=state.settings.admin_email
            )
        await dispatch_mail(request, queued)
        return signed_in_answer(request, signed_in)

    @post("/logout", status_code=200, guards=[user_guard])
    async def sign_out(self, request: Request[Any, Any, Any]) -> Response[Done]:
        """End this session at once."""
        user = current_user(request)
        await sessions.end(request.app.state.sessions, user.session_id, user_id=user.id)
        return without_cookie(Done())

    @get("/me", guards=[user_guard])
    async def me(self, request: Request[Any, Any, Any]) -> Me:
        """Who is signed in."""
        return Me(user_out(current_user(request)))

    @get("/sessions", guards=[user_guard])
    async def list_sessions(self, request: Request[Any, Any, Any]) -> SessionList:
        """Where this person is signed in."""
        user = current_user(request)
        rows = await sessions.list_sessions(request.app.state.sessions, user.id)
        return SessionList(
            [
                SessionOut(
                    id=row.id,
                    user_agent=row.user_agent,
                    created_at=row.created_at,
                    last_used_at=row.last_used_at,
                    expires_at=row.expires_at,
                    current=row.id == user.session_id,
                )
                for row in rows
            ]
        )

    @delete("/sessions", status_code=200, guards=[user_guard])
    async def end_other_sessions(self, request: Request[Any, Any, Any]) -> Ended:
        """Sign out everywhere else."""
        return Ended(await sessions.end_others(request.app.state.sessions, current_user(request)))

    @delete("/sessions/{session_id:int}", status_code=200, guards=[user_guard])
    async def end_session(self, request: Request[Any, Any, Any], session_id: FromPath[int]) -> Done:
        """End one of this person's sessions at once."""
        await sessions.end(request.app.state.sessions, session_id, user_id=current_user(request).id)
        return Done()


def client_of(request: Request[Any, Any, Any]) -> Client:
    """What a new session belongs to."""
    return Client(timedelta(days=request.app.state.settings.session_days), request.headers.get("user-agent"))


def signed_in_answer(request: Request[Any, Any, Any], signed_in: SignedIn) -> Response[SignedInOut]:
    """The token in the body, and in the cookie of our page."""
    settings = request.app.state.settings
    cookie = Cookie(
        key=COOKIE,
        value=signed_in.token,
        httponly=True,
        samesite="strict",
        secure=settings.public_url.startswith("https://"),
        max_age=settings.session_days * 86400,
    )
    return Response(SignedInOut(signed_in.token, user_out(signed_in.user)), cookies=[cookie])


def without_cookie(answer: Done) -> Response[Done]:
    """An answer that takes the cookie away."""
    response = Response(answer)
    response.delete_cookie(COOKIE)
    return response
