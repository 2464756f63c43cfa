//! Requests as loaders and firmware send them to port 69, byte for byte, and the first packet that each gets.

use std::{fs, time::Duration};

use tokio::task::spawn_blocking;

use super::{Lab, clients::Client};

/// The answer to a request of a file of 5000 bytes that wants no options.
const FIRST: &str = r"\x00\x03\x00\x01 and 512 bytes";
const NOT_FOUND: &str = r"\x00\x05\x00\x01File not found\x00";
const DENIED: &str = r"\x00\x05\x00\x02Permission denied\x00";
const ILLEGAL: &str = r"\x00\x05\x00\x04Illegal TFTP operation\x00";
const MODE: &str = r"\x00\x05\x00\x04ask in mode octet\x00";
const SILENCE: &str = "";

/// As firmware and loaders ask: options in their order and case.
const LOADERS: [(&str, &[u8], &str); 27] = [
    (
        "EDK2 looks at the size",
        b"\0\x01shimx64.efi\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0",
        r"\x00\x06blksize\x001468\x00tsize\x005000\x00windowsize\x004\x00",
    ),
    (
        "EDK2 fetches",
        b"\0\x01shimx64.efi\0octet\0blksize\x001468\0windowsize\x004\0",
        r"\x00\x06blksize\x001468\x00windowsize\x004\x00",
    ),
    (
        "EDK2 without windows",
        b"\0\x01shimx64.efi\0octet\0blksize\x001468\0",
        r"\x00\x06blksize\x001468\x00",
    ),
    (
        "EDK2 on jumbo frames",
        b"\0\x01shimx64.efi\0octet\0tsize\x000\0blksize\x008968\0windowsize\x004\0",
        r"\x00\x06blksize\x001468\x00tsize\x005000\x00windowsize\x004\x00",
    ),
    (
        "shim",
        b"\0\x01grubx64.efi\0octet\0tsize\x000\0blksize\x00512\0windowsize\x004\0",
        r"\x00\x06blksize\x00512\x00tsize\x005000\x00windowsize\x004\x00",
    ),
    (
        "shim's lists that are absent",
        b"\0\x01revocations_sbat.efi\0octet\0tsize\x000\0blksize\x00512\0windowsize\x004\0",
        NOT_FOUND,
    ),
    (
        "shim with two slashes",
        b"\0\x01//grubx64.efi\0octet\0blksize\x00512\0windowsize\x004\0",
        r"\x00\x06blksize\x00512\x00windowsize\x004\x00",
    ),
    // rhboot/shim#666: it goes on after an error, and hangs in silence.
    (
        "shim with a name of another's memory",
        b"\0\x01grub/\x82Onboard\0octet\0blksize\x00512\0",
        NOT_FOUND,
    ),
    (
        "GRUB",
        b"\0\x01/grub/grub.cfg\0octet\0blksize\x001024\0tsize\x000\0",
        r"\x00\x06blksize\x001024\x00tsize\x005000\x00",
    ),
    (
        "GRUB's modules that are absent",
        b"\0\x01/grub/x86_64-efi/command.lst\0octet\0blksize\x001024\0tsize\x000\0",
        NOT_FOUND,
    ),
    (
        "iPXE",
        b"\0\x01undionly.kpxe\0octet\0blksize\x001432\0tsize\x000\0",
        r"\x00\x06blksize\x001432\x00tsize\x005000\x00",
    ),
    ("iPXE's own script", b"\0\x01autoexec.ipxe\0octet\0blksize\x001432\0tsize\x000\0", NOT_FOUND),
    (
        "iPXE that asks for a group",
        b"\0\x01undionly.kpxe\0octet\0blksize\x001432\0tsize\x000\0multicast\0\0",
        r"\x00\x06blksize\x001432\x00tsize\x005000\x00",
    ),
    (
        "U-Boot",
        b"\0\x01u-boot.img\0octet\0timeout\x005\0blksize\x001468\0",
        r"\x00\x06blksize\x001468\x00timeout\x005\x00",
    ),
    (
        "U-Boot with a size that it guesses",
        b"\0\x01u-boot.img\0octet\0timeout\x005\0tsize\x008192\0blksize\x001468\0",
        r"\x00\x06blksize\x001468\x00timeout\x005\x00tsize\x005000\x00",
    ),
    ("U-Boot's directory", b"\0\x01dtb/\0octet\0timeout\x005\0blksize\x001468\0", NOT_FOUND),
    (
        "U-Boot's directory that is there",
        b"\0\x01grub/\0octet\0timeout\x005\0blksize\x001468\0",
        NOT_FOUND,
    ),
    (
        "an EFI application below U-Boot",
        b"\0\x01/tk\\snp-arm64.efi\0octet\0blksize\x001468\0",
        r"\x00\x06blksize\x001468\x00",
    ),
    (
        "Raspberry Pi",
        b"\0\x01d83add36/start4.elf\0octet\0tsize\x000\0blksize\x001024\0",
        r"\x00\x06blksize\x001024\x00tsize\x005000\x00",
    ),
    (
        "Raspberry Pi's first ROM",
        b"\0\x01bootcode.bin\0octet\0tsize\x000\0",
        r"\x00\x06tsize\x005000\x00",
    ),
    (
        "Raspberry Pi's files that are absent",
        b"\0\x01d83add36/dt-blob.bin\0octet\0tsize\x000\0",
        NOT_FOUND,
    ),
    (
        "PXELINUX",
        b"\0\x01pxelinux.cfg/01-52-54-00-ee-0d-0b\0octet\0tsize\x000\0blksize\x001408\0",
        NOT_FOUND,
    ),
    (
        "Windows' boot manager",
        b"\0\x01\\tk\\snp-arm64.efi\0octet\0tsize\x000\0blksize\x001456\0windowsize\x008\0",
        r"\x00\x06blksize\x001456\x00tsize\x005000\x00windowsize\x008\x00",
    ),
    // These ROMs read option 67 as far as the next NUL.
    ("an old ROM with a byte behind the name", b"\0\x01undionly.kpxe\xff\0octet\0", FIRST),
    ("an old ROM without the last NUL", b"\0\x01undionly.kpxe\0octet", FIRST),
    ("an old ROM with padding", b"\0\x01undionly.kpxe\0octet\0\0\0\0\0\0\0", FIRST),
    (
        "tftp-hpa's option",
        b"\0\x01undionly.kpxe\0OCTET\0UTimeout\x00100000\0BLKSIZE\x00600\0",
        r"\x00\x06blksize\x00600\x00",
    ),
];

