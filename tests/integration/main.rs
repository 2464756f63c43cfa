//! The tests that need root: namespaces, real clients, machines with firmware.

mod adopt;
mod boot;
mod cli;
mod clients;
mod conformance;
mod corpus;
mod decline;
mod explain;
mod faults;
mod frames;
mod hostile;
mod isolation;
mod links;
mod maps;
mod other_servers;
mod peers;
mod privileges;
mod readers;
mod relay;
mod reload;
mod self_check;
mod services;
mod site;
mod steps;
mod storms;
mod without_daemon;
