"""What an import did, in lines for a terminal."""

from collections.abc import Iterator, Sequence

from backend.domain.legacy import Remark
from backend.services.legacy_import import Imported


def lines(imported: Imported, *, dry_run: bool) -> Iterator[str]:
    """A line a table, then every row that did not come, and what was left out of others."""
    for table in imported.tables:
        same = table.read - table.new - table.changed - table.rejected
        yield (
            f"{table.name:<17} {table.read:>8} read {table.new:>8} new {table.changed:>7} changed "
            f"{same:>7} as they were {table.rejected:>6} cannot come"
        )
    if imported.rejected:
        yield "Cannot come:"
        yield from _listed(imported.rejected)
    if imported.remarks:
        yield "Come with something left out:"
        yield from _listed(imported.remarks)
    if imported.told:
        yield f"{imported.told} tables that people were told of already are not told again."
    would = "would be " if dry_run else ""
    if imported.released:
        yield f"{imported.released} automatic bookings {would}released: from now on this version books."
    if imported.held:
        yield (
            f"{imported.held} automatic bookings {would}held, because the earlier version may still book. "
            "Stop it, then run import-legacy once more with --final."
        )
    yield "Nothing was written: this was a dry run." if dry_run else "Done."


def _listed(remarks: Sequence[Remark]) -> Iterator[str]:
    by_reason: dict[tuple[str, str], list[str]] = {}
    for remark in remarks:
        by_reason.setdefault((remark.table, remark.reason), []).append(remark.id)
    for (table, reason), ids in by_reason.items():
        yield f"  {table} {_ranges(ids)}: {reason}"


def _ranges(ids: Sequence[str]) -> str:
    """3, 5–9, 12. Every id is named."""
    numbers = sorted({int(row_id) for row_id in ids if row_id.isdecimal()})
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    words = [str(first) if first == last else f"{first}–{last}" for first, last in parts]
    return ", ".join([*words, *(row_id for row_id in ids if not row_id.isdecimal())])
