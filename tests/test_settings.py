"""Settings that make no sense stop the process and name the variable."""

from pathlib import Path

import pytest

from backend.settings import Settings, SettingsError, load_settings, render_env_example

pytestmark = pytest.mark.fast


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_example_file_agrees_with_the_settings() -> None:
    example = (Path(__file__).parent.parent / ".env.example").read_text()

    assert example == render_env_example()
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("DATABASE_URL", "mysql://x/y"),
        ("REDIS_URL", "http://x"),
        ("UPSTREAM_RATE_CAP", "11"),
        ("UPSTREAM_RATE_MEAN", "0"),
        ("WISELY_BASE_URL", "wisely"),
        ("AUTO_BOOK", "maybe"),
        ("SMTP_HOST", "mail.test"),
        ("SMTP_USER", "somebody"),
        ("TWILIO_ACCOUNT_SID", "AC1"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_an_open_mail_connection_is_only_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SMTP_HOST": "mail.test", "SMTP_FROM": "a@b.test", "SMTP_SECURITY": "none"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match="SMTP_SECURITY"):
        load_settings()


def test_the_short_form_of_a_postgres_address_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/d")

    assert load_settings().database_url == "postgresql://u:p@h/d"


def test_an_empty_value_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_HOST", "")

    assert load_settings().smtp_host is None
