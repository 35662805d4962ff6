"""All configuration, typed and checked at start; nobody else reads the environment.

A wrong value stops the process with a sentence that names the variable. `.env.example` is written from this file
(`python -m backend.settings`), and a test keeps the two together.
"""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend.domain.types import Kind, Tier

Seconds = Annotated[float, Field(gt=0, le=7 * 86400)]
Port = Annotated[int, Field(ge=1, le=65535)]


# What somebody has on the screen is looked at again when it is older than this.
BROWSE_PERIOD = timedelta(minutes=5)


class SettingsError(Exception):
    """The environment makes no sense; the text names each variable and what is wrong with it."""


class Settings(BaseSettings):
    """One frozen value per process. Durations are seconds, instants UTC."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", env_file_encoding="utf-8")

    # Where the data is
    database_url: str | None = Field(
        None, description="Postgres, postgresql:// or postgres://. Unset: `houstons up` starts its own."
    )
    redis_url: str | None = Field(
        None, description="Redis or Valkey, redis:// or rediss://. Unset: `houstons up` starts its own."
    )
    houstons_data: Path = Field(Path(".data"), description="Folder of the embedded Postgres and Valkey.")

    # The web process
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: Port = Field(8000, description="Port the web server listens on.")
    public_url: str = Field("http://127.0.0.1:8000", description="Address people type, used for links in messages.")
    trusted_proxies: str = Field(
        "",
        description="Networks of proxies whose X-Forwarded-For and CF-Connecting-IP count, by comma, 10.0.0.0/8. "
        "Behind Cloudflare: its networks, and those of whatever stands between it and us.",
    )
    cors_origins: str = Field(
        "", description="Other sites whose pages may call the API with a token, by comma, https://app.example.com."
    )
    geolocate_url: str | None = Field(
        None,
        description="A service of yours that says where an address is, with {ip} in its place: JSON with latitude, "
        "longitude, city, region. Unset: nobody's address is sent anywhere.",
    )
    rate_limits: Literal["on", "off"] = Field("on", description="Limits on sign-in and forms; off is for load tests.")
    google_client_id: str | None = Field(None, description="OAuth client id for Google's sign-in button.")
    google_certs_url: str = Field(
        "https://www.googleapis.com/oauth2/v1/certs", description="Where Google's certificates are, as PEM by key id."
    )
    push_scan_key: SecretStr | None = Field(
        None, description="Shared secret of the machines that push scans (X-Push-Key)."
    )
    session_days: Annotated[int, Field(ge=1, le=365)] = Field(30, description="Days until a session ends.")
    max_active_watches: Annotated[int, Field(ge=1, le=1000)] = Field(
        25, description="Active watches one person may have."
    )
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token for /metrics. Unset: /metrics answers only to this machine."
    )

    metrics_host: str = Field("127.0.0.1", description="Address on which workers and scheduler show their metrics.")
    metrics_port: Port | None = Field(
        None, description="Port on which a worker or the scheduler shows its metrics. Unset: it does not."
    )

    # The reservation service
    wisely_base_url: str = Field("https://loyaltyapi.wisely.io", description="Base address of the reservation service.")
    wisely_user_agent: str = Field(
        "houstons-reservation-tracker/0.1", description="User-Agent sent to the reservation service."
    )
    wisely_timeout_seconds: Seconds = Field(10, description="How long one call to the reservation service may take.")
    wisely_limit: Annotated[int, Field(ge=1, le=200)] = Field(50, description="Times asked for in one call.")
    wisely_max_anchors: Annotated[int, Field(ge=1, le=10)] = Field(
        4, description="Calls at most for one look when answers come back cut off."
    )
    upstream_rate_cap: Annotated[int, Field(ge=1, le=10)] = Field(
        10, description="Calls a second, and at a time, over all workers; never above 10."
    )
    upstream_rate_mean: Annotated[float, Field(gt=0, le=10)] = Field(
        1.0, description="Calls a second on average over a day, over all workers."
    )

    # When to look
    urgent_scan_seconds: Seconds = Field(600, description="Period of looks for watches that start in under 24 hours.")
    normal_scan_seconds: Seconds = Field(1800, description="Period of looks for all other watches.")
    dispatch_seconds: Seconds = Field(5, description="Period of the tick that sends due looks to workers.")
    expire_seconds: Seconds = Field(3600, description="Period of the tick that ends watches whose day is over.")
    session_cleanup_seconds: Seconds = Field(21600, description="Period of the tick that deletes expired sessions.")
    digest_seconds: Seconds = Field(300, description="Period of the tick that writes the digests that are due.")
    notice_seconds: Seconds = Field(60, description="Period of the tick that tells administrators what happened.")
    relay_seconds: Seconds = Field(10, description="Period of the tick that sends on what was left behind.")

    # Browsing
    browse_days: Annotated[int, Field(ge=0, le=60)] = Field(
        21, description="Days ahead that are looked at although nobody watches them; 0: none."
    )
    browse_party_sizes: Annotated[tuple[Annotated[int, Field(ge=1, le=20)], ...], NoDecode] = Field(
        (2, 3, 4), description="Party sizes that are looked at although nobody watches them, by comma."
    )
    browse_fill_seconds: Seconds = Field(600, description="Period of the tick that adds the days people may browse.")

    # Telling people
    smtp_host: str | None = Field(None, description="Mail server. Unset: mails are written down as suppressed.")
    smtp_port: Port = Field(587, description="Port of the mail server.")
    smtp_user: str | None = Field(None, description="User name at the mail server.")
    smtp_pass: SecretStr | None = Field(None, description="Password at the mail server.")
    smtp_from: str | None = Field(None, description="Sender of all mails, `Name <address>` or an address.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls (587), tls (465), or none (only for a server on this machine)."
    )
    smtp_ca_file: Path | None = Field(
        None, description="File of certificates to trust for the mail server, beside the system's."
    )
    twilio_account_sid: str | None = Field(None, description="Twilio account for text messages.")
    twilio_auth_token: SecretStr | None = Field(None, description="Twilio's token.")
    twilio_from_number: str | None = Field(None, description="Number that text messages come from, E.164.")
    twilio_api_url: str = Field("https://api.twilio.com", description="Where Twilio's API is.")
    smtp_connections: Annotated[int, Field(ge=1, le=50)] = Field(
        4, description="Connections a worker holds to the mail server at most."
    )
    mail_callback_key: SecretStr | None = Field(
        None,
        description="Shared secret that signs what the mail service reports about bounces. Unset: nothing is taken.",
    )
    outbound_allow: str = Field(
        "",
        description="Networks, by comma, that webhooks and the like may reach although they are private, 127.0.0.1/32. "
        "For tests; leave it empty.",
    )
    deployment: Literal["production", "development"] = Field(
        "production", description="In production nothing is sent to example.com, test.com and fake.com."
    )
    admin_email: str | None = Field(None, description="Address of the administrator.")
    notification_email: str | None = Field(None, description="Address that hears of bookings whose outcome is unknown.")
    notify_sign_ups: Literal["on", "off"] = Field("on", description="Mail to both of them for each new account.")
    notify_watches: Literal["on", "off"] = Field("on", description="Mail to both of them for each new watch.")
    notify_feedback: Literal["on", "off"] = Field("on", description="Mail to both of them for feedback.")
    body_retention_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        30, description="Days until the text of a message is deleted; that it was sent, and to whom, stays."
    )

    # Booking
    auto_book: Literal["on", "dry-run", "off"] = Field(
        "on",
        description="Automatic booking for this installation: on, dry-run (all but the last step) or off.",
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["json", "text"] = Field("text", description="json for machines, text for a terminal.")

    @field_validator("browse_party_sizes", mode="before")
    @classmethod
    def _by_comma(cls, value: object) -> object:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str | None) -> str | None:
        if value is None:
            return None
        scheme, _, rest = value.partition("://")
        if scheme.split("+")[0] not in ("postgres", "postgresql") or not rest:
            raise ValueError("must be a postgresql:// address")
        return f"postgresql://{rest}"

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in ("redis", "rediss", "unix"):
            raise ValueError("must be a redis:// or rediss:// address")
        return value

    @field_validator("wisely_base_url", "public_url", "google_certs_url", "twilio_api_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http:// or https:// address")
        return value.rstrip("/")

    @field_validator("geolocate_url")
    @classmethod
    def _has_a_place(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or "{ip}" not in value):
            raise ValueError("must be an http:// or https:// address with {ip} in it")
        return value

    @field_validator("trusted_proxies", "outbound_allow")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for word in _words(value):
            try:
                ip_network(word)
            except ValueError:
                raise ValueError(f"{word!r} is not a network such as 10.0.0.0/8") from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for word in _words(value):
            parts = urlsplit(word)
            if parts.scheme not in ("http", "https") or not parts.netloc or word != f"{parts.scheme}://{parts.netloc}":
                raise ValueError(f"{word!r} is not an origin such as https://app.example.com")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.smtp_host and not self.smtp_from:
            raise ValueError("SMTP_FROM: is needed when SMTP_HOST is set")
        if bool(self.smtp_user) != bool(self.smtp_pass):
            raise ValueError("SMTP_USER and SMTP_PASS: set both or neither")
        if self.smtp_security == "none" and self.smtp_host not in (None, "127.0.0.1", "localhost", "::1"):
            raise ValueError("SMTP_SECURITY: none is only for a mail server on this machine")
        twilio = (self.twilio_account_sid, self.twilio_auth_token, self.twilio_from_number)
        if any(twilio) and not all(twilio):
            raise ValueError("TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM_NUMBER: set all or none")
        if self.upstream_rate_mean > self.upstream_rate_cap:
            raise ValueError("UPSTREAM_RATE_MEAN: cannot be above UPSTREAM_RATE_CAP")
        return self

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(word) for word in _words(self.trusted_proxies))

    @property
    def outbound_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(word) for word in _words(self.outbound_allow))

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        return _words(self.cors_origins)

    @property
    def periods(self) -> Mapping[Tier, timedelta]:
        """How long after a look the next one is due."""
        return {
            Tier.URGENT: timedelta(seconds=self.urgent_scan_seconds),
            Tier.NORMAL: timedelta(seconds=self.normal_scan_seconds),
            Tier.BROWSE: BROWSE_PERIOD,
        }

    @property
    def operators(self) -> tuple[str, ...]:
        """Who hears of bookings whose outcome is unknown."""
        return tuple(address for address in (self.notification_email, self.admin_email) if address)

    @property
    def kinds_for_operators(self) -> tuple[str, ...]:
        """Of what happens, what operators want to hear."""
        wanted = {
            Kind.NEW_SIGN_UP: self.notify_sign_ups,
            Kind.NEW_WATCH: self.notify_watches,
            Kind.NEW_FEEDBACK: self.notify_feedback,
        }
        return tuple(kind for kind, is_wanted in wanted.items() if is_wanted == "on")

    @property
    def wisely_call_seconds(self) -> float:
        """Bounds a whole call: the HTTP client's own time-out starts anew with every byte."""
        return 1.5 * self.wisely_timeout_seconds

    @property
    def require_database_url(self) -> str:
        if self.database_url is None:
            raise SettingsError("DATABASE_URL: is not set; set it, or run `houstons up`, which starts its own Postgres")
        return self.database_url

    @property
    def require_redis_url(self) -> str:
        if self.redis_url is None:
            raise SettingsError("REDIS_URL: is not set; set it, or run `houstons up`, which starts its own Valkey")
        return self.redis_url


def load_settings(**overrides: Any) -> Settings:
    """Read the environment and `.env` in the working folder. Raises SettingsError naming each bad variable."""
    try:
        return Settings(_env_file=".env", **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(dict(item)) for item in error.errors())) from None


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _sentence(item: dict[str, Any]) -> str:
    reason = str(item["msg"]).removeprefix("Value error, ")
    return f"{str(item['loc'][0]).upper()}: {reason}" if item["loc"] else reason


def render_env_example() -> str:
    """The text of `.env.example`: every variable with its sentence and its default."""
    lines = ["# Every setting, with its default. Copy to .env and change what you need.", ""]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else field.default
        default = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
        lines += [f"# {field.description}", f"{name.upper()}={default}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(".env.example").write_text(render_env_example())
