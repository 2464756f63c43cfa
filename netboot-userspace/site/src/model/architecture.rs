//! The architectures of option 93.

/// An architecture of option 93, by the name of its kind of binary or by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    X86Bios,
    X86Pc98,
    Itanium,
    Alpha,
    ArcX86,
    IntelLean,
    X86Uefi,
    X8664Uefi,
    XscaleUefi,
    EbcHttp,
    Arm32Uefi,
    Arm64Uefi,
    PpcOpenFirmware,
    PpcEpapr,
    PpcOpal,
    Arm32Uboot,
    Arm64Uboot,
    Riscv32Uefi,
    Riscv64Uefi,
    Riscv128Uefi,
    S390,
    S390Extended,
    Mips32Uefi,
    Mips64Uefi,
    Sunway32Uefi,
    Sunway64Uefi,
    Loongarch32Uefi,
    Loongarch64Uefi,
    Rpi,
    /// Any other code, below [`netboot_ebpf::shared::MAX_ARCHITECTURES`].
    Code(u16),
}

impl Architecture {
    /// The named ones, with their names in the file and the codes of option 93 that they stand for: the
    /// firmware's own and its HTTP boot's (IANA "Processor Architecture Types"). 9 is EFI byte code by
    /// the registry, but x86-64 for firmware built to RFC 4578's text before its erratum.
    pub const NAMED: [(Self, &'static str, &'static [u16]); 29] = [
        (Self::X86Bios, "x86-bios", &[0, 20]),
        (Self::X86Uefi, "x86-uefi", &[6, 15]),
        (Self::X8664Uefi, "x86_64-uefi", &[7, 9, 16]),
        (Self::Arm32Uefi, "arm32-uefi", &[10, 18]),
        (Self::Arm64Uefi, "arm64-uefi", &[11, 19]),
        (Self::Arm32Uboot, "arm32-uboot", &[21, 23]),
        (Self::Arm64Uboot, "arm64-uboot", &[22, 24]),
        (Self::Rpi, "rpi", &[41]),
        (Self::Riscv32Uefi, "riscv32-uefi", &[25, 26]),
        (Self::Riscv64Uefi, "riscv64-uefi", &[27, 28]),
        (Self::Riscv128Uefi, "riscv128-uefi", &[29, 30]),
        (Self::Loongarch32Uefi, "loongarch32-uefi", &[37, 38]),
        (Self::Loongarch64Uefi, "loongarch64-uefi", &[39, 40]),
        (Self::PpcOpenFirmware, "ppc-open-firmware", &[12]),
        (Self::PpcEpapr, "ppc-epapr", &[13]),
        (Self::PpcOpal, "ppc-opal", &[14]),
        (Self::S390, "s390", &[31]),
        (Self::S390Extended, "s390-extended", &[32]),
        (Self::Mips32Uefi, "mips32-uefi", &[33]),
        (Self::Mips64Uefi, "mips64-uefi", &[34]),
        (Self::Sunway32Uefi, "sunway32-uefi", &[35]),
        (Self::Sunway64Uefi, "sunway64-uefi", &[36]),
        (Self::EbcHttp, "ebc-http", &[17]),
        (Self::XscaleUefi, "xscale-uefi", &[8]),
        (Self::Itanium, "itanium", &[2]),
        (Self::X86Pc98, "x86-pc98", &[1]),
        (Self::Alpha, "alpha", &[3]),
        (Self::ArcX86, "arc-x86", &[4]),
        (Self::IntelLean, "intel-lean", &[5]),
    ];

    /// The codes of HTTP boot that have a name of their own, beside the one that they belong to: what stands there is
    /// for HTTP boot alone.
    pub const HTTP: [(u16, &'static str); 12] = [
        (15, "x86-uefi-http"),
        (16, "x86_64-uefi-http"),
        (18, "arm32-uefi-http"),
        (19, "arm64-uefi-http"),
        (20, "x86-bios-http"),
        (23, "arm32-uboot-http"),
        (24, "arm64-uboot-http"),
        (26, "riscv32-uefi-http"),
        (28, "riscv64-uefi-http"),
        (30, "riscv128-uefi-http"),
        (38, "loongarch32-uefi-http"),
        (40, "loongarch64-uefi-http"),
    ];

    /// The name of a code's key for HTTP boot alone.
    #[must_use]
    pub fn http_name(code: u16) -> Option<&'static str> {
        Self::HTTP.iter().find(|(http, _)| *http == code).map(|(_, name)| *name)
    }

