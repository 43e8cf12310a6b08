"""The command line. Nothing heavy is imported before a command needs it, so `--help` is quick."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.settings import Settings

_TIME_ZONES: Final = "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo"
"""Where `zoneinfo` looks unless Python was built otherwise. It asks how Python was built if nobody says, and
what it reads for that stays: 0.6 MB."""
_COMMANDS = {
    "demo": "bridge.cli_hub",
    "demo-outage": "bridge.cli_demo",
    "run": "bridge.cli_hub",
    "pair": "bridge.cli_ask",
    "status": "bridge.cli_ask",
    "set": "bridge.cli_ask",
    "discover": "bridge.cli_device",
    "module": "bridge.cli_module",
    "load": "bridge.cli_load",
    "faults": "bridge.cli_care",
    "alerts": "bridge.cli_care",
    "diagnose": "bridge.cli_care",
    "plan": "bridge.cli_plan",
    "savings": "bridge.cli_savings",
    "forecast": "bridge.cli_forecast",
    "simulate": "bridge.cli_simulate",
    "history": "bridge.cli_history",
    "energy": "bridge.cli_energy",
    "hours-of-day": "bridge.cli_record",
    "retention": "bridge.cli_record",
    "events": "bridge.cli_events",
    "audit": "bridge.cli_events",
    "configure": "bridge.cli_configure",
    "factory-reset": "bridge.cli_hub",
    "config": "bridge.cli_hub",
    "firmware": "bridge.cli_firmware",
    "user": "bridge.cli_access",
    "token": "bridge.cli_access",
    "pics": "bridge.cli_pics",
    "certs": "certs.cli",
}
_SUMMARIES = {
    "demo": "Run a hub with a simulated home, to try it without hardware.",
    "demo-outage": "Take the grid away from the simulated home, or give it back.",
    "run": "Run the hub.",
    "pair": "Show the QR code and the manual code, or let another app in.",
    "status": "Show how the hub and its modules are.",
    "set": "Tell a module what to do.",
    "discover": "Look for devices that could be modules of the home.",
    "module": "List, add, rename and remove modules, choose their faces and mode.",
    "load": "Say what loads and cars are to get by when, and see how far they are.",
    "faults": "Show what is and was wrong with modules, and what was done.",
    "diagnose": "Look closely at a module or at the hub; pack a support bundle.",
    "alerts": "Show what people are told of; acknowledge or snooze it.",
    "plan": "Show what the hub wants for the coming hours, and why.",
    "savings": "Show what the batteries and the plan saved.",
    "forecast": "Show what is foreseen, and how good that was on the last days.",
    "simulate": "Ask what a battery and plans would be worth in a home.",
    "history": "Show what a module did.",
    "energy": "Show what modules took in and gave out, today and in their lives.",
    "hours-of-day": "Show what is usual of a module at each hour of the day.",
    "retention": "Show or change for how long what was recorded is kept.",
    "events": "Show what happened: commands, faults, the grid.",
    "audit": "Show who did what, and whether that record is whole.",
    "configure": "Show or change what the home is to be good for, and who decides.",
    "factory-reset": "Forget every app and every module.",
    "config": "Check the settings.",
    "firmware": "Update modules' firmware from a signed repository.",
    "user": "Say who may use the API, and in which role.",
    "token": "Give programs and modules a token for the API, or take it back.",
    "pics": "Write what the hub implements, for certification.",
    "certs": "Make and look at attestation certificates.",
}
_FUNCTIONS = {
    "demo-outage": "demo_outage",
    "factory-reset": "factory_reset",
    "hours-of-day": "hours_of_day",
    "set": "set_",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order in which one needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(module), _FUNCTIONS.get(cmd_name, cmd_name))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_SUMMARIES.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ores-bridge")
def main() -> None:
    """Show every energy module of a home to every smart-home app, through Matter.

    \b
    Try it:           ores-bridge demo
    Run it:           ores-bridge run --config home.toml
    Pair an app:      ores-bridge pair
    Look:             ores-bridge status
    Limit the roof:   ores-bridge set roof power-limit 50% --for 10m
    Look ahead:       ores-bridge plan
    Look back:        ores-bridge savings
    Look back:        ores-bridge history roof power --from yesterday
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    os.environ.setdefault("PYTHONTZPATH", _TIME_ZONES)


def with_place(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which hub is meant."""
    for option in (
        click.option(
            "--data-dir",
            type=click.Path(file_okay=False, path_type=Path),
            help="Where the hub keeps what it must not forget.",
        ),
        click.option(
            "--config",
            "config_file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Settings file (TOML); see docs/configuration.md.",
        ),
    ):
        command = option(command)
    return command


def load_settings(config_file: Path | None, data_dir: Path | None = None, **options: Any) -> Settings:
    """Read the settings, or end the command with every problem found."""
    from bridge.settings_loader import SettingsError, load

    try:
        return load(path=config_file, options={"data_dir": data_dir, **options})
    except SettingsError as error:
        raise SettingsRefusal(str(error)) from error


class Refusal(click.ClickException):
    """Ends a command with a message as it is."""

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        """Print the message on standard error."""
        click.echo(self.message, err=True)


class SettingsRefusal(Refusal):
    """Ends a command because of its settings; the exit code is that of wrong usage."""

    exit_code = 2
