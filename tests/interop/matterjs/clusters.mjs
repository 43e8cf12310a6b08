// matter.js with a module of cluster definitions, asked by lines of JSON:
//
//     node clusters.mjs MODULE.mjs
//
// `at` is [cluster, "attributes" | "commands" | "responses" | "events", name]; values are matter.js's own.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { Matter, ValidateModel } from "@matter/main/model";
import { TlvOfModel } from "@matter/main/types";

const clusters = await import(pathToFileURL(process.argv[2]));
for (const { schema } of Object.values(clusters)) Matter.children.push(schema);

/** JSON.stringify's replacer: the tests' numbers are all safe. */
const plain = (_key, value) => (typeof value === "bigint" ? Number(value) : value);

function tlv([cluster, kind, name]) {
    if (kind === "responses") return TlvOfModel(clusters[cluster].commands[name].schema.responseModel);
    return TlvOfModel(clusters[cluster][kind][name].schema);
}

const named = elements => Object.values(elements).map(({ id, schema }) => [id, schema.name]);

const requests = {
    clusters: () =>
        Object.values(clusters).map(({ id, name, revision, attributes, commands, events, features, schema }) => ({
            id,
            name,
            revision,
            attributes: named(attributes),
            commands: named(commands),
            responses: Object.values(commands).map(({ schema }) => schema.responseModel?.id ?? null),
            events: named(events),
            features: Object.values(features).map(({ id, name }) => [id, name]),
            found: Matter.clusters(id)?.name,
            invalid: ValidateModel(schema).invalidElementCount,
        })),
    decode: ({ at, hex }) => tlv(at).decode(Uint8Array.from(Buffer.from(hex, "hex"))),
    encode: ({ at, value }) => Buffer.from(tlv(at).encode(value)).toString("hex"),
    constant: ({ at: [cluster, type, name] }) => clusters[cluster][type][name],
};

for await (const line of createInterface({ input: process.stdin })) {
    const { do: what, ...request } = JSON.parse(line);
    process.stdout.write(JSON.stringify({ result: requests[what](request) }, plain) + "\n");
}
