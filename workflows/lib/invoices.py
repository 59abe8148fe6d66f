"""What `extract.yaml` knows about invoices."""

import csv
import io
from datetime import date


def problems(invoice: dict) -> list[str]:
    """What cannot be right about an invoice as it was read."""
    found = []
    lines = round(sum(line["amount"] for line in invoice["lines"]), 2)
    if invoice["lines"] and lines != round(invoice["total"], 2):
        found.append(f"the lines add up to {lines:.2f}, and the total is {invoice['total']:.2f}")
    if invoice["date"] is not None:
        try:
            date.fromisoformat(invoice["date"])
        except ValueError:
            found.append(f"there is no day {invoice['date']}")
    return found


def table(rows: list[dict]) -> str:
    """The invoices as CSV; a text that a spreadsheet would take for a formula is marked as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", "seller", "number", "date", "currency", "total", "unsure"])
    for row in rows:
        invoice = row["invoice"]
        texts = [row["file"], invoice["seller"], invoice["number"] or "", invoice["date"] or "", invoice["currency"]]
        writer.writerow([*map(_plain, texts), f"{invoice['total']:.2f}", _plain("; ".join(row["problems"]))])
    return out.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text
