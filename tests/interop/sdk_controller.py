"""A Matter controller on the real SDK (`home-assistant-chip-core`), driven by lines of JSON.

Run by tests in a process and a network namespace of its own; it imports nothing of this project.

    sdk_controller.py --storage FOLDER --paa FOLDER [--fabric-id N] [--vendor-id N] [--node-id N]

Standard input takes `{"id": 1, "do": "read", ...}` a line; standard output answers `{"id": 1, "result": ...}`
or `{"id": 1, "error": {...}}`, and tells of itself `{"told": "attribute" | "event" | "resubscribing" | ...,
"at": monotonic seconds}`. Bytes travel as `{"bytes": "hex"}`; structs as objects with the context tag as a
key. One process can be several controllers: `add_controller` gives a number, and a request with `"by"` that
number is done by that one. The SDK logs on standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

CONTROLLER_NODE_ID = 112233


def plain(value: Any) -> Any:
    """A TLV value as the SDK's reader gives it, in JSON's words."""
    if isinstance(value, bytes | bytearray):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, dict):
        return {str(tag): plain(member) for tag, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return value


class Answers:
    """Lines on the real standard output; everything else the process prints goes to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)

    def tell(self, **message: Any) -> None:
        """One line."""
        self._out.write(json.dumps(message) + "\n")


class Sdk:
    """The SDK in this process: its certificate authorities and the controllers that they made, by number."""

    def __init__(self, arguments: argparse.Namespace, answers: Answers) -> None:
        import chip.native

        chip.native.Init()
        import chip.CertificateAuthority
        import chip.FabricAdmin
        import chip.logging
        from chip.ChipStack import ChipStack

        chip.logging.SetLogFilter(
            chip.logging.LOG_CATEGORY_DETAIL if arguments.verbose else chip.logging.LOG_CATEGORY_ERROR
        )
        self.answers = answers
        self.subscription_numbers = itertools.count(1)
        self.controllers: list[SdkController] = []
        self._vendor, self._trust = arguments.vendor_id, str(arguments.paa)
        self._stack = ChipStack(persistentStoragePath=str(arguments.storage / "controller.json"))
        self._authorities = chip.CertificateAuthority.CertificateAuthorityManager(chipStack=self._stack)
        self._authorities.LoadAuthoritiesFromStorage()
        self.add_controller(arguments.fabric_id, arguments.node_id)

    def add_controller(self, fabric: int, node: int) -> int:
        """Make one more controller, a node of its own in a fabric that is made when there is none yet."""
        controller = self._administrator(fabric).NewController(nodeId=node, paaTrustStorePath=self._trust)
        self.controllers.append(SdkController(self, controller))
        return len(self.controllers) - 1

    def _administrator(self, fabric: int) -> Any:
        for authority in self._authorities.activeCaList:
            for administrator in authority.adminList:
                if administrator.fabricId == fabric:
                    return administrator
        authority = self._authorities.NewCertificateAuthority()
        return authority.NewFabricAdmin(vendorId=self._vendor, fabricId=fabric)

    async def answer(self, request: dict[str, Any]) -> None:
        """Do one request and answer it."""
        number, what, by = request.pop("id"), request.pop("do"), request.pop("by", 0)
        try:
            result = await getattr(self.controllers[by], f"do_{what}")(**request)
        except Exception as error:  # noqa: BLE001 - every failure is the asker's to judge
            status = getattr(error, "status", None)
            self.answers.tell(
                id=number,
                error={
                    "kind": type(error).__name__,
                    "text": str(error),
                    "status": None if status is None else int(status),
                },
            )
        else:
            self.answers.tell(id=number, result=result)

    def close(self) -> None:
        """Leave the network."""
        for controller in self.controllers:
            controller.close()
        self._authorities.Shutdown()
        self._stack.Shutdown()