    /// The name of the key for HTTP boot of the machines that this code's are.
    #[must_use]
    pub fn http_of(code: u16) -> Option<&'static str> {
        let own = Self::of(code)?;
        Self::HTTP.iter().find(|(http, _)| Self::of(*http) == Some(own)).map(|(_, name)| *name)
    }

    /// The name that a code of option 93 has in the configuration; `other` where it has none.
    #[must_use]
    pub fn name(code: u16) -> &'static str {
        let named = Self::NAMED.iter().find(|(_, _, codes)| codes.contains(&code));
        named.map_or("other", |(_, name, _)| *name)
    }

    /// The named one that a code belongs to.
    #[must_use]
    pub fn of(code: u16) -> Option<Self> {
        let named = Self::NAMED.iter().find(|(_, _, codes)| codes.contains(&code));
        named.map(|(architecture, ..)| *architecture)
    }

    /// The code that it stands for as a machine's own: the firmware's, not its HTTP boot's.
    #[must_use]
    pub fn code(self) -> Option<u16> {
        if let Self::Code(code) = self {
            return Some(code);
        }
        let named = Self::NAMED.iter().find(|(named, ..)| *named == self);
        named.and_then(|(_, _, codes)| codes.first().copied())
    }

    /// EFI firmware, or byte code for it.
    #[must_use]
    pub fn is_uefi(self) -> bool {
        match self {
            Self::Code(code) => Self::of(code).is_some_and(Self::is_uefi),
            Self::X86Uefi
            | Self::X8664Uefi
            | Self::XscaleUefi
            | Self::EbcHttp
            | Self::Itanium
            | Self::Arm32Uefi
            | Self::Arm64Uefi
            | Self::Riscv32Uefi
            | Self::Riscv64Uefi
            | Self::Riscv128Uefi
            | Self::Mips32Uefi
            | Self::Mips64Uefi
            | Self::Sunway32Uefi
            | Self::Sunway64Uefi
            | Self::Loongarch32Uefi
            | Self::Loongarch64Uefi => true,
            Self::X86Bios
            | Self::X86Pc98
            | Self::Alpha
            | Self::ArcX86
            | Self::IntelLean
            | Self::PpcOpenFirmware
            | Self::PpcEpapr
            | Self::PpcOpal
            | Self::Arm32Uboot
            | Self::Arm64Uboot
            | Self::S390
            | Self::S390Extended
            | Self::Rpi => false,
        }
    }

    /// Whose binary it runs where it has none of its own: U-Boot runs EFI binaries of its processor, and
    /// 64-bit Raspberry Pis boot EFI firmware or U-Boot.
    #[must_use]
    pub const fn fallback(self) -> Option<Self> {
        match self {
            Self::Arm32Uboot => Some(Self::Arm32Uefi),
            Self::Arm64Uboot | Self::Rpi => Some(Self::Arm64Uefi),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registered_code_has_one_name() {
        for code in 0..=41 {
            let names = Architecture::NAMED.iter().filter(|(_, _, codes)| codes.contains(&code));
            assert_eq!(names.count(), 1, "{code}");
        }
        for (architecture, name, codes) in Architecture::NAMED {
            assert_eq!(name.parse(), Ok(architecture));
            assert_eq!(architecture.to_string(), name);
            assert_eq!(architecture.code(), codes.first().copied());
        }
        for (code, name) in Architecture::HTTP {
            let own = Architecture::of(code).unwrap();
            assert_eq!(name, format!("{own}-http"));
            assert_eq!(name.parse(), Ok(Architecture::Code(code)));
            assert_eq!(code.to_string().parse(), Ok(Architecture::Code(code)));
            assert_eq!(Architecture::Code(code).to_string(), name);
            assert_eq!(Architecture::http_of(own.code().unwrap()), Some(name));
        }
        assert_eq!((Architecture::http_of(41), Architecture::http_of(42)), (None, None));
        assert_eq!((Architecture::name(42), Architecture::of(42)), ("other", None));
    }

    #[test]
    fn uefi_by_its_names() {
        for (architecture, name, codes) in Architecture::NAMED {
            let expect = name.ends_with("-uefi") || ["ebc-http", "itanium"].contains(&name);
            assert_eq!(architecture.is_uefi(), expect, "{name}");
            for code in codes {
                assert_eq!(Architecture::Code(*code).is_uefi(), expect, "{code}");
            }
        }
        assert!(!Architecture::Code(42).is_uefi());
    }
}
