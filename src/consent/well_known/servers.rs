use super::service::{Kind, Service};
use super::wording::*;

/// Sharing out visitors among servers, and protection from attack.
pub(super) const SERVERS: &[Service] = &[
    Service {
        id: "aws-load-balancer",
        provider: "Amazon Web Services",
        kind: Kind::StrictlyNecessary,
        source: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html",
        cookies: &[
            cookie("AWSALB", SAME_SERVER, DAYS_7),
            cookie("AWSALBCORS", SAME_SERVER, DAYS_7),
            cookie("AWSALBTG*", SAME_SERVER, DAYS_7),
            cookie("AWSALBAPP-*", SAME_SERVER, SET_BY_SITE),
            cookie("AWSELB", SAME_SERVER, SET_BY_SITE),
            cookie("AWSELBCORS", SAME_SERVER, SET_BY_SITE),
        ],
    },
    Service {
        id: "azure-app-service",
        provider: "Microsoft",
        kind: Kind::StrictlyNecessary,
        source: "https://azure.github.io/AppService/2016/05/16/Disable-Session-affinity-cookie-(ARR-cookie)-for-Azure-web-apps.html",
        cookies: &[
            cookie("ARRAffinity", SAME_SERVER, VISIT),
            cookie("ARRAffinitySameSite", SAME_SERVER, VISIT),
        ],
    },
    Service {
        id: "azure-application-gateway",
        provider: "Microsoft",
        kind: Kind::StrictlyNecessary,
        source: "https://learn.microsoft.com/azure/application-gateway/configuration-http-settings",
        cookies: &[
            cookie("ApplicationGatewayAffinity", SAME_SERVER, VISIT),
            cookie("ApplicationGatewayAffinityCORS", SAME_SERVER, VISIT),
        ],
    },
    Service {
        id: "azure-front-door",
        provider: "Microsoft",
        kind: Kind::StrictlyNecessary,
        source: "https://learn.microsoft.com/azure/frontdoor/routing-methods",
        cookies: &[cookie("ASLBSA", SAME_SERVER, VISIT), cookie("ASLBSACORS", SAME_SERVER, VISIT)],
    },
    Service {
        id: "f5-big-ip",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://my.f5.com/manage/s/article/K6917",
        cookies: &[cookie("BIGipServer*", SAME_SERVER, VISIT), cookie("TS01*", UNTAMPERED, VISIT)],
    },
    Service {
        id: "netscaler",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://docs.netscaler.com/en-us/citrix-adc/current-release/load-balancing/load-balancing-persistence/http-cookie-persistence.html",
        cookies: &[cookie("NSC_*", SAME_SERVER_OR_SIGNED_IN, VISIT)],
    },
    Service {
        id: "haproxy",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://docs.haproxy.org/3.0/configuration.html",
        cookies: &[cookie("SERVERID", SAME_SERVER, VISIT)],
    },
    Service {
        id: "cloudflare",
        provider: "Cloudflare",
        kind: Kind::StrictlyNecessary,
        source: "https://developers.cloudflare.com/fundamentals/reference/policies-compliances/cloudflare-cookies/",
        cookies: &[
            cookie("__cf_bm", HUMAN, MINUTES_30),
            cookie("cf_clearance", HUMAN_PROVEN, SET_BY_SITE),
            cookie("cf_chl_*", HUMAN, HOUR),
            cookie("_cfuvid", FAIR_SHARE, VISIT),
            cookie("__cfruid", FAIR_SHARE, VISIT),
            cookie("__cflb", SAME_SERVER, UP_TO_HOURS_24),
            cookie("__cfwaitingroom", QUEUE, VISIT),
        ],
    },
    Service {
        id: "imperva",
        provider: "Imperva",
        kind: Kind::StrictlyNecessary,
        source: "https://www.consentstack.io/vendors/imperva",
        cookies: &[
            cookie("visid_incap_*", HUMAN, YEAR),
            cookie("incap_ses_*", HUMAN, VISIT),
            cookie("nlbi_*", SAME_SERVER, VISIT),
        ],
    },
    Service {
        id: "akamai",
        provider: "Akamai",
        kind: Kind::StrictlyNecessary,
        source: "https://www.flowconsent.com/en/services/security/akamai-bot-manager",
        cookies: &[
            cookie("_abck", HUMAN, YEAR),
            cookie("ak_bmsc", HUMAN, HOURS_2),
            cookie("bm_sv", HUMAN, HOURS_2),
            cookie("bm_sz", HUMAN, HOURS_4),
        ],
    },
];
