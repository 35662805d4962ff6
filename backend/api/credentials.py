"""Proving an address, and new passwords."""

from typing import Any

from litestar import Controller, Request, Response, post
from litestar.background_tasks import BackgroundTask
from litestar.params import JSONBody

from backend.api import limits
from backend.api.access import OPEN, current_user, user_guard
from backend.api.account_schemas import Address, LinkToken, NewPassword, PasswordChange, SignedInOut
from backend.api.auth import client_of, signed_in_answer
from backend.api.guards import optional_user
from backend.api.mailing import dispatch_mail
from backend.api.schemas import Done
from backend.services import credentials
from backend.services.errors import AppError


class CredentialController(Controller):
    """Links go out by mail; what they do is a POST, so that a program that looks into mails changes nothing."""

    path = "/api/auth"
    tags = ("Accounts",)

    @post("/verify", status_code=200, opt=OPEN, guards=[limits.TOKEN])
    async def verify(self, request: Request[Any, Any, Any], data: JSONBody[LinkToken]) -> Done:
        """Confirm an address with the token of the mailed link, signed in to the account it is about."""
        state = request.app.state
        user = await optional_user(request)
        signed_in_as = None if user is None else user.id
        await credentials.verify(
            state.sessions, data.token, signed_in_as=signed_in_as, admin_email=state.settings.admin_email
        )
        return Done()

    @post("/verify/resend", status_code=200, guards=[user_guard, limits.MAIL])
    async def resend(self, request: Request[Any, Any, Any]) -> Done:
        """Send the mail that confirms the address again."""
        await dispatch_mail(request, await credentials.ask_to_verify(request.app.state.sessions, current_user(request)))
        return Done()

    @post("/forgot", status_code=200, opt=OPEN, guards=[limits.MAIL])
    async def forgot(self, request: Request[Any, Any, Any], data: JSONBody[Address]) -> Response[Done]:
        """Mail a link to set a new password. The answer is the same whether there is such an account or not."""
        if not data.email.strip():
            raise AppError(400, "Please give your e-mail address", field="email")
        await limits.limit_account(request, limits.MAIL, data.email)
        # Afterwards: how long it takes must not tell either.
        return Response(Done(), background=BackgroundTask(_mail_reset, request, data.email))

    @post("/reset", status_code=200, opt=OPEN, guards=[limits.TOKEN])
    async def reset(self, request: Request[Any, Any, Any], data: JSONBody[NewPassword]) -> Done:
        """Set a new password with the token of the mailed link. Every session ends."""
        state = request.app.state
        queued = await credentials.reset(
            state.sessions, data.token, data.password, admin_email=state.settings.admin_email
        )
        await dispatch_mail(request, queued)
        return Done()

    @post("/password", status_code=200, guards=[user_guard, limits.PASSWORD])
    async def change_password(
        self, request: Request[Any, Any, Any], data: JSONBody[PasswordChange]
    ) -> Response[SignedInOut]:
        """Set a new password with the old one. Every session ends, and a new one begins here."""
        signed_in, queued = await credentials.change_password(
            request.app.state.sessions,
            current_user(request),
            current=data.current_password,
            password=data.new_password,
            client=client_of(request),
        )
        await dispatch_mail(request, queued)
        return signed_in_answer(request, signed_in)


async def _mail_reset(request: Request[Any, Any, Any], email: str) -> None:
    await dispatch_mail(request, await credentials.forgot(request.app.state.sessions, email))
