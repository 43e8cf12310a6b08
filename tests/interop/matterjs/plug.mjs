// A Matter plug with a meter, and a thermostat in the same device, on matter.js; asked by lines of JSON:
//
//     node plug.mjs --state FOLDER --passcode N --discriminator N --serial TEXT
//
// Endpoint 1 is an On/Off Plug-in Unit, endpoint 2 the Electrical Sensor that measures it (set topology),
// endpoint 3 a thermostat that heats. `{"id": 1, "do": "state"}` is answered with the truth about all of them,
// `load` sets what hangs on the plug, in watts, `press` is the plug's own button, `turn` sets the thermostat by hand.

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Endpoint, Environment, Logger, LogLevel, ServerNode, VendorId } from "@matter/main";
import { ElectricalEnergyMeasurementServer } from "@matter/main/behaviors/electrical-energy-measurement";
import { ElectricalPowerMeasurementServer } from "@matter/main/behaviors/electrical-power-measurement";
import { PowerTopologyServer } from "@matter/main/behaviors/power-topology";
import { ThermostatServer } from "@matter/main/behaviors/thermostat";
import { ElectricalPowerMeasurement, Thermostat } from "@matter/main/clusters";
import { OnOffPlugInUnitDevice } from "@matter/main/devices/on-off-plug-in-unit";
import { ThermostatDevice } from "@matter/main/devices/thermostat";
import { ElectricalSensorEndpoint } from "@matter/main/endpoints/electrical-sensor";
import { MeasurementType } from "@matter/main/types";

const { values: options } = parseArgs({
    options: {
        state: { type: "string" },
        passcode: { type: "string" },
        discriminator: { type: "string" },
        serial: { type: "string" },
    },
});

const VOLTS = 230;
const MILLISECONDS_PER_HOUR = 3_600_000;

const print = message => process.stdout.write(JSON.stringify(message) + "\n");

Logger.destinations.default.level = LogLevel.WARN;
Logger.destinations.default.write = text => process.stderr.write(text + "\n");
const environment = Environment.default;
environment.vars.set("storage.path", options.state);

const node = await ServerNode.create({
    id: options.serial,
    environment,
    commissioning: { passcode: Number(options.passcode), discriminator: Number(options.discriminator) },
    productDescription: { name: "Plug", deviceType: OnOffPlugInUnitDevice.deviceType },
    basicInformation: {
        vendorId: VendorId(0xfff1),
        vendorName: "Somebody",
        productId: 0x8001,
        productName: "Foreign Plug",
        serialNumber: options.serial,
        uniqueId: `unique-${options.serial}`,
    },
});

const accuracy = measurementType => ({
    measurementType, measured: true, minMeasuredValue: -100_000_000, maxMeasuredValue: 100_000_000,
    accuracyRanges: [{ rangeMin: -100_000_000, rangeMax: 100_000_000, percentMax: 100n }],
});

const plug = new Endpoint(OnOffPlugInUnitDevice, { id: "plug", number: 1, onOff: { onOff: true } });
const meter = new Endpoint(
    ElectricalSensorEndpoint.with(
        PowerTopologyServer.with("SetTopology"),
        ElectricalPowerMeasurementServer.with("AlternatingCurrent"),
        ElectricalEnergyMeasurementServer.with("CumulativeEnergy", "ImportedEnergy"),
    ),
    {
        id: "meter",
        number: 2,
        powerTopology: { availableEndpoints: [1] },
        electricalPowerMeasurement: {
            powerMode: ElectricalPowerMeasurement.PowerMode.Ac,
            numberOfMeasurementTypes: 1,
            accuracy: [accuracy(MeasurementType.ActivePower)],
            activePower: null,
            voltage: null,
            activeCurrent: null,
        },
        electricalEnergyMeasurement: {
            accuracy: accuracy(MeasurementType.ElectricalEnergy),
            cumulativeEnergyImported: null,
        },
    },
);
const thermostat = new Endpoint(ThermostatDevice.with(ThermostatServer.with("Heating")), {
    id: "thermostat",
    number: 3,
    thermostat: {
        localTemperature: 2050,
        occupiedHeatingSetpoint: 2100,
        systemMode: Thermostat.SystemMode.Heat,
        controlSequenceOfOperation: Thermostat.ControlSequenceOfOperation.HeatingOnly,
        thermostatRunningState: { heat: true },
    },
});
for (const endpoint of [plug, meter, thermostat]) await node.add(endpoint);

// ---------------------------------------------------------------- what hangs on the plug

let load = 1500;
let energy = 4_000_000;
let since = Date.now();

const watts = () => (plug.state.onOff.onOff ? load : 0);

async function measure(before) {
    energy += Math.round((before * 1000 * (Date.now() - since)) / MILLISECONDS_PER_HOUR);
    since = Date.now();
    await meter.set({
        electricalPowerMeasurement: {
            activePower: watts() * 1000,
            voltage: VOLTS * 1000,
            activeCurrent: Math.round((watts() / VOLTS) * 1000),
        },
        electricalEnergyMeasurement: { cumulativeEnergyImported: { energy } },
    });
}

plug.events.onOff.onOff$Changed.on(on => measure(on ? 0 : load));
await measure(0);
await node.start();

// ---------------------------------------------------------------- the process

const requests = {
    state: () => ({
        on: plug.state.onOff.onOff,
        watts: watts(),
        energy,
        mode: thermostat.state.thermostat.systemMode,
        setpoint: thermostat.state.thermostat.occupiedHeatingSetpoint,
        fabrics: node.state.commissioning.commissioned ? Object.keys(node.state.commissioning.fabrics).length : 0,
    }),
    async load({ watts: wanted }) {
        const before = watts();
        load = wanted;
        await measure(before);
    },
    turn: ({ setpoint }) => thermostat.set({ thermostat: { occupiedHeatingSetpoint: setpoint } }),
    press: () => plug.set({ onOff: { onOff: !plug.state.onOff.onOff } }),
};

const { qrPairingCode: qr, manualPairingCode: manual } = node.state.commissioning.pairingCodes;
print({ told: "ready", qr, manual });
for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: what, ...request } = JSON.parse(line);
    print({ id, result: (await requests[what](request)) ?? null });
}
await node.close();
process.exit(0);
