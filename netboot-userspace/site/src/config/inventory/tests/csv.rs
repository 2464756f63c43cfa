//! CSV inventories that are read or refused.

use super::{check, check_hosts, hosts};

const ONE: &str = "mac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\nnetboot = true\n";

#[test]
fn read() {
    let check = |text: &str, expect: &[&str]| check_hosts("a.csv", text, expect, &[]);
    check("mac,ip\n52:54:00:00:00:01,10.0.0.11\n", &[ONE]);
    check("ip,mac\n10.0.0.11,52-54-00-00-00-01", &[ONE]);
    check("\u{feff}MAC ,\"IP\"\r\n\"525400000001\" , 10.0.0.11\r\n", &[ONE]);
    let several = "mac = [\"52:54:00:00:00:01\", \"52:54:00:00:00:02\"]\nip = \"10.0.0.11\"\nnetboot = true\n";
    check("mac,ip\n52:54:00:00:00:01 52:54:00:00:00:02,10.0.0.11\n", &[several; 2]);
    check("mac,ip\n525400000001;5254.0000.0002;,10.0.0.11\n", &[several; 2]);
    check("# all\n\nmac,ip,hostname\n# one\n5254.0000.0001,10.0.0.11,\n,,\n", &[ONE]);
    let all = "mac,ip,hostname,netboot,script,boot-file,lease-time,routers,dns,ntp,domain,search,\
               routes,mtu,arch,kernel,initrd,download-url,facility,worker-id,tink-worker-image,consoles,kernel-params\n\
               52:54:00:00:00:01,10.0.0.11,one,no,\"#!ipxe\n# a,\"\"b\"\"\",own.efi,1h,10.0.0.3,\
               10.0.0.4 10.0.0.5;10.0.0.6,10.0.0.7,lab.test,a.test b.test,\
               10.1.0.0/16=10.0.0.8;0.0.0.0/0=10.0.0.3,9000,aarch64,k,i,http://m/,f,w,t:1,\
               \"tty0 ttyS1,115200\",a=1 b\n";
    let expect = "mac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\nhostname = \"one\"\n\
                  netboot = false\nscript = \"\"\"\n#!ipxe\n# a,\"b\"\"\"\"\nboot-file = \"own.efi\"\nlease-time = \"1h\"\n\
                  routers = [\"10.0.0.3\"]\ndns = [\"10.0.0.4\", \"10.0.0.5\", \"10.0.0.6\"]\n\
                  ntp = [\"10.0.0.7\"]\ndomain = \"lab.test\"\nsearch = [\"a.test\", \"b.test\"]\nmtu = 9000\n\n\
                  [[routes]]\ndestination = \"10.1.0.0/16\"\nrouter = \"10.0.0.8\"\n\n\
                  [[routes]]\ndestination = \"0.0.0.0/0\"\nrouter = \"10.0.0.3\"\n\n\
                  [script-settings]\ndownload-url = \"http://m/\"\narch = \"aarch64\"\nkernel = \"k\"\n\
                  initrd = \"i\"\nfacility = \"f\"\nworker-id = \"w\"\ntink-worker-image = \"t:1\"\n\
                  consoles = [\"tty0\", \"ttyS1,115200\"]\nkernel-params = [\"a=1\", \"b\"]\n";
    check(all, &[expect]);
    let answers = "mac,ip,vlan,boot-vlan,script-url,never-nak,always-broadcast,min-size,delay,no-option-67,\
                   echo-pxeclient,assume-pxe,architecture,menu\n\
                   52:54:00:00:00:01,10.0.0.11,200;100,9,http://m/a.ipxe,yes,,400,200ms,,no,true,0x29,Raspberry Pi Boot\n\
                   52:54:00:00:00:02,10.0.0.12,7,,,,,,,,,,arm64-uefi,\n";
    let first = "mac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\nnetboot = true\nvlan = [200, 100]\n\
                 script-url = \"http://m/a.ipxe\"\nboot-vlan = 9\n\n\
                 [quirks]\nnever-nak = true\nmin-size = 400\ndelay = \"200ms\"\n\
                 echo-pxeclient = false\nassume-pxe = true\narchitecture = \"rpi\"\nmenu = \"Raspberry Pi Boot\"\n";
    let second = "mac = \"52:54:00:00:00:02\"\nip = \"10.0.0.12\"\nnetboot = true\nvlan = 7\n\n\
                  [quirks]\narchitecture = \"arm64-uefi\"\n";
    let (hosts, _) = hosts("a.csv", answers);
    assert_eq!(hosts, [first, second]);
}

#[test]
fn refused_columns() {
    let check = |text: &str, expect: &str| check("a.csv", text, &[expect]);
    check(
        "mac,name\n",
        "a.csv:1: unknown column \"name\"; known here: mac, ip, hostname, netboot, script, script-url, script-user-classes, boot-file, lease-time, vlan, boot-vlan, routers, dns, ntp, next-server, domain, search, routes, mtu, download-url, arch, kernel, initrd, facility, worker-id, tink-worker-image, consoles, kernel-params, never-nak, always-broadcast, min-size, delay, no-option-67, echo-pxeclient, assume-pxe, architecture, menu",
    );
    check("#\n\nmac,ip,MAC\n", "a.csv:3: column \"mac\" is there twice");
    check("mac\n", "a.csv:1: there is no column \"ip\"; the first line names the columns");
}

#[test]
fn refused_cells() {
    let check = |text: &str, expect: &[&str]| check("a.csv", text, expect);
    check(
        "mac,ip\n# a\n\n52:54:00:00:00:01,10.0.0\n52:54,10.0.0.12\n,10.0.0.13\n",
        &[
            "a.csv:4: ip: \"10.0.0\" is not an IPv4 address",
            "a.csv:5: mac: \"52:54\" is not a MAC address; write six octets, as in \"52:54:00:ee:0d:0b\"",
            "a.csv:6: mac: is missing",
        ],
    );
    check(
        "mac,ip,dns,mtu,netboot,routes\r\n\r\n52:54:00:00:00:01,10.0.0.11,1.1.1.1 x,big,2,10.1.0.0/16\r\n",
        &[
            "a.csv:3: dns[1]: \"x\" is not an IPv4 address",
            "a.csv:3: routes[0].router: \"\" is not an IPv4 address",
            "a.csv:3: mtu: expected a whole number, found \"big\"",
            "a.csv:3: netboot: expected true or false, found \"2\"",
        ],
    );
    check(
        "mac,ip\n52:54:00:00:00:01,10.0.0.11,x\n52:54:00:00:00:02\n",
        &[
            "a.csv:2: has 3 cells where the header names 2 columns; a cell with a comma stands in quotes",
            "a.csv:3: has 1 cells where the header names 2 columns; a cell with a comma stands in quotes",
        ],
    );
    check(
        "mac,ip,vlan,delay\n52:54:00:00:00:01,10.0.0.11,7 x,1\n52:54:00:00:00:02,10.0.0.12,0,\n",
        &[
            "a.csv:2: vlan: expected a whole number, found \"x\"",
            "a.csv:2: quirks.delay: \"1\" is not a duration such as \"24h\": time unit needed, for example 1sec or 1ms",
            "a.csv:3: vlan: 0 is no VLAN id: 1 to 4094 are",
        ],
    );
    check(
        "mac,ip\n52:54:00:00:00:01,10.1.0.11\n",
        &["a.csv:2: ip: 10.1.0.11 lies in no [[subnet]]; add a subnet or correct the address"],
    );
}
