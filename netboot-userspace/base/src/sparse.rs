//! Values that few machines have of their own.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

/// A value that is mostly the default, and takes no room then: machines are many.
#[derive(Clone)]
pub struct Sparse<T>(Option<Box<T>>);

/// What most machines have.
pub trait Usual: Default + PartialEq + 'static {
    const USUAL: &'static Self;
}

impl<T: PartialEq + 'static> Usual for Vec<T> {
    const USUAL: &'static Self = &Self::new();
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Usual> From<T> for Sparse<T> {
    fn from(value: T) -> Self {
        Self((value != *T::USUAL).then(|| Box::new(value)))
    }
}

impl<T: Usual> Deref for Sparse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::USUAL)
    }
}

impl<T: Usual> DerefMut for Sparse<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: Usual> PartialEq for Sparse<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Usual + Eq> Eq for Sparse<T> {}

impl<T: Usual + fmt::Debug> fmt::Debug for Sparse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    struct Settings {
        mtu: Option<u16>,
    }

    impl Usual for Settings {
        const USUAL: &'static Self = &Self { mtu: None };
    }

    #[test]
    fn the_default_takes_no_room() {
        assert_eq!(*Settings::USUAL, Settings::default());
        let rare = Sparse::from(Settings::default());
        assert!(rare.0.is_none());
        assert_eq!(*rare, Settings::default());
        let mut own = rare.clone();
        own.mtu = Some(9000);
        assert_ne!(own, rare);
        own.mtu = None;
        assert_eq!(own, rare);
    }
}
