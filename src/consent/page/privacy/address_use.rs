/// What is done with addresses, as far as visitors are told: a plain value, because consent knows nothing of audits.
///
/// [`crate::audit::AuditSettings::address_use`] fills in what an audit layer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressUse {
    /// How many networks must have come before any pseudonym is written down.
    pub crowd: usize,
    /// What the site behind is told.
    pub to_site: ToSite,
    /// For how many months totals are kept; nothing where nobody says so.
    pub months_kept: Option<u16>,
    /// How it can be asked whether an address was here.
    pub lookup: Lookup,
}

/// What the site behind is told of addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToSite {
    /// Nothing.
    #[default]
    Nothing,
    /// A name that stands for one for a day.
    Name,
    /// The address.
    Address,
}

/// How it can be asked whether an address was here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookup {
    /// It cannot.
    #[default]
    None,
    /// By somebody who is named, with the name of whoever approved it.
    Named,
    /// So, and only if a second user of the machine lets it through.
    SecondUser,
}

impl AddressUse {
    /// A crowd of so many networks, nothing for the site, and no look-up.
    pub fn of_crowd(crowd: usize) -> Self {
        Self { crowd, to_site: ToSite::Nothing, months_kept: None, lookup: Lookup::None }
    }
}
