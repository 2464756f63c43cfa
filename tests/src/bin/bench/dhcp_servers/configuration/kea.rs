use netboot_tests::{lab::INTERFACE, load::Load, wire::SERVER};
use serde_json::{Value, json};

use super::{BINARY, SCRIPT_URL};

pub(crate) fn configuration(load: &Load) -> Value {
    let reservations: Vec<Value> = load
        .machines()
        .enumerate()
        .map(|(index, (mac, ip))| {
            json!({ "hw-address": mac, "ip-address": ip, "hostname": format!("machine{index}") })
        })
        .collect();
    json!({ "Dhcp4": {
        // All requests are relayed: the socket type that costs Kea less.
        "interfaces-config": { "interfaces": [INTERFACE], "dhcp-socket-type": "udp" },
        "lease-database": { "type": "memfile", "persist": false },
        "multi-threading": { "enable-multi-threading": true },
        "host-reservation-identifiers": ["hw-address"],
        "authoritative": true,
        "valid-lifetime": 86400,
        "client-classes": [
            { "name": "script", "test": "option[77].hex == 'Tinkerbell'", "boot-file-name": SCRIPT_URL },
            { "name": "binary", "test": "not member('script')", "boot-file-name": BINARY },
        ],
        "subnet4": [{
            "id": 1,
            "subnet": "10.99.0.0/16",
            "next-server": SERVER,
            "option-data": [
                { "name": "routers", "data": SERVER },
                { "name": "domain-name-servers", "data": "8.8.8.8, 1.1.1.1" },
            ],
            // Nothing but reservations: no pool is searched.
            "reservations-in-subnet": true,
            "reservations-out-of-pool": true,
            "reservations": reservations,
        }],
        "loggers": [{
            "name": "kea-dhcp4",
            "severity": "ERROR",
            "output_options": [{ "output": "stderr" }],
        }],
    }})
}
