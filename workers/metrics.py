"""A worker's and the scheduler's own page of metrics, where one is asked for."""

import structlog

from backend.settings import Settings
from observability.exposition import show_metrics

log = structlog.get_logger()


def show_metrics_of(settings: Settings) -> None:
    """Serve this process's metrics on METRICS_PORT. A port that is taken costs the metrics, and not the work."""
    if settings.metrics_port is None:
        return
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    try:
        show_metrics(host=settings.metrics_host, port=settings.metrics_port, token=token)
    except OSError as error:
        log.error("metrics.not_shown", port=settings.metrics_port, reason=str(error))
