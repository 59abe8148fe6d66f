"""The rules of `refunds.yaml`, and a ledger in the place of a payment service."""

import json
import os
from pathlib import Path

DAYS_TO_CHANGE_ONES_MIND = 14
DAYS_TO_COMPLAIN = 180


def order(orders: str, number: str) -> dict:
    """An order. Raises ValueError where there is none of that number."""
    for order in json.loads(Path(orders).read_text(encoding="utf-8")):
        if order["number"] == number:
            return order
    raise ValueError(f"there is no order {number}")


def rule(order: dict, reason: str) -> dict:
    """How much is given back, and by which rule."""
    if order["refunded"]:
        return {"amount": 0, "why": "It was refunded already."}
    if reason == "changed_mind":
        if order["days"] > DAYS_TO_CHANGE_ONES_MIND:
            return {"amount": 0, "why": f"{order['days']} days are more than {DAYS_TO_CHANGE_ONES_MIND}."}
        return {"amount": round(order["paid"] * 0.9, 2), "why": "Changed mind in time, less a tenth for the way back."}
    if reason == "other":
        return {"amount": 0, "why": "No reason that the rules know; ask the customer."}
    if order["days"] > DAYS_TO_COMPLAIN:
        return {"amount": 0, "why": f"{order['days']} days are more than {DAYS_TO_COMPLAIN}."}
    return {"amount": order["paid"], "why": "Not as ordered: all of it."}


def pay(order: str, amount: float, ledger: str) -> dict:
    """Pays, once for each idempotency key: the key of this step is the same however often it is tried."""
    key = os.environ["AGENTFLOW_IDEMPOTENCY_KEY"]
    path = Path(ledger)
    path.parent.mkdir(parents=True, exist_ok=True)
    known = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for entry in known:
        if entry["key"] == key:
            return {"paid": entry["amount"], "receipt": entry["receipt"]}
    entry = {"key": key, "order": order, "amount": amount, "receipt": f"R-{len(known) + 1}"}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return {"paid": amount, "receipt": entry["receipt"]}
