"""Signing up, in and out, and who am I."""

from datetime import timedelta
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody

from backend.api.access import COOKIE, OPEN, current_user, user_guard
from backend.api.schemas import SignIn, SignUp, user_out
from backend.services import accounts
from backend.services.errors import AppError


class AuthController(Controller):
    """Tokens go out in the body for clients, and in an HttpOnly cookie for our page."""

    path = "/api/auth"

    @post("/signup", status_code=200, opt=OPEN)
    async def sign_up(self, request: Request[Any, Any, Any], data: JSONBody[SignUp]) -> Response[dict[str, Any]]:
        lifetime = _lifetime(request)
        signed_in = await accounts.sign_up(
            request.app.state.sessions,
            name=data.name,
            email=data.email,
            password=data.password,
            lifetime=lifetime,
        )
        return _answer(request, signed_in, lifetime)

    @post("/login", status_code=200, opt=OPEN)
    async def sign_in(self, request: Request[Any, Any, Any], data: JSONBody[SignIn]) -> Response[dict[str, Any]]:
        if not data.email or not data.password:
            raise AppError(400, "Please give e-mail and password", field="password" if data.email else "email")
        lifetime = _lifetime(request)
        signed_in = await accounts.sign_in(
            request.app.state.sessions, email=data.email, password=data.password, lifetime=lifetime
        )
        return _answer(request, signed_in, lifetime)

    @post("/logout", status_code=200, guards=[user_guard])
    async def sign_out(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        await accounts.sign_out(request.app.state.sessions, request.state.token)
        response = Response({"success": True})
        response.delete_cookie(COOKIE)
        return response

    @get("/me", guards=[user_guard])
    async def me(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        return {"user": user_out(current_user(request))}


def _lifetime(request: Request[Any, Any, Any]) -> timedelta:
    return timedelta(days=request.app.state.settings.session_days)


def _answer(
    request: Request[Any, Any, Any], signed_in: accounts.SignedIn, lifetime: timedelta
) -> Response[dict[str, Any]]:
    cookie = Cookie(
        key=COOKIE,
        value=signed_in.token,
        httponly=True,
        samesite="strict",
        secure=request.app.state.settings.public_url.startswith("https://"),
        max_age=int(lifetime.total_seconds()),
    )
    body = {"success": True, "token": signed_in.token, "user": user_out(signed_in.user)}
    return Response(body, cookies=[cookie])
