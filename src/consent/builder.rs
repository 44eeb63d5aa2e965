//! What an operator declares, gathered.

use std::collections::BTreeMap;

use super::embed::Embed;
use super::page::{AddressUse, Language};
use super::pages::PageChoices;
use super::policy::{Mode, Policy, Regime, Undeclared};
use super::preference::Preference;
use super::purpose::Purpose;
use super::register::CookieRule;

impl Policy {
    /// Begins a policy for a site of this name at this address (scheme and host).
    ///
    /// Over `https` our cookie has the prefix `__Host-`; `http` is accepted for loopback alone.
    pub fn builder(site_name: impl Into<String>, url: impl Into<String>) -> PolicyBuilder {
        PolicyBuilder {
            site_name: site_name.into(),
            url: url.into(),
            page: "/cookies".to_owned(),
            lifetime: 12,
            undeclared: Undeclared::Hold,
            mode: Mode::Enforce,
            regime: Regime::Uk,
            heeds_gpc: true,
            clears_storage: false,
            footprint: false,
            languages: vec![Language::English, Language::Welsh],
            purposes: Vec::new(),
            preferences: Vec::new(),
            rules: Vec::new(),
            known_bits: BTreeMap::new(),
            shared_domain: None,
            removal_domain: None,
            known_policies: Vec::new(),
            well_known: true,
            address_use: None,
            pages: PageChoices::default(),
        }
    }
}

/// Gathers a [`Policy`].
#[derive(Debug, Clone)]
pub struct PolicyBuilder {
    pub(super) site_name: String,
    pub(super) url: String,
    pub(super) page: String,
    pub(super) lifetime: u8,
    pub(super) undeclared: Undeclared,
    pub(super) mode: Mode,
    pub(super) regime: Regime,
    pub(super) heeds_gpc: bool,
    pub(super) clears_storage: bool,
    pub(super) footprint: bool,
    pub(super) languages: Vec<Language>,
    pub(super) purposes: Vec<Purpose>,
    pub(super) preferences: Vec<Preference>,
    pub(super) rules: Vec<CookieRule>,
    pub(super) known_bits: BTreeMap<String, u8>,
    pub(super) shared_domain: Option<String>,
    pub(super) removal_domain: Option<String>,
    pub(super) known_policies: Vec<(String, String)>,
    pub(super) well_known: bool,
    pub(super) address_use: Option<AddressUse>,
    pub(super) pages: PageChoices,
}

