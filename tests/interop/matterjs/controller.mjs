// A Matter controller on matter.js, driven by lines of JSON: the same requests, answers and tellings as
// sdk_controller.py, whose docstring describes them.
//
//     node controller.mjs --state FOLDER --trust FOLDER --fabric-id N --node-id N [--verbose]
//
// Values are matter.js's own: structs with camelCase names; bytes travel as {"bytes": "hex"}.

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Bytes, Crypto, Environment, Logger, LogLevel, Millis, Seconds, ServerNode } from "@matter/main";
import * as Clusters from "@matter/main/clusters";
import { ClusterElement, ClusterModel, CommandElement, FieldElement, Matter } from "@matter/main/model";
import { ControllerBehavior } from "@matter/main/node";
import {
    ClientInteraction, DclCertificateService, Invoke, PaseClient, PeerSet, Read, SessionManager, Subscribe, Write,
} from "@matter/main/protocol";
import {
    ClusterType, CommissioningFlowType, DiscoveryCapabilitiesSchema, FabricId, ManualPairingCodeCodec, NodeId, QrPairingCodeCodec, Status, TlvOfModel, VendorId,
} from "@matter/main/types";

const { values: options } = parseArgs({
    options: {
        state: { type: "string" },
        trust: { type: "string" },
        "fabric-id": { type: "string", default: "1" },
        "vendor-id": { type: "string", default: "65521" },
        verbose: { type: "boolean", default: false },
    },
});

const TIMED_INTERACTION = Seconds(10);
const PASSCODE_ITERATIONS = 1000;
const UNTHROTTLED = { network: "unlimited" };
const SUBJECT_KEY_IDENTIFIER = "0603551d0e04160414";

const now = () => Number(process.hrtime.bigint()) / 1e9;
const print = message => process.stdout.write(JSON.stringify(message, plain) + "\n");
const tell = (told, more) => print({ told, at: now(), ...more });

/** JSON.stringify's replacer: what JSON has no word for. */
function plain(_key, value) {
    if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    if (value instanceof Uint8Array || value instanceof ArrayBuffer) return { bytes: Bytes.toHex(value) };
    return value;
}

// ---------------------------------------------------------------- start

// A payload that does not decode is only logged by matter.js: the log is where the tests learn of it.
let undecoded = [];
Logger.destinations.default.level = LogLevel.WARN;
Logger.destinations.default.write = text => {
    if (/Error decoding|Skipping malformed/.test(text)) undecoded.push(text);
    process.stderr.write(text + "\n");
};
if (options.verbose) Logger.destinations.default.level = LogLevel.DEBUG;

const environment = Environment.default;
environment.vars.set("storage.path", options.state);

/** Certificates of a folder as matter.js seeds its trust store. */
async function* trusted(folder) {
    for (const file of readdirSync(folder)) {
        const derHex = readFileSync(join(folder, file)).toString("hex");
        const identifier = derHex.indexOf(SUBJECT_KEY_IDENTIFIER) + SUBJECT_KEY_IDENTIFIER.length;
        yield { kind: "test", derHex, subjectKeyId: derHex.slice(identifier, identifier + 40) };
    }
}

// No ledger is asked: the namespace has no way out, and a refused port says so at once.
const nowhere = { url: "http://127.0.0.1:9" };
const source = folder => ({ builtAt: new Date().toISOString(), entries: trusted(join(options.trust, folder)) });
const certificates = new DclCertificateService(environment, {
    fetchTestCertificates: true,
    fetchGithubCertificates: false,
    updateInterval: null,
    dclConfig: nowhere,
    testDclConfig: nowhere,
    seed: { paaRoots: source("paa"), cdSigners: source("cd") },
});
await certificates.construction;

const controller = await ServerNode.create(ServerNode.RootEndpoint.with(ControllerBehavior), {
    id: "controller",
    environment,
    network: { port: 0 },
    commissioning: { enabled: false },
    basicInformation: { vendorId: VendorId(Number(options["vendor-id"])), vendorName: "interop", productName: "matter.js" },
    controller: { adminFabricLabel: "matter.js", adminFabricId: FabricId(BigInt(options["fabric-id"])), ble: false },
});
await controller.start();

// ---------------------------------------------------------------- what it needs to know about nodes

const subscriptions = new Map();
let lastSubscription = 0;

function peerOf(node) {
    const peer = [...controller.peers].find(({ peerAddress }) => peerAddress?.nodeId === NodeId(BigInt(node)));
    if (peer === undefined) throw new Error(`node ${node} is not commissioned`);
    return peer;
}

