// A strict Matrix client that does what it is told and says what it could read: one JSON object per line, in and out.
// It stands for the client a member uses, written by nobody of this house: matrix-js-sdk with the Rust encryption.

import { createInterface } from "node:readline";

// What the library says goes to stderr: stdout is for our lines alone.
for (const level of ["log", "info", "debug", "warn", "trace"]) console[level] = (...said) => console.error(...said);

// The library asks for Node 22; this is all that Node 20 lacks.
Promise.withResolvers ??= () => {
    let resolve, reject;
    const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
    return { promise, resolve, reject };
};

const sdk = await import("matrix-js-sdk");
const { OnlySignedDevicesIsolationMode, AllDevicesIsolationMode } = await import("matrix-js-sdk/lib/crypto-api/index.js");
const { logger } = await import("matrix-js-sdk/lib/logger.js");
logger.setLevel?.("silent");

const SHIELDS = ["none", "grey", "red"];
const PATIENCE_MS = 15000;

let client;
let accepts = false;

function say(line) {
    process.stdout.write(JSON.stringify(line) + "\n");
}

async function until(what, why) {
    const deadline = Date.now() + PATIENCE_MS;
    while (!what()) {
        if (Date.now() > deadline) throw new Error(why);
        await new Promise((go) => setTimeout(go, 20));
    }
}

async function shield(event) {
    const info = await client.getCrypto().getEncryptionInfoForEvent(event);
    return { shield: info ? SHIELDS[info.shieldColour] : null, shield_reason: info?.shieldReason ?? null };
}

async function report(event) {
    const where = { room: event.getRoomId(), event_id: event.getId(), sender: event.getSender() };
    if (event.isDecryptionFailure()) {
        say({ event: "unreadable", ...where, code: event.decryptionFailureReason });
    } else if (event.getType() === "m.room.message") {
        const { body, msgtype } = event.getContent();
        say({ event: "message", ...where, body, msgtype, encrypted: event.isEncrypted(), ...(await shield(event)) });
    }
}

function listen() {
    client.on(sdk.RoomEvent.Timeline, async (event, _room, _toStart, removed, data) => {
        if (removed || !data?.liveEvent) return;
        if (event.isEncrypted()) await client.decryptEventIfNeeded(event);
        await report(event);
    });
    client.on(sdk.MatrixEventEvent.Decrypted, async (event) => {
        if (event.wasUnreadable && !event.isDecryptionFailure()) await report(event);
        event.wasUnreadable = event.isDecryptionFailure();
    });
    client.on(sdk.RoomEvent.MyMembership, async (room, membership) => {
        say({ event: "membership", room: room.roomId, membership });
        if (membership === "invite" && accepts) await client.joinRoom(room.roomId);
    });
}

const deeds = {
    // Sign in as a new device. `sign`: make cross-signing keys and sign the device with them, as Element does by
    // itself. `strict`: neither read from nor write to devices their owners have not signed.
    async login({ homeserver, user, password, sign = true, strict = true, accept = false }) {
        const door = sdk.createClient({ baseUrl: homeserver });
        const signedIn = await door.loginRequest({
            type: "m.login.password",
            identifier: { type: "m.id.user", user },
            password,
            initial_device_display_name: "Hearth peer",
        });
        client = sdk.createClient({
            baseUrl: homeserver,
            userId: signedIn.user_id,
            deviceId: signedIn.device_id,
            accessToken: signedIn.access_token,
        });
        accepts = accept;
        await client.initRustCrypto({ useIndexedDB: false });
        const crypto = client.getCrypto();
        crypto.setDeviceIsolationMode(strict ? new OnlySignedDevicesIsolationMode() : new AllDevicesIsolationMode(false));
        listen();
        await client.startClient({ initialSyncLimit: 20, disablePresence: true, pollTimeout: 10000 });
        await until(() => client.getSyncState() === "SYNCING" || client.getSyncState() === "PREPARED", "no first sync");
        if (sign) await deeds.sign({ password });
        return { user_id: signedIn.user_id, device_id: signedIn.device_id };
    },

    async sign({ password }) {
        const user = client.getUserId();
        const confirm = async (upload) => {
            try {
                return await upload(null);
            } catch (refused) {
                const session = refused?.data?.session;
                if (!session) throw refused;
                const identifier = { type: "m.id.user", user };
                return await upload({ type: "m.login.password", identifier, password, session });
            }
        };
        await client.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys: confirm });
        return { ready: await client.getCrypto().isCrossSigningReady() };
    },

    async join({ room }) {
        await client.joinRoom(room);
        await until(() => client.getRoom(room)?.getMyMembership() === "join", "the room did not come");
        return {};
    },

    // The devices of somebody that this client has heard of.
    async devices({ user }) {
        const known = await client.getCrypto().getUserDeviceInfo([user]);
        return { devices: [...(known.get(user)?.keys() ?? [])] };
    },

    async send({ room, body, msgtype = "m.text" }) {
        await until(() => client.getRoom(room)?.hasEncryptionStateEvent(), "the room is not encrypted");
        const sent = await client.sendMessage(room, { msgtype, body });
        return { event_id: sent.event_id };
    },

    // Sign out, so that no lost device stays in the member's list.
    async logout() {
        await client?.logout(true);
        return {};
    },

    async stop() {
        client?.stopClient();
        return {};
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: deed, ...rest } = JSON.parse(line);
    try {
        say({ id, ...(await deeds[deed](rest)) });
    } catch (error) {
        say({ id, error: String(error?.message ?? error) });
    }
}
process.exit(0);