class SdkController:
    """One controller, a node of a fabric; each `do_` method is a request."""

    def __init__(self, sdk: Sdk, controller: Any) -> None:
        import chip.clusters
        from chip.clusters import Attribute, ClusterObjects
        from chip.clusters.Types import Nullable, NullValue
        from chip.tlv import TLVReader, TLVWriter, uint

        self._sdk, self._controller = sdk, controller
        self._clusters = chip.clusters
        self._attribute, self._cluster_objects = Attribute, ClusterObjects
        self._nullable, self._null = Nullable, NullValue
        self._uint, self._reader, self._writer = uint, TLVReader, TLVWriter
        self._subscriptions: dict[int, Any] = {}

    async def do_add_controller(self, fabric: int, own_node: int) -> int:
        """Make one more controller in this process; the number to ask it `by`."""
        return self._sdk.add_controller(fabric, own_node)

    # ------------------------------------------------------------ commissioning

    async def do_commission(self, node: int, code: str) -> dict[str, Any]:
        """Commission the device with this QR or manual code, on the network; attestation is verified."""
        from chip.ChipDeviceCtrl import DiscoveryType

        started = time.monotonic()
        await self._controller.CommissionWithCode(
            code, node, discoveryType=DiscoveryType.DISCOVERY_NETWORK_ONLY
        )
        return {"seconds": time.monotonic() - started}

    async def do_open_window(self, node: int, seconds: int, discriminator: int = 3841) -> dict[str, Any]:
        """Open an enhanced commissioning window; its codes."""
        opened = await self._controller.OpenCommissioningWindow(
            node,
            seconds,
            1000,
            discriminator,
            self._controller.CommissioningWindowPasscode.kTokenWithRandomPin,
        )
        return {"manual": opened.setupManualCode, "qr": opened.setupQRCode, "passcode": opened.setupPinCode}

    async def do_fabrics(self, node: int) -> list[dict[str, Any]]:
        """The device's fabric table, every fabric of it."""
        credentials = self._clusters.Objects.OperationalCredentials
        read = await self._controller.ReadAttribute(
            node, [(0, credentials.Attributes.Fabrics)], fabricFiltered=False
        )
        table = read[0][credentials][credentials.Attributes.Fabrics]
        return [
            {
                "index": row.fabricIndex,
                "fabric": row.fabricID,
                "node": row.nodeID,
                "vendor": row.vendorID,
                "label": row.label,
                "root": row.rootPublicKey.hex(),
            }
            for row in table
        ]

    async def do_remove_fabric(self, node: int, index: int) -> dict[str, Any]:
        """Take the fabric with this index off the device."""
        return await self.do_invoke(node, 0, 0x3E, 0x0A, {"fabricIndex": index})

    async def do_discover(self, discriminator: int) -> list[dict[str, Any]]:
        """Commissionable devices with this long discriminator on the network."""
        from chip.discovery import FilterType

        found = await self._controller.DiscoverCommissionableNodes(
            FilterType.LONG_DISCRIMINATOR, discriminator, stopOnFirst=True, timeoutSecond=10
        )
        return [
            {name: plain(value) for name, value in vars(device).items() if not name.startswith("_")}
            for device in found
        ]

    # ------------------------------------------------------------ sessions

    async def do_connect(self, node: int, *, fresh: bool = True, seconds: float = 15.0) -> dict[str, Any]:
        """Reach the device over CASE, with a new session when `fresh`."""
        if fresh:
            self._controller.ExpireSessions(node)
        started = time.monotonic()
        device = await self._controller.GetConnectedDevice(
            node, allowPASE=False, timeoutMs=int(seconds * 1000)
        )
        return {"session": device.localSessionId, "seconds": time.monotonic() - started}

    # ------------------------------------------------------------ reading and writing

    async def do_read(
        self,
        node: int,
        endpoint: int | None = None,
        cluster: int | None = None,
        attribute: int | None = None,
        *,
        fabric_filtered: bool = True,
    ) -> dict[str, Any]:
        """Read what matches; each payload decoded with the SDK's own cluster object.

        `attributes` [[endpoint, cluster, attribute, value]...];
        `failures` [[endpoint, cluster, attribute, why]...] for error statuses and for payloads that do not
        decode or that change when encoded again;
        `unknown` [[endpoint, cluster, attribute]...] for what the SDK has no object for.
        """
        path = self._attribute.AttributePath(EndpointId=endpoint, ClusterId=cluster, AttributeId=attribute)
        answer = await self._controller.Read(node, attributes=[path], fabricFiltered=fabric_filtered)
        found: list[Any] = []
        failures: list[Any] = []
        unknown: list[Any] = []
        for where, value in _flat(answer.tlvAttributes):
            if isinstance(value, self._attribute.ValueDecodeFailure):
                failures.append([*where, str(value.Reason)])
                continue
            found.append([*where, plain(value)])
            kind = self._attribute._AttributeIndex.get(where[1:])
            if kind is None:
                unknown.append(where)
            elif (why := self._misfit(kind[0], value)) is not None:
                failures.append([*where, why])
        return {"attributes": found, "failures": failures, "unknown": unknown}

    async def do_count(self, node: int) -> int:
        """How many attributes a wildcard read brings, none of them decoded: what it takes without Python."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        transaction = self._attribute.AsyncReadTransaction(done, loop, self._controller, False)
        arrived = 0

        def count(*_: object) -> None:
            nonlocal arrived
            arrived += 1

        transaction.handleAttributeData = count
        device = await self._controller.GetConnectedDevice(node)
        everything = [self._attribute.AttributePath()]
        self._attribute.Read(transaction, device.deviceProxy, attributes=everything).raise_on_error()
        await done
        return arrived

    def _misfit(self, kind: Any, value: Any) -> str | None:
        """Why a payload is not what the SDK's object says; None when it is."""
        try:
            decoded = kind.FromTagDictOrRawValue(value)
            again = self._reader(kind.ToTLV(None, decoded)).get()["Any"]
        except Exception as error:  # noqa: BLE001 - whatever the decoder throws is the finding
            return f"{type(error).__name__}: {error}"
        return None if again == value else f"means {again!r} to the SDK, was {value!r}"

    async def do_read_events(
        self, node: int, endpoint: int | None = None, cluster: int | None = None, event: int | None = None
    ) -> list[Any]:
        """Events kept by the device: [[number, endpoint, cluster, event, priority, fields]...]."""
        answer = await self._controller.Read(node, events=[self._event_path(endpoint, cluster, event)])
        return [self._event_row(result) for result in answer.events]

    def _event_path(self, endpoint: int | None, cluster: int | None, event: int | None) -> Any:
        """A path in the only words that the SDK takes for events: its own classes."""
        if event is not None:
            path = self._attribute.EventPath(ClusterId=cluster, EventId=event)
            kind = self._attribute._EventIndex[str(path)]
        elif cluster is not None:
            kind = self._attribute._ClusterIndex[cluster]
        else:
            return () if endpoint is None else endpoint
        return kind if endpoint is None else (endpoint, kind)

    def _event_row(self, result: Any) -> list[Any]:
        header = result.Header
        failed = isinstance(result.Data, self._attribute.ValueDecodeFailure)
        if failed:
            fields = {"undecoded": plain(result.Data.TLVValue)}
        else:
            fields = plain(self._reader(result.Data.ToTLV()).get()["Any"])
        return [
            header.EventNumber,
            header.EndpointId,
            header.ClusterId,
            header.EventId,
            header.Priority.value,
            fields,
        ]

    async def do_write(
        self, node: int, endpoint: int, cluster: int, attribute: int, value: Any, timed: int | None = None
    ) -> int:
        """Write one attribute, its value as `do_read` gives it; its status."""
        kind = self._attribute._AttributeIndex[(cluster, attribute)][0]
        written = kind(kind.FromTagDictOrRawValue(self._tagged(value)))
        results = await self._controller.WriteAttribute(
            node, [(endpoint, written)], timedRequestTimeoutMs=timed
        )
        return int(results[0].Status)

    def _tagged(self, value: Any) -> Any:
        """What `plain` made of a TLV value, as it was; the SDK encodes the numbers as their fields say."""
        if isinstance(value, dict):
            if "bytes" in value:
                return bytes.fromhex(value["bytes"])
            return {int(tag): self._tagged(member) for tag, member in value.items()}
        if isinstance(value, list):
            return [self._tagged(member) for member in value]
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return self._uint(value)
        return value

    async def do_invoke(
        self,
        node: int,
        endpoint: int,
        cluster: int,
        command: int,
        fields: dict[str, Any] | None = None,
        timed: int | None = None,
    ) -> Any:
        """Invoke a command by ids, fields by the SDK's names; its response's fields by name, or None."""
        kind = next(
            kind
            for kind in vars(self._attribute._ClusterIndex[cluster].Commands).values()
            if getattr(kind, "command_id", None) == command and kind.is_client
        )
        answer = await self._controller.SendCommand(
            node, endpoint, kind(**(fields or {})), timedRequestTimeoutMs=timed
        )
        return None if answer is None else {name: plain(member) for name, member in vars(answer).items()}

    async def do_invoke_raw(
        self, node: int, endpoint: int, cluster: int, command: int, fields: dict[str, list[Any]]
    ) -> None:
        """Invoke a command that the SDK does not know: fields are [type, value] by context tag."""
        from dataclasses import make_dataclass

        from chip.clusters.ClusterObjects import (
            ClusterCommand,
            ClusterObjectDescriptor,
            ClusterObjectFieldDescriptor,
        )
        from chip.tlv import uint

        kinds = {"int": int, "uint": uint, "bool": bool, "string": str}
        told = {f"f{tag}": (int(tag), kinds[kind], value) for tag, (kind, value) in fields.items()}
        descriptor = ClusterObjectDescriptor(
            Fields=[ClusterObjectFieldDescriptor(Label=n, Tag=t, Type=k) for n, (t, k, _) in told.items()]
        )
        ids = {"cluster_id": cluster, "command_id": command, "is_client": True, "response_type": None}
        payload = make_dataclass(
            f"Raw{cluster:08x}{command:02x}",
            [(name, kind) for name, (_, kind, _) in told.items()],
            bases=(ClusterCommand,),
            namespace={**ids, "descriptor": descriptor},
        )
        values = {name: kind(value) for name, (_, kind, value) in told.items()}
        await self._controller.SendCommand(node, endpoint, payload(**values))

    # ------------------------------------------------------------ groups

    async def do_join_group(self, node: int, endpoint: int) -> int:
        """Put an endpoint into the group that the SDK knows for tests, with its keys; the group's id.

        The keys are those of the SDK's own group data for tests (src/lib/support/TestGroupData.h).
        """
        group, key_set = 0x0103, 0x01A3
        objects = self._clusters.Objects
        management, control = objects.GroupKeyManagement, objects.AccessControl
        self._controller.InitGroupTestingData()
        keys = [bytes([0xD0 + number, *range(0xD1, 0xE0)]) for number in range(3)]
        await self._controller.SendCommand(
            node,
            0,
            management.Commands.KeySetWrite(
                management.Structs.GroupKeySetStruct(
                    groupKeySetID=key_set,
                    groupKeySecurityPolicy=management.Enums.GroupKeySecurityPolicyEnum.kTrustFirst,
                    epochKey0=keys[0],
                    epochStartTime0=2220000,
                    epochKey1=keys[1],
                    epochStartTime1=2220001,
                    epochKey2=keys[2],
                    epochStartTime2=2220002,
                )
            ),
        )
        mapping = management.Structs.GroupKeyMapStruct(groupId=group, groupKeySetID=key_set)
        acl = (await self._controller.ReadAttribute(node, [(0, control.Attributes.Acl)]))[0]
        entry = control.Structs.AccessControlEntryStruct(
            privilege=control.Enums.AccessControlEntryPrivilegeEnum.kOperate,
            authMode=control.Enums.AccessControlEntryAuthModeEnum.kGroup,
            subjects=[group],
            targets=self._null,
        )
        entries = [*acl[control][control.Attributes.Acl], entry]
        written = await self._controller.WriteAttribute(
            node,
            [(0, management.Attributes.GroupKeyMap([mapping])), (0, control.Attributes.Acl(entries))],
        )
        joined = await self._controller.SendCommand(
            node, endpoint, objects.Groups.Commands.AddGroup(groupID=group, groupName="Loads")
        )
        refused = [int(each.Status) for each in (*written,) if each.Status] + [joined.status] * bool(
            joined.status
        )
        if refused:
            raise RuntimeError(f"refused with {refused}")
        return group

    async def do_invoke_group(self, group: int, cluster: int, command: int) -> None:
        """Send a command without fields to a group, by multicast; nobody answers."""
        kind = next(
            kind
            for kind in vars(self._attribute._ClusterIndex[cluster].Commands).values()
            if getattr(kind, "command_id", None) == command and kind.is_client
        )
        self._controller.SendGroupCommand(group, kind())

    # ------------------------------------------------------------ subscriptions

    async def do_subscribe(
        self,
        node: int,
        floor: int,
        ceiling: int,
        *,
        keep: bool = False,
        paths: list[list[int | None]] | None = None,
    ) -> dict[str, Any]:
        """Subscribe to every attribute and every event; reports are told as they come.

        With `paths` [[endpoint, cluster, attribute]...], None for all, to these attributes and to no event.
        """
        everything = paths is None
        transaction = await self._controller.Read(
            node,
            attributes=[
                self._attribute.AttributePath(EndpointId=endpoint, ClusterId=cluster, AttributeId=attribute)
                for endpoint, cluster, attribute in paths or [[None, None, None]]
            ],
            events=[()] if everything else None,
            reportInterval=(floor, ceiling),
            keepSubscriptions=keep,
        )
        number = next(self._sdk.subscription_numbers)
        self._subscriptions[number] = transaction
        transaction.SetAttributeUpdateCallback(None)
        transaction.SetRawAttributeUpdateCallback(
            lambda path, source: self._tell(
                "attribute",
                subscription=number,
                id=source.subscriptionId,
                path=[path.EndpointId, path.ClusterId, path.AttributeId],
                value=plain(source.GetTLVAttribute(path)),
            )
        )
        transaction.SetEventUpdateCallback(
            lambda result, source: self._tell(
                "event", subscription=number, id=source.subscriptionId, row=self._event_row(result)
            )
        )
        transaction.SetResubscriptionAttemptedCallback(
            lambda _, error, wait: self._tell("resubscribing", subscription=number, error=error, wait=wait)
        )
        transaction.SetResubscriptionSucceededCallback(
            lambda source: self._tell("resubscribed", subscription=number, id=source.subscriptionId)
        )
        transaction.SetErrorCallback(
            lambda error, _: self._tell("subscription-error", subscription=number, error=error)
        )
        primed = sum(1 for _ in _flat(transaction.GetTLVAttributes()))
        return {
            "subscription": number,
            "id": transaction.subscriptionId,
            "intervals": transaction.GetReportingIntervalsSeconds(),
            "primed": primed,
            "events": [self._event_row(result) for result in transaction.GetEvents()],
        }

    async def do_unsubscribe(self, subscription: int) -> None:
        """End a subscription on this side."""
        self._subscriptions.pop(subscription).Shutdown()

    def _tell(self, what: str, **more: Any) -> None:
        self._sdk.answers.tell(told=what, at=time.monotonic(), **more)

    def close(self) -> None:
        """End the subscriptions on this side."""
        for subscription in self._subscriptions.values():
            subscription.Shutdown()


