"""The list that `triage.yaml` writes."""

ORDER = {"now": 0, "soon": 1, "later": 2}


def listed(issues: list[dict], groups: list[list[int]], failed: int) -> str:
    """A Markdown list of issues, the most urgent first, those that say the same below the first of them."""
    known = {issue["number"]: issue for issue in issues}
    below = {}
    for group in groups:
        first, *others = [
            number for number in sorted(set(group)) if number in known
        ]  # a model may name what is not there
        below.update((number, first) for number in others)
    lines = ["# Issues", ""]
    heads = [issue for issue in issues if issue["number"] not in below]
    for issue in sorted(heads, key=lambda issue: (ORDER[issue["sort"]["priority"]], issue["number"])):
        sort = issue["sort"]
        lines.append(f"- **{sort['priority']}** {sort['kind']} #{issue['number']} ({sort['topic']}): {sort['gist']}")
        same = [f"#{number}" for number, first in sorted(below.items()) if first == issue["number"]]
        if same:
            lines.append(f"  - the same: {', '.join(same)}")
        lines += [f"  - ask: {question}" for question in sort["missing"]]
    if failed:
        lines += ["", f"{failed} could not be sorted."]
    return "\n".join(lines) + "\n"
