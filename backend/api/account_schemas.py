"""What goes in and out about accounts."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Row

from backend.api.schemas import Text, Token


class SignUp(msgspec.Struct):
    name: Text = ""
    email: Text = ""
    password: Text = ""


class SignIn(msgspec.Struct):
    email: Text = ""
    password: Text = ""


class GoogleSignIn(msgspec.Struct):
    """`credential` is the ID token of Google's button."""

    credential: Token = ""


class LinkToken(msgspec.Struct):
    """The token of a mailed link, which stands behind its `#`."""

    token: Text = ""


class Address(msgspec.Struct):
    email: Text = ""


class NewPassword(msgspec.Struct):
    token: Text = ""
    password: Text = ""


class PasswordChange(msgspec.Struct):
    current_password: Text = ""
    new_password: Text = ""


class Confirmation(msgspec.Struct):
    """The password; for an account without one, its address."""

    password: Text = ""
    email: Text = ""


class UserOut(msgspec.Struct):
    """A person as their own client sees them."""

    id: int
    name: str
    email: str
    picture: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    email_verified: bool
    role: str


class SignedInOut(msgspec.Struct):
    """A session: `token` goes into `Authorization: Bearer`. Browsers get it as a cookie as well."""

    token: str
    user: UserOut
    success: Literal[True] = True


class Me(msgspec.Struct):
    user: UserOut


class ProfileOut(msgspec.Struct):
    phone: str | None
    first_name: str | None
    last_name: str | None
    name: str
    email: str
    picture: str | None
    email_verified: bool
    has_password: bool
    has_google: bool


class ProfileIn(msgspec.Struct):
    """An absent key changes nothing, an empty one clears."""

    phone: Text | UnsetType | None = UNSET
    first_name: Text | UnsetType | None = UNSET
    last_name: Text | UnsetType | None = UNSET


class SessionOut(msgspec.Struct):
    """A sign-in; `current` is the one that asks."""

    id: int
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


class SessionList(msgspec.Struct):
    sessions: list[SessionOut]


class Ended(msgspec.Struct):
    """How many sessions were ended."""

    ended: int
    success: Literal[True] = True


def user_out(row: Row[Any]) -> UserOut:
    """A row as its owner sees it."""
    keys = ("id", "name", "email", "picture", "phone", "first_name", "last_name", "role")
    return UserOut(**{key: getattr(row, key) for key in keys}, email_verified=row.email_verified_at is not None)
