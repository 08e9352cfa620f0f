//! Networks of addresses: of senders, and of proxies.

use std::net::IpAddr;

use super::verifier::ConfigError;

/// An address, or all of a network.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: u128,
    mask: u128,
    is_v4: bool,
}

fn bits(address: IpAddr) -> (u128, u32, bool) {
    match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32, true),
        IpAddr::V6(address) => (u128::from(address), 128, false),
    }
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let (address, width, is_v4) = bits(address.parse().ok()?);
        let prefix = match prefix {
            None => width,
            Some(prefix) if prefix.bytes().all(|b| b.is_ascii_digit()) => prefix.parse().ok()?,
            Some(_) => return None,
        };
        // One that lets everybody in is a mistake.
        if !(1..=width).contains(&prefix) {
            return None;
        }
        let mask = u128::MAX << (width - prefix);
        Some(Self {
            address: address & mask,
            mask,
            is_v4,
        })
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        let (address, _, is_v4) = bits(address);
        self.is_v4 == is_v4 && address & self.mask == self.address
    }
}

/// Reads single addresses and networks.
pub(crate) fn networks<A: AsRef<str>>(
    all: impl IntoIterator<Item = A>,
) -> Result<Vec<Network>, ConfigError> {
    let read = |text: A| {
        let text = text.as_ref();
        Network::read(text).ok_or_else(|| {
            ConfigError::new(format!(
                "{text:?} is no address and no network: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`"
            ))
        })
    };
    all.into_iter().map(read).collect()
}
