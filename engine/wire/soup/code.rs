//! Type bytes, and why a login is rejected.

/// Type bytes of packets.
pub mod kind {
    /// Free text, either way.
    pub const DEBUG: u8 = b'+';
    /// Server: the login is accepted.
    pub const LOGIN_ACCEPTED: u8 = b'A';
    /// Server: the login is rejected.
    pub const LOGIN_REJECTED: u8 = b'J';
    /// Server: a numbered message.
    pub const SEQUENCED: u8 = b'S';
    /// Server: nothing to say.
    pub const SERVER_HEARTBEAT: u8 = b'H';
    /// Server: the session has no more messages.
    pub const END_OF_SESSION: u8 = b'Z';
    /// Client: wants to log in.
    pub const LOGIN_REQUEST: u8 = b'L';
    /// A message without a number; from the server in 4.x only.
    pub const UNSEQUENCED: u8 = b'U';
    /// Client: nothing to say.
    pub const CLIENT_HEARTBEAT: u8 = b'R';
    /// Client: goes.
    pub const LOGOUT_REQUEST: u8 = b'O';
}

/// Why a login is rejected.
pub mod reject {
    /// User or password are not known.
    pub const NOT_AUTHORIZED: u8 = b'A';
    /// The session asked for is not there.
    pub const NO_SESSION: u8 = b'S';
}