/// Whatever else is sent.
const OTHERS: [(&str, &[u8], &str); 28] = [
    (
        "a byte behind the options",
        b"\0\x01u-boot.img\0octet\0tsize\x000\0\xff",
        r"\x00\x06tsize\x005000\x00",
    ),
    ("an option without a value", b"\0\x01u-boot.img\0octet\0blksize\0", FIRST),
    (
        "a value without an end",
        b"\0\x01u-boot.img\0octet\0blksize\x001024",
        r"\x00\x06blksize\x001024\x00",
    ),
    (
        "twice",
        b"\0\x01u-boot.img\0octet\0blksize\x00600\0blksize\x00700\0",
        r"\x00\x06blksize\x00600\x00",
    ),
    ("a block of 7", b"\0\x01u-boot.img\0octet\0blksize\x007\0", FIRST),
    ("a block of 8", b"\0\x01u-boot.img\0octet\0blksize\x008\0", r"\x00\x06blksize\x008\x00"),
    (
        "a block of 65465",
        b"\0\x01u-boot.img\0octet\0blksize\x0065465\0",
        r"\x00\x06blksize\x001468\x00",
    ),
    ("a block of -1", b"\0\x01u-boot.img\0octet\0blksize\x00-1\0", FIRST),
    (
        "a block of 00512",
        b"\0\x01u-boot.img\0octet\0blksize\x0000512\0",
        r"\x00\x06blksize\x00512\x00",
    ),
    (
        "no time",
        b"\0\x01u-boot.img\0octet\0timeout\x000\0tsize\x000\0",
        r"\x00\x06tsize\x005000\x00",
    ),
    (
        "the longest time",
        b"\0\x01u-boot.img\0octet\0timeout\x00255\0",
        r"\x00\x06timeout\x00255\x00",
    ),
    ("too long a time", b"\0\x01u-boot.img\0octet\0timeout\x00256\0", FIRST),
    ("no window", b"\0\x01u-boot.img\0octet\0windowsize\x000\0", FIRST),
    (
        "the largest window",
        b"\0\x01u-boot.img\0octet\0windowsize\x0065535\0",
        r"\x00\x06windowsize\x0064\x00",
    ),
    ("unknown options", b"\0\x01u-boot.img\0octet\0fast\x001\0\0\0", FIRST),
    (
        "the size of a text",
        b"\0\x01u-boot.img\0netascii\0tsize\x000\0blksize\x00600\0",
        r"\x00\x06blksize\x00600\x00",
    ),
    ("mail", b"\0\x01u-boot.img\0mail\0", MODE),
    ("no mode", b"\0\x01u-boot.img\0", ILLEGAL),
    ("no name", b"\0\x01\0octet\0", NOT_FOUND),
    ("a way out", b"\0\x01../../etc/passwd\0octet\0", DENIED),
    ("another way out", b"\0\x01..\\..\\etc\\passwd\0octet\0", DENIED),
    ("a link out", b"\0\x01out\0octet\0", DENIED),
    ("a pipe", b"\0\x01pipe\0octet\0", DENIED),
    ("to be written", b"\0\x02u-boot.img\0octet\0tsize\x005\0", DENIED),
    ("an OACK", b"\0\x06blksize\x00512\0", ILLEGAL),
    ("no operation", b"\0\x07", ILLEGAL),
    ("a byte", b"\0", ILLEGAL),
    ("an ERROR", b"\0\x05\0\x08User aborted the transfer\0", SILENCE),
];

fn shown(packet: &[u8]) -> String {
    match packet.split_at_checked(4) {
        Some((head @ [0, 3, ..], data)) => {
            format!("{} and {} bytes", head.escape_ascii(), data.len())
        }
        _ => packet.escape_ascii().to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_answers() {
    let lab = Lab::new();
    let root = lab.path();
    for directory in ["grub", "tk", "d83add36"] {
        fs::create_dir(root.join(directory)).unwrap();
    }
    for file in [
        "shimx64.efi",
        "grubx64.efi",
        "grub/grub.cfg",
        "undionly.kpxe",
        "u-boot.img",
        "tk/snp-arm64.efi",
        "d83add36/start4.elf",
        "bootcode.bin",
    ] {
        fs::write(root.join(file), [b'x'; 5000]).unwrap();
    }
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let server = lab.server;
    let talk = spawn_blocking(move || {
        for (name, request, expect) in LOADERS.into_iter().chain(OTHERS) {
            let mut client = Client::new(server);
            client.says(request);
            if expect == SILENCE {
                client.hears_nothing(Duration::from_millis(200));
                continue;
            }
            let got = shown(&client.hears());
            assert_eq!(got, expect, "{name}: {}", request.escape_ascii());
            client.says(b"\0\x05\0\0\0");
        }
    });
    talk.await.unwrap();
    lab.end().await;
}