impl PolicyBuilder {
    /// Adds a purpose.
    #[must_use]
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.purposes.push(purpose);
        self
    }

    /// Adds a cookie rule.
    #[must_use]
    pub fn cookie(mut self, rule: CookieRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Offers visitors a choice about how the site is for them, on the cookies page or by any form that posts `preference[NAME]` to it.
    ///
    /// What is chosen is kept in a cookie of our own for as long as a decision, told to the site in `Pinfold-Preference:
    /// text-size=large, contrast=high` (a dictionary, RFC 9651 3.2, of what was chosen otherwise than the first value), given to
    /// handlers by [`super::Consent::preference`], and with the feature `html` put into pages: `<html data-text-size="large">`.
    /// Pages are then kept from shared caches as [`Self::shared_cache_key`] says. An answer of another kind that differs by preference must
    /// say `Vary: Pinfold-Preference`, which keeps it from them, too. With [`Mode::Report`] pages are left alone.
    ///
    /// ```
    /// use pinfold::consent::{Policy, Preference};
    ///
    /// let policy = Policy::builder("Town", "https://www.example.gov.uk")
    ///     .preference(Preference::new("text-size", ["normal", "large", "largest"]))
    ///     .preference(Preference::new("contrast", ["normal", "high"]))
    ///     .build()?;
    /// assert_eq!(policy.own_cookies()[1], ("__Host-pinfold-preferences", 6, 3));
    /// # Ok::<(), pinfold::ConfigErrors>(())
    /// ```
    #[must_use]
    pub fn preference(mut self, preference: Preference) -> Self {
        self.preferences.push(preference);
        self
    }

    /// The path of the cookies page; by default `/cookies`.
    #[must_use]
    pub fn page(mut self, path: impl Into<String>) -> Self {
        self.page = path.into();
        self
    }

    /// How many months a decision is kept, 1 to 13; by default 12. Browsers keep no cookie longer than 400 days.
    #[must_use]
    pub fn lifetime_months(mut self, months: u8) -> Self {
        self.lifetime = months;
        self
    }

    /// What is done with cookies that no rule names; by default they are held.
    #[must_use]
    pub fn undeclared(mut self, undeclared: Undeclared) -> Self {
        self.undeclared = undeclared;
        self
    }

    /// Whether cookies are held or only counted; by default they are held.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Which purposes are on before a visitor has chosen; by default as the law of the United Kingdom has it.
    #[must_use]
    pub fn regime(mut self, regime: Regime) -> Self {
        self.regime = regime;
        self
    }

    /// Whether `Sec-GPC: 1` counts; by default it does.
    #[must_use]
    pub fn global_privacy_control(mut self, heeded: bool) -> Self {
        self.heeds_gpc = heeded;
        self
    }

    /// Whether a visitor who takes a grant back is sent `Clear-Site-Data: "storage"`, so that the browser forgets what scripts
    /// have kept for this host; by default not, because that takes what the site itself keeps there, too.
    #[must_use]
    pub fn clear_storage(mut self, clears: bool) -> Self {
        self.clears_storage = clears;
        self
    }

    /// Whether visits are counted by a cookie of one byte, which holds the day of the last visit and roughly how many pages were seen
    /// on it; by default not.
    ///
    /// It is for the first purpose whose basis is [`super::LegalBasis::Statistics`]; where there is none, for the purpose `statistics`, which
    /// is then added if it is not declared.
    #[must_use]
    pub fn footprint(mut self, footprint: bool) -> Self {
        self.footprint = footprint;
        self
    }

    /// The languages of the cookies page, the first of them the default. An empty list changes nothing.
    #[must_use]
    pub fn languages(mut self, languages: impl IntoIterator<Item = Language>) -> Self {
        let languages: Vec<_> = languages.into_iter().collect();
        if !languages.is_empty() {
            self.languages = languages;
        }
        self
    }

    /// The bits that purposes had in earlier policies of this site, from [`Policy::bits`].
    #[must_use]
    pub fn known_bits(mut self, bits: BTreeMap<String, u8>) -> Self {
        self.known_bits = bits;
        self
    }

    /// Whether sessions, sign-in, load balancers and the like that are well known ([`super::well_known`]) are strictly
    /// necessary without being declared; by default they are. A rule of the operator's own always comes first.
    #[must_use]
    pub fn well_known(mut self, known: bool) -> Self {
        self.well_known = known;
        self
    }

    /// What visitors are told of their addresses in [`Policy::privacy_section`]; by default nothing, as where nobody audits.
    #[must_use]
    pub fn address_use(mut self, facts: AddressUse) -> Self {
        self.address_use = Some(facts);
        self
    }

    /// The policies of this site before, as fingerprint and statement ([`Policy::fingerprint`], [`Policy::statement`]).
    ///
    /// What a visitor granted under one of them still holds for purposes of which nothing has changed. A grant under
    /// a policy that is not known is asked for again.
    #[must_use]
    pub fn known_policies<F: Into<String>, T: Into<String>>(
        mut self,
        policies: impl IntoIterator<Item = (F, T)>,
    ) -> Self {
        self.known_policies =
            policies.into_iter().map(|(fingerprint, text)| (fingerprint.into(), text.into())).collect();
        self
    }

    /// The widest domain from which refused cookies are removed, such as `example.gov.uk`; by default each host itself.
    #[must_use]
    pub fn removals_under(mut self, domain: impl Into<String>) -> Self {
        self.removal_domain = Some(domain.into().to_ascii_lowercase());
        self
    }

    /// Lets one decision count for every host under a domain: the cookie gets the prefix `__Secure-` and a `Domain`.
    #[must_use]
    pub fn shared_under(mut self, domain: impl Into<String>) -> Self {
        self.shared_domain = Some(domain.into());
        self
    }

    /// Declares content of others in pages: it is held until its purpose is granted.
    ///
    /// Where anything is declared and undeclared cookies are held, pages get a `Content-Security-Policy` beside their own, by
    /// which they load only from the site itself, from declared hosts that are granted, and from hosts declared strictly
    /// necessary. Such a policy makes no exceptions, so `*.google.com` is not in it while `analytics.google.com` is declared
    /// and refused: what else pages load from beneath it is best declared by name. Addresses in the HTML itself are held by
    /// the feature `html`, with a word to the visitor in their place.
    #[must_use]
    pub fn embed(mut self, embed: Embed) -> Self {
        self.pages.embeds.push(embed);
        self
    }

    /// Other hosts of the council's own, from which pages may load: names, or `*.` and a name for all below it, which does not
    /// count while an [`Self::embed`] beneath it is refused.
    #[must_use]
    pub fn own_hosts<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.pages.own_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// A request field on which a shared cache in front varies, so that it may keep pages; by default it may not.
    ///
    /// The cache must set it on every request to `none` where there is no decision cookie and no `Sec-GPC: 1`, to `gpc` where
    /// there is only the latter, and else to the second, fourth and fifth part of the decision cookie, joined by dots; where there
    /// is a preferences cookie, to anything else. A page is given out for keeping only where the field is right.
    #[must_use]
    pub fn shared_cache_key(mut self, field: impl Into<String>) -> Self {
        self.pages.cache_key = Some(field.into());
        self
    }

    /// Whether undecided visitors are asked at the top of every page; by default they are not.
    #[cfg(feature = "html")]
    #[must_use]
    pub fn banner(mut self, banner: bool) -> Self {
        self.pages.banner = banner;
        self
    }

    /// Whether every page gets a link to the cookies page at its end; by default the site has its own.
    #[cfg(feature = "html")]
    #[must_use]
    pub fn link(mut self, link: bool) -> Self {
        self.pages.link = link;
        self
    }

    /// Whether elements with `data-consent` are held, and woken once their purpose is granted, even where no
    /// [`Self::embed`] is declared; by default they are not. Every page is then read to its end.
    #[cfg(feature = "html")]
    #[must_use]
    pub fn gate(mut self, gate: bool) -> Self {
        self.pages.gate = gate;
        self
    }

    /// The path of a page of the site within which the cookies page is drawn, so that it has the site's own header and
    /// footer. The page must have an element with the attribute `data-pinfold="cookies"`.
    #[cfg(feature = "html")]
    #[must_use]
    pub fn shell(mut self, path: impl Into<String>) -> Self {
        self.pages.shell = Some(path.into());
        self
    }
}
