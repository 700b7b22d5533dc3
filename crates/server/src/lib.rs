//! The engine on the network.
