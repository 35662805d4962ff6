"""What a person tells of themselves."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.params import JSONBody
from msgspec import UNSET

from backend.api.access import current_user, user_guard
from backend.api.account_schemas import ProfileIn, ProfileOut
from backend.api.schemas import Done
from backend.services import accounts


class ProfileController(Controller):
    """One's own."""

    path = "/api/profile"
    tags = ("Accounts",)
    guards = (user_guard,)

    @get()
    async def read_profile(self, request: Request[Any, Any, Any]) -> ProfileOut:
        """The profile, from which missing booking details are taken."""
        user = current_user(request)
        return ProfileOut(
            phone=user.phone,
            first_name=user.first_name,
            last_name=user.last_name,
            name=user.name,
            email=user.email,
            picture=user.picture,
            email_verified=user.email_verified_at is not None,
            has_password=user.has_password,
            has_google=user.google_id is not None,
        )

    @post(status_code=200)
    async def change_profile(self, request: Request[Any, Any, Any], data: JSONBody[ProfileIn]) -> Done:
        """Change what is given. Telephone numbers are kept as E.164; digits alone are a number in the United States."""
        given = {name: getattr(data, name) for name in ProfileIn.__struct_fields__}
        changes = {name: value for name, value in given.items() if value is not UNSET}
        await accounts.change_profile(request.app.state.sessions, current_user(request), changes)
        return Done()