/** The wire, without matter.js's cache of the node: every read is sent. */
function wire(node) {
    const { env, peerAddress } = peerOf(node);
    return new ClientInteraction({ environment: env, exchangeProvider: env.get(PeerSet).for(peerAddress).exchangeProvider });
}

const path = ({ endpoint, cluster, attribute, event }) => {
    const full = { endpointId: endpoint, clusterId: cluster, attributeId: attribute, eventId: event };
    return Object.fromEntries(Object.entries(full).filter(([, id]) => id !== undefined && id !== null));
};
const attributeRow = ({ path: { endpointId, clusterId, attributeId } }) => [endpointId, clusterId, attributeId];
const eventRow = ({ number, path: { endpointId, clusterId, eventId }, priority, value }) =>
    [number, endpointId, clusterId, eventId, priority, value];

async function* reports(result) {
    for await (const chunk of result) for await (const report of chunk) yield report;
}

function decodeSetupCode(code) {
    return code.startsWith("MT:")
        ? (({ passcode, discriminator }) => ({ passcode, longDiscriminator: discriminator }))(QrPairingCodeCodec.decode(code)[0])
        : (({ passcode, shortDiscriminator }) => ({ passcode, shortDiscriminator }))(ManualPairingCodeCodec.decode(code));
}

// ---------------------------------------------------------------- requests

