"""What `ores-bridge status` prints."""

from bridge.console import show_status

FINGERPRINT = ":".join(["AF", "AD", "F4", "4A", "A2", "CD", "77", "AB"] * 4)


def status(*names):
    return {
        "running": True,
        "commissionable": False,
        "uptime_s": 60.0,
        "memory_mb": 78.0,
        "polling_interval_s": 1.0,
        "fabrics": [{"index": 1, "label": "[/]"}],
        "api": {"url": "https://hub.local:8443", "authority_sha256": FINGERPRINT, "claim_code": None},
        "modules": [{"name": name, "kind": "load", "room": ":sun:"} for name in names],
    }


def test_what_is_compared_and_what_people_call_things_is_printed_as_it_is(capsys):
    """A fingerprint holds `:CD:`, which is a disc to some; a name may look like a colour."""
    show_status(status("[bold]Roof[/bold]", "[/nothing]"))
    printed = capsys.readouterr().out
    assert FINGERPRINT in printed
    for each in ("Apps: [/]", "[bold]Roof[/bold]", "[/nothing]", ":sun:"):
        assert each in printed
