"""Contacts, e-mails and an outbox, for `outreach.yaml`."""

import csv
import os
import re
from hashlib import sha256
from pathlib import Path

ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")


def contacts(contacts: str, templates: str) -> list[dict]:
    """The contacts of a CSV file, each with its template; an address that stands twice is used once."""
    found = {}
    with open(contacts, newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            email = (row.get("email") or "").strip().lower()
            if not ADDRESS.fullmatch(email):
                raise ValueError(f"line {number}: '{email}' is no address")
            template = Path(templates, f"{Path(row['template']).name}.txt").read_text(encoding="utf-8")
            subject, _, body = template.partition("\n\n")
            kept = {key: (row.get(key) or "").strip() for key in ("name", "company", "note")}
            found.setdefault(email, {"email": email, **kept, "subject": subject.strip(), "body": body})
    return list(found.values())


def mail(contact: dict, opening: str, sender: str) -> dict:
    """The whole e-mail. Raises ValueError where a place of the template is left empty."""
    places = {"name": contact["name"], "company": contact["company"], "opening": opening, "sender": sender}
    text = re.sub(r"\[(\w+)\]", lambda match: places.get(match[1]) or match[0], contact["body"])
    left = re.findall(r"\[\w+\]", text)
    if left:
        raise ValueError(f"the e-mail to {contact['email']} still holds {', '.join(left)}")
    return {"to": contact["email"], "text": f"To: {contact['email']}\nSubject: {contact['subject']}\n\n{text}"}


def post(mail: dict, outbox: str) -> str:
    """Puts an e-mail into the outbox, once: one with the same text is there already."""
    folder = Path(outbox)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{sha256(mail['text'].encode()).hexdigest()[:16]}.eml"
    if not path.exists():
        beside = path.with_suffix(".tmp")
        beside.write_text(mail["text"], encoding="utf-8")
        os.replace(beside, path)
    return str(path)
