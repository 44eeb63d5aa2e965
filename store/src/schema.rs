//! The versions of the tables, alike in every engine.

/// The newest version that is known here.
pub(crate) const NEWEST: i64 = 7;

/// The first version in which what administrators did is kept.
pub(crate) const WITH_ACTIONS: i64 = 2;

/// The first version in which visits are counted.
pub(crate) const WITH_VISITS: i64 = 3;

/// The first version in which page views are told by browser, device, referrer and robot, and 404 apart.
pub(crate) const WITH_FACETS: i64 = 4;

/// The first version in which traffic is counted by the day.
pub(crate) const WITH_TRAFFIC_BY_DAY: i64 = 5;

/// The first version in which the values of cookies are counted.
pub(crate) const WITH_COOKIE_VALUES: i64 = 6;

/// The first version in which keys, and what is under them, belong to a node.
pub(crate) const WITH_NODES: i64 = 7;