const requests = {
    async commission({ node, code }) {
        const started = now();
        const findings = [];
        await controller.peers.commission({
            ...decodeSetupCode(code),
            nodeId: NodeId(BigInt(node)),
            timeout: Seconds(30),
            autoSubscribe: false,
            autoStateInitialize: false,
            onAttestationFailure: found => {
                findings.push(...found.map(({ level, type, message }) => ({ level, type, message })));
                return found.every(({ level }) => level === "info");
            },
        });
        return { seconds: now() - started, findings };
    },

    async open_window({ node, seconds, discriminator = 3842 }) {
        const crypto = environment.get(Crypto);
        const passcode = PaseClient.generateRandomPasscode(crypto);
        const salt = randomBytes(32);
        const verifier = await PaseClient.generatePakePasscodeVerifier(crypto, passcode, { iterations: PASSCODE_ITERATIONS, salt });
        await requests.invoke({
            node, endpoint: 0, cluster: 0x3c, command: 0, timed: 10000,
            fields: { commissioningTimeout: seconds, pakePasscodeVerifier: verifier, discriminator, iterations: PASSCODE_ITERATIONS, salt },
        });
        return {
            passcode,
            manual: ManualPairingCodeCodec.encode({ discriminator, passcode }),
            qr: QrPairingCodeCodec.encode([{
                version: 0, vendorId: VendorId(0), productId: 0, flowType: CommissioningFlowType.Standard,
                discoveryCapabilities: DiscoveryCapabilitiesSchema.encode({ onIpNetwork: true }), discriminator, passcode,
            }]),
        };
    },

    async fabrics({ node }) {
        const { attributes } = await requests.read({ node, endpoint: 0, cluster: 0x3e, attribute: 1, fabric_filtered: false });
        return attributes[0][3].map(({ fabricIndex, fabricId, nodeId, vendorId, label, rootPublicKey }) => ({
            index: fabricIndex, fabric: fabricId, node: nodeId, vendor: vendorId, label, root: Bytes.toHex(rootPublicKey),
        }));
    },

    remove_fabric: ({ node, index }) => requests.invoke({ node, endpoint: 0, cluster: 0x3e, command: 0x0a, fields: { fabricIndex: index } }),

    async connect({ node, fresh = true, seconds = 15 }) {
        const { env, peerAddress } = peerOf(node);
        if (fresh) await env.get(SessionManager).handlePeerLoss(peerAddress, {});
        const started = now();
        for await (const _ of reports(wire(node).read({
            ...Read({ attributes: [path({ endpoint: 0, cluster: 0x28, attribute: 0 })] }), ...UNTHROTTLED,
        }, undefined, AbortSignal.timeout(seconds * 1000))));
        return { session: env.get(SessionManager).maybeSessionFor(peerAddress)?.id, seconds: now() - started };
    },

    async read({ node, endpoint, cluster, attribute, fabric_filtered = true }) {
        const attributes = [], failures = [], unknown = [];
        undecoded = [];
        const request = { ...Read({ attributes: [path({ endpoint, cluster, attribute })], fabricFilter: fabric_filtered }), ...UNTHROTTLED };
        for await (const report of reports(wire(node).read(request))) {
            const where = attributeRow(report);
            if (report.kind !== "attr-value") {
                failures.push([...where, Status[report.status]]);
                continue;
            }
            attributes.push([...where, report.value]);
            if (Matter.clusters(where[1])?.attributes(where[2]) === undefined && Matter.attributes(where[2]) === undefined)
                unknown.push(where);
        }
        failures.push(...undecoded.map(text => [null, null, null, text]));
        return { attributes, failures, unknown };
    },

    async read_events({ node, endpoint, cluster, event }) {
        const rows = [];
        for await (const report of reports(wire(node).read({ ...Read({ events: [path({ endpoint, cluster, event })] }), ...UNTHROTTLED })))
            if (report.kind === "event-value") rows.push(eventRow(report));
        return rows;
    },

    async write({ node, endpoint, cluster, attribute, value, timed }) {
        const data = TlvOfModel(Matter.clusters(cluster).attributes(attribute)).encodeTlv(value);
        const [{ status }] = await wire(node).write({ ...UNTHROTTLED, ...Write({
            writes: [{ path: path({ endpoint, cluster, attribute }), data }],
            ...(timed === undefined ? {} : { timed: true, timeout: Millis(timed) }),
        }) });
        return status;
    },

    async invoke({ node, endpoint, cluster, command, fields, timed }) {
        const definition = Object.values(Clusters).find(({ id }) => id === cluster);
        const [name] = Object.entries(definition.commands).find(([, { id }]) => id === command);
        const request = Invoke({
            commands: [{ endpoint, cluster: definition, command: name, fields }],
            ...(timed === undefined ? {} : { timed: true, timeout: Millis(timed) }),
        });
        for await (const report of reports(wire(node).invoke({ ...request, ...UNTHROTTLED }))) {
            if (report.kind === "cmd-response") return report.data ?? null;
            if (report.status !== Status.Success)
                throw Object.assign(new Error(Status[report.status]), { status: report.status, clusterStatus: report.clusterStatus });
        }
        return null;
    },

    async invoke_raw({ node, endpoint, cluster, command, fields }) {
        const names = { int: "int64", uint: "uint64", bool: "bool", string: "string" };
        const members = Object.entries(fields).map(([tag, [kind]]) => FieldElement({ name: `F${tag}`, id: Number(tag), type: names[kind] }));
        const model = CommandElement({ name: "Raw", id: command, direction: "request", response: "status", access: "O", conformance: "M" }, ...members);
        const definition = ClusterType(new ClusterModel(ClusterElement({ name: "Raw", id: cluster, classification: "application" }, model)));
        const values = Object.fromEntries(Object.entries(fields).map(([tag, [, value]]) => [`f${tag}`, value]));
        const request = Invoke({ commands: [{ endpoint, cluster: definition, command: "raw", fields: members.length ? values : undefined }] });
        for await (const report of reports(wire(node).invoke({ ...request, ...UNTHROTTLED })))
            if (report.status !== Status.Success)
                throw Object.assign(new Error(Status[report.status]), { status: report.status, clusterStatus: report.clusterStatus });
        return null;
    },

    async subscribe({ node, floor, ceiling, keep = false }) {
        const number = ++lastSubscription;
        let primed = 0;
        const events = [];
        let priming = true;
        const told = async result => {
            for await (const report of reports(result)) {
                if (report.kind === "attr-value" && priming) primed += 1;
                else if (report.kind === "attr-value")
                    tell("attribute", { subscription: number, id: held.subscriptionId, path: attributeRow(report), value: report.value });
                else if (report.kind === "event-value" && priming) events.push(eventRow(report));
                else if (report.kind === "event-value")
                    tell("event", { subscription: number, id: held.subscriptionId, row: eventRow(report) });
            }
        };
        const held = await wire(node).subscribe({
            ...Subscribe({
                attributes: [{}],
                events: [{}],
                keepSubscriptions: keep,
                minIntervalFloor: Seconds(floor),
                maxIntervalCeiling: Seconds(ceiling),
            }),
            ...UNTHROTTLED,
            updated: told,
            closed: () => tell("subscription-closed", { subscription: number }),
        });
        priming = false;
        subscriptions.set(number, held);
        return { subscription: number, id: held.subscriptionId, intervals: [floor, held.maxInterval], primed, events };
    },

    async unsubscribe({ subscription }) {
        subscriptions.get(subscription).close();
        subscriptions.delete(subscription);
        return null;
    },
};

// ---------------------------------------------------------------- the process

async function answer({ id, do: what, ...request }) {
    try {
        print({ id, result: (await requests[what](request)) ?? null });
    } catch (error) {
        print({ id, error: { kind: error.constructor.name, text: error.message, status: error.status ?? error.code ?? null } });
    }
}

tell("ready");
for await (const line of createInterface({ input: process.stdin })) void answer(JSON.parse(line));
await controller.close();
await certificates.close();
process.exit(0);
