//! Namespaces and processes for tests on real parts.
