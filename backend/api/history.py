"""What was open and when."""

from typing import Any

from litestar import Request, get, post
from litestar.params import JSONBody

from backend.api.access import OPEN
from backend.api.guards import push_key_guard
from backend.api.record_schemas import SlotIn
from backend.db.queries import history
from backend.services.records import record_slot

SCANS, DROPS = 200, 10


@get("/api/history", opt=OPEN)
async def read_history(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The newest changes and the newest drops."""
    async with request.app.state.sessions() as session:
        scans = await history.scans(session, most=SCANS)
        drops = await history.drops(session, most=DROPS)
    return {"scans": [dict(row._mapping) for row in scans], "drops": [dict(row._mapping) for row in drops]}


@post("/api/history/record", status_code=200, guards=[push_key_guard])
async def record_history(request: Request[Any, Any, Any], data: JSONBody[SlotIn]) -> dict[str, Any]:
    """What a machine saw; it makes a drop when the slot was not available before."""
    await record_slot(
        request.app.state.sessions,
        location=data.location,
        scan_date=data.scan_date,
        time_slot=data.time_slot,
        available=data.available,
        party_sizes="" if data.party_sizes is None else data.party_sizes,
    )
    return {"success": True}