def _flat(tree: dict[int, dict[int, dict[int, Any]]]) -> Any:
    for endpoint, clusters in tree.items():
        for cluster, attributes in clusters.items():
            for attribute, value in attributes.items():
                yield (endpoint, cluster, attribute), value


async def serve(sdk: Sdk, answers: Answers) -> None:
    """Answer requests, several at a time, until standard input ends."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 22)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    answers.tell(told="ready", at=time.monotonic())
    running: set[asyncio.Task[None]] = set()
    while line := await lines.readline():
        task = asyncio.create_task(sdk.answer(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    for task in running:
        task.cancel()


def main() -> None:
    """Serve the controller, and those that are added."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--storage", type=Path, required=True, help="folder of its certificate authority and counters"
    )
    parser.add_argument("--paa", type=Path, required=True, help="folder of trusted attestation roots (DER)")
    parser.add_argument("--fabric-id", type=int, default=1)
    parser.add_argument("--node-id", type=int, default=CONTROLLER_NODE_ID, help="of the first controller")
    parser.add_argument("--vendor-id", type=int, default=0xFFF1)
    parser.add_argument("--verbose", action="store_true", help="the SDK's own progress log")
    arguments = parser.parse_args()
    answers = Answers()
    sdk = Sdk(arguments, answers)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(sdk, answers))
    sdk.close()


if __name__ == "__main__":
    main()
