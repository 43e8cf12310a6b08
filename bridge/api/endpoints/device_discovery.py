"""/device/discovery: devices that were found, and looking for more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from bridge.access.role import Role
from bridge.api.models import Model, Moment, moment
from bridge.api.operation import Answer, operation
from bridge.api.problems import CONFLICT, INVALID, Flaw, Problem, ProblemType
from bridge.discovery import DiscoveryBusyError
from bridge.registration.membership import State
from bridge.scan import MODBUS_PORT, LatelyError, ScanState
from hw.module import ModuleKind

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.candidates import Candidate
    from bridge.scan import Scan

PATH = "/device/discovery"

LATELY = ProblemType(
    "scanned-lately",
    409,
    "It was asked less than a day ago.",
    "Some devices suffer when they are scanned, so the hub asks none of them twice a day.",
    "GET tells what was found then. A device whose address is known is registered with POST "
    "/device/register at any time.",
)
UNKNOWN_SCAN = ProblemType(
    "unknown-scan",
    404,
    "There is no such scan.",
    "The id is of none, or of one before the last; the hub remembers the last one.",
    "Leave out `scan` to see the last one.",
)


class DiscoveryQuery(Model):
    """What to tell of."""

    scan: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    """Id of a scan that was started."""


class CandidateView(Model):
    """A device that was found and is no module of the home yet."""

    candidate: str
    """Its id: what POST /device/register calls it by."""
    state: Literal[State.CANDIDATE] = State.CANDIDATE
    driver: str | None
    """Who would speak with it; null if nobody here does."""
    address: str
    kind: ModuleKind | None
    """What it would do for the home; null if it is not known."""
    vendor: str
    model: str
    serial: str
    source: str
    """`mdns`: it announces itself, and says all this of itself; `probe`: a driver has read it."""
    confidence: float
    """0 to 1, that it is what it seems to be."""
    seen: Moment | None
    """When it was last heard of."""
    remedy: str | None
    """What to do to make it a module, where that is more than to register it."""


class ScanView(Model):
    """A look for devices, and how far it is."""

    scan: str
    """Its id."""
    target: str | None
    """Address or network; null for whoever announces itself."""
    state: ScanState
    hosts: int
    """Hosts to ask."""
    done: int
    """Hosts that were asked or skipped."""
    skipped: int
    """Hosts that were not asked, for they were less than a day ago."""
    found: list[str]
    """Ids of what was found."""
    said: list[str]
    """Of a single host: why drivers did not find anything."""
    began: Moment | None
    ended: Moment | None


class DiscoveryView(Model):
    """What was found, and the scan that runs or ran last."""

    candidates: list[CandidateView]
    scan: ScanView | None


class ScanRequest(Model):
    """Where to look: at one host, in a network, or without either at whoever announces itself."""

    address: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """`host`, `host:port` or for Modbus `host:port:unit`."""
    network: Annotated[str, Field(min_length=9, max_length=18)] | None = None
    """A private network of at most 254 hosts, such as `192.168.1.0/24`; its hosts are asked for SunSpec."""
    port: Annotated[int, Field(ge=1, le=65535)] = MODBUS_PORT
    """Of the hosts of a network."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.address is not None and self.network is not None:
            raise ValueError("give address or network, not both")
        return self


@operation(
    "GET",
    PATH,
    summary="Devices that were found",
    description="The surest first. Modules of the home are not among them: GET /device/register has those.",
    least=Role.GUEST,
    query=DiscoveryQuery,
    answer=DiscoveryView,
    problems=(UNKNOWN_SCAN,),
)
async def found(context: Context[DiscoveryQuery, None]) -> DiscoveryView:
    """Tell what is known; no device is asked for it."""
    discovery = context.hub.discovery
    wanted = context.query.scan
    if wanted is not None and (discovery.scan is None or discovery.scan.id != wanted):
        raise Problem(UNKNOWN_SCAN, f"there is no scan {wanted!r}")
    return DiscoveryView(
        candidates=[_candidate(each) for each in discovery.candidates()],
        scan=None if discovery.scan is None else _scan(discovery.scan),
    )


@operation(
    "POST",
    PATH,
    summary="Look for devices",
    description=(
        "Asks whoever announces itself, one host, or each host of a small private network. It only reads: "
        "one connection a host, four hosts at a time, nobody twice a day. Progress is told at Location."
    ),
    least=Role.OWNER,
    body=ScanRequest,
    answer=ScanView,
    status=202,
    problems=(CONFLICT, LATELY),
)
async def look(context: Context[None, ScanRequest]) -> Answer:
    """Begin to look."""
    body, discovery = context.body, context.hub.discovery
    try:
        if body.network is not None:
            scan = discovery.begin_network(body.network, body.port)
        else:
            scan = discovery.begin(body.address)
    except ValueError as error:
        where = "#/network" if body.network is not None else "#/address"
        raise Problem(INVALID, "it cannot be looked at", flaws=[Flaw(where, str(error))]) from error
    except LatelyError as error:
        retry = {"Retry-After": str(max(1, round(error.left)))}
        raise Problem(LATELY, str(error), headers=retry) from error
    except DiscoveryBusyError as error:
        raise Problem(CONFLICT, str(error), remedy="Wait for its end, or end it with DELETE.") from error
    return Answer(_scan(scan), headers={"Location": f"{PATH}?scan={scan.id}"})


@operation(
    "DELETE",
    PATH,
    summary="Look no more",
    description="Ends the scan that runs; what it has found stays.",
    least=Role.OWNER,
    status=204,
)
async def stop(context: Context[None, None]) -> Answer:
    """End the scan."""
    await context.hub.discovery.stop_scan()
    return Answer(None)


def _candidate(found: Candidate) -> CandidateView:
    return CandidateView(
        candidate=found.id,
        driver=found.driver or None,
        address=found.address,
        kind=ModuleKind(found.kind) if found.kind else None,
        vendor=found.vendor,
        model=found.model,
        serial=found.serial,
        source=found.source,
        confidence=found.confidence,
        seen=moment(found.seen) if found.seen else None,
        remedy=found.remedy or None,
    )


def _scan(scan: Scan) -> ScanView:
    values: dict[str, Any] = {
        "hosts": scan.total,
        "done": scan.done,
        "skipped": scan.skipped,
        "found": list(scan.found),
        "said": list(scan.said),
    }
    return ScanView(
        scan=scan.id,
        target=scan.target or None,
        state=scan.state,
        began=moment(scan.began) if scan.began else None,
        ended=moment(scan.ended) if scan.ended else None,
        **values,
    )
