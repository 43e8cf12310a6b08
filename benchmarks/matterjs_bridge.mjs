// The yardstick: a matter.js bridge with N plugs, each with a measured power, started and read like the hub.
//
//     node matterjs_bridge.mjs STATE_FOLDER N        (in a folder where @matter/main is installed)

import { DeviceTypeId, Endpoint, Environment, ServerNode, VendorId } from "@matter/main";
import { BridgedDeviceBasicInformationServer } from "@matter/main/behaviors/bridged-device-basic-information";
import { ElectricalPowerMeasurementServer } from "@matter/main/behaviors/electrical-power-measurement";
import { OnOffPlugInUnitDevice } from "@matter/main/devices/on-off-plug-in-unit";
import { AggregatorEndpoint } from "@matter/main/endpoints/aggregator";

const [state, count] = process.argv.slice(2);
Environment.default.vars.set("storage.path", state);
Environment.default.vars.set("log.level", "error");

const node = await ServerNode.create({
    id: "bridge",
    network: { port: 5540 },
    commissioning: { passcode: 20202021, discriminator: 3840 },
    productDescription: { name: "yardstick", deviceType: DeviceTypeId(AggregatorEndpoint.deviceType) },
    basicInformation: { vendorId: VendorId(0xfff1), vendorName: "yardstick", productId: 0x8000, productName: "yardstick" },
});
const aggregator = new Endpoint(AggregatorEndpoint, { id: "aggregator" });
await node.add(aggregator);

const Plug = OnOffPlugInUnitDevice.with(
    BridgedDeviceBasicInformationServer,
    ElectricalPowerMeasurementServer.with("AlternatingCurrent"),
);
const range = { rangeMin: -1e7, rangeMax: 1e7, percentMax: 100 };
for (let number = 0; number < Number(count); number++) {
    await aggregator.add(new Endpoint(Plug, {
        id: `plug${number}`,
        bridgedDeviceBasicInformation: { nodeLabel: `plug ${number}`, serialNumber: `${number}`, uniqueId: `${number}`, reachable: true },
        electricalPowerMeasurement: {
            powerMode: 2,
            numberOfMeasurementTypes: 1,
            accuracy: [{ measurementType: 5, measured: true, minMeasuredValue: -1e7, maxMeasuredValue: 1e7, accuracyRanges: [range] }],
            activePower: 0,
        },
    }));
}
await node.start();

const { qrPairingCode, manualPairingCode } = node.state.commissioning.pairingCodes;
console.log(`Commissionable: yes\nSetupQRCode: [${qrPairingCode}]\nManual pairing code: [${manualPairingCode}]`);
