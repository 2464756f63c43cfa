//! The rows of the checklist.

use netboot_tests::conformance::Row;

pub(crate) const PREFACE: &str = "\
# Conformance

What a DHCP server for machines with reservations must do, and the cases that show that netboot does it. Each case is \
one request and one expectation,
met by the library, by the XDP program (or it leaves the frame untouched to the daemon) and by the daemon at the end of \
a wire. Generated from
the cases in `tests/integration/conformance`; a test compares.
";

pub(crate) const SECTIONS: [(&str, &str); 9] = [
    ("1.1", "What is taken for a request"),
    ("1.2", "Where answers go (RFC 2131 section 4.1)"),
    ("1.3", "The fixed header (RFC 2131 table 3)"),
    ("1.4", "The options of each answer (RFC 2131 table 3, RFC 6842, RFC 3046)"),
    ("1.5", "The client's states (RFC 2131 section 4.3)"),
    ("1.6", "The server identifier"),
    ("1.7", "How options are encoded"),
    ("1.8", "PXE, HTTP boot and iPXE"),
    ("2", "Requests captured from clients"),
];

pub(crate) const ROWS: [Row; 0] = [];
