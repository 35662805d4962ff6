"""Expected refusals, in words for the person who asked."""

from datetime import timedelta


class AppError(Exception):
    """A sentence for the caller, with the HTTP status that fits and the field it is about, if one."""

    def __init__(
        self, status: int, sentence: str, *, field: str | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.field = field
        self.retry_after = retry_after
