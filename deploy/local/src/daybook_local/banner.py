"""The last thing that is printed when everything answers."""

from pathlib import Path

from daybook_local.stack_file import StackEntry


def banner(entry: StackEntry, state_dir: Path, *, colour: bool) -> str:
    """Where everything is and what to try, in a dozen lines."""
    rows = [
        ("Dashboard", entry.dashboard),
        ("API", f"{entry.api}/v1  (docs: {entry.api}/docs)"),
        ("Key", f"{entry.api_key}  (project {entry.project_id})"),
        ("Shop", entry.shop),
        *([("Webhooks", f"{entry.receiver}/ledger")] if entry.receiver else []),
        ("Logs", f"{state_dir / 'logs'}/, a file a process"),
    ]
    rule = "─" * 72
    bold, plain = ("\x1b[1m", "\x1b[0m") if colour else ("", "")
    lines = [
        "",
        rule,
        f"  {bold}Daybook is running.{plain} Ctrl-C stops it; its data stays.",
        "",
        *(f"  {bold}{name:<10}{plain} {value}" for name, value in rows),
        "",
        "  Make a request to the shop, then find it on the dashboard:",
        f"    curl -s {entry.shop}/echo -H 'content-type: text/plain' -d 'hello'",
        rule,
        "",
    ]
    return "\n".join(lines) + "\n"
