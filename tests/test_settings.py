"""Settings are typed, checked at start, and complain by name."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.settings import Settings, SettingsError, load_settings, render_env_example

pytestmark = pytest.mark.fast

EXAMPLE = Path(__file__).parents[1] / ".env.example"
NAMES = [name.upper() for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing set, and no `.env` in the working folder."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_example_is_written_from_the_settings() -> None:
    assert EXAMPLE.read_text() == render_env_example()
    assert all(field.description for field in Settings.model_fields.values())


def test_the_example_has_every_setting_once() -> None:
    lines = [line.split("=")[0] for line in EXAMPLE.read_text().splitlines() if "=" in line and line[0] != "#"]

    assert lines == NAMES


def test_the_example_itself_changes_nothing(tmp_path: Path) -> None:
    bare = load_settings()
    (tmp_path / ".env").write_text(EXAMPLE.read_text())

    assert load_settings() == bare


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"PORT": "eighty"}, ["PORT"]),
        ({"PORT": "0"}, ["PORT"]),
        ({"PORT": "65536"}, ["PORT"]),
        ({"UPSTREAM_RATE_MEAN": "0"}, ["UPSTREAM_RATE_MEAN"]),
        ({"DATABASE_URL": "mysql://me@here/db"}, ["DATABASE_URL"]),
        ({"DATABASE_URL": "here"}, ["DATABASE_URL"]),
        ({"REDIS_URL": "http://here"}, ["REDIS_URL"]),
        ({"WISELY_BASE_URL": "wisely"}, ["WISELY_BASE_URL"]),
        ({"PUBLIC_URL": "ftp://here"}, ["PUBLIC_URL"]),
        ({"UPSTREAM_RATE_CAP": "11"}, ["UPSTREAM_RATE_CAP"]),
        ({"UPSTREAM_RATE_CAP": "1", "UPSTREAM_RATE_MEAN": "2"}, ["UPSTREAM_RATE_MEAN", "UPSTREAM_RATE_CAP"]),
        ({"NORMAL_SCAN_SECONDS": "0"}, ["NORMAL_SCAN_SECONDS"]),
        ({"DISPATCH_SECONDS": "nan"}, ["DISPATCH_SECONDS"]),
        ({"SMTP_HOST": "mail.example.test"}, ["SMTP_FROM", "SMTP_HOST"]),
        ({"SMTP_USER": "me"}, ["SMTP_USER", "SMTP_PASS"]),
        (
            {"SMTP_HOST": "mail.example.test", "SMTP_FROM": "a@example.test", "SMTP_SECURITY": "none"},
            ["SMTP_SECURITY"],
        ),
        ({"SMTP_SECURITY": "ssl"}, ["SMTP_SECURITY"]),
        ({"TWILIO_ACCOUNT_SID": "AC1"}, ["TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER"]),
        ({"TWILIO_AUTH_TOKEN": "t", "TWILIO_FROM_NUMBER": "+1"}, ["TWILIO_ACCOUNT_SID"]),
        ({"AUTO_BOOK": "maybe"}, ["AUTO_BOOK"]),
        ({"TRUSTED_PROXIES": "10.0.0.0/8, proxy"}, ["TRUSTED_PROXIES"]),
        ({"CORS_ORIGINS": "https://app.example.test/"}, ["CORS_ORIGINS"]),
        ({"CORS_ORIGINS": "*"}, ["CORS_ORIGINS"]),
        ({"GEOLOCATE_URL": "https://geo.example.test/"}, ["GEOLOCATE_URL"]),
        ({"LOG_LEVEL": "loud"}, ["LOG_LEVEL"]),
        ({"PORT": "x", "LOG_FORMAT": "xml"}, ["PORT", "LOG_FORMAT"]),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], named: list[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert [name for name in named if name not in str(raised.value)] == []


def test_a_complaint_keeps_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me:hunter2@here/db")
    monkeypatch.setenv("SMTP_PASS", "hunter2")

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert "hunter2" not in str(raised.value)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PUSH_SCAN_KEY", "METRICS_TOKEN"):
        monkeypatch.setenv(name, "hunter2")

    assert "hunter2" not in repr(load_settings())


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_each_spelling_of_postgres_becomes_one(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://me:secret@here:5432/db")

    assert load_settings().require_database_url == "postgresql://me:secret@here:5432/db"


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_value_means_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    bare = load_settings()
    monkeypatch.setenv(name, "")

    assert load_settings() == bare


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9001\nHOST=0.0.0.0\n")
    monkeypatch.setenv("PORT", "9002")

    settings = load_settings()

    assert (settings.port, settings.host) == (9002, "0.0.0.0")


def test_an_address_loses_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://tables.example.test/")

    assert load_settings().public_url == "https://tables.example.test"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_mail_without_encryption_is_for_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    for name, value in {"SMTP_HOST": host, "SMTP_FROM": "a@example.test", "SMTP_SECURITY": "none"}.items():
        monkeypatch.setenv(name, value)

    assert load_settings().smtp_host == host


def test_settings_do_not_change() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 9000


def test_what_is_not_set_is_asked_for_by_name() -> None:
    settings = load_settings()

    with pytest.raises(SettingsError, match="DATABASE_URL"):
        _ = settings.require_database_url
    with pytest.raises(SettingsError, match="REDIS_URL"):
        _ = settings.require_redis_url
