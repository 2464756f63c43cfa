//! Binds the sockets and runs the services.
