"""The loop of the services' tests, to have something to count."""

from tests.services.conftest import loop

__all__ = ["loop"]
