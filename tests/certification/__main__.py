"""Run Matter's certification scripts against the hub; `make certify SDK=path` is how to start it."""

from __future__ import annotations

import argparse
import fnmatch
import shutil
import sys
import time
from pathlib import Path

import click
from certification import catalogue, report
from certification.checkout import Checkout, CheckoutError
from certification.device import Model
from certification.runner import Runner, not_run_rows
from interop.network import Network, NetworkUnavailableError

HERE = Path(__file__).parent


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make certify", description=__doc__)
    parser.add_argument("--sdk", type=Path, required=True, help="a checkout of connectedhomeip")
    parser.add_argument("--environment", type=Path, required=True, help="its Python environment")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="only these tests")
    parser.add_argument("--jobs", type=int, default=2, help="how many tests at a time (2)")
    parser.add_argument(
        "--out", type=Path, default=Path(".certify"), help="folder for the table and the logs"
    )
    parser.add_argument("--list", action="store_true", help="show the catalogue and run nothing")
    return parser.parse_args()


def main() -> int:
    """Run what is asked for; 0 when nothing failed."""
    options = arguments()
    entries = catalogue.load(HERE / "catalogue.json")
    chosen = [
        test
        for test in entries.tests
        if not options.only or any(fnmatch.fnmatch(test.name, glob) for glob in options.only)
    ]
    if options.list:
        for test in chosen:
            click.echo(f"{test.name:30} {test.about}")
        return 0
    checkout = Checkout(options.sdk.resolve(), options.environment.absolute())
    folder = options.out.resolve()
    shutil.rmtree(folder / "device", ignore_errors=True)
    try:
        checkout.check()
        checkout.install_testing_package()
        network = Network.create()
    except (CheckoutError, NetworkUnavailableError) as error:
        click.echo(f"certify: {error}", err=True)
        return 2
    try:
        models = {
            settings: Model.prepare(network.hub, folder / "device" / str(number), settings)
            for number, settings in enumerate(sorted({(), *(test.environment for test in chosen)}))
        }
    finally:
        network.close()
    not_run = [] if options.only else list(not_run_rows(entries.not_run, models[()].composition))
    started = time.monotonic()
    try:
        rows = Runner(checkout, models, folder / "runs", tell).run(chosen, options.jobs)
    except KeyboardInterrupt:
        click.echo("certify: stopped; no table was written", err=True)
        return 130
    rows += not_run
    report.write(folder / "report", rows, checkout.revision())
    click.echo(
        f"\n{report.headline(rows)}; {time.monotonic() - started:.0f} s -> {folder / 'report'}.md, .json"
    )
    return 1 if any(row.verdict in report.BAD for row in rows) else 0


def tell(row: report.Row) -> None:
    """Print a line as it is known."""
    click.echo(f"{row.name:44} {row.verdict:14} {row.seconds:6.1f} s  {row.note}")


if __name__ == "__main__":
    sys.exit(main())
