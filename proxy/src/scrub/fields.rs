/// What a field of a JSON log tells of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Who they are.
    User,
    /// What they are known by again, or let in with.
    Cookie,
    /// What they asked for.
    Query,
    /// With what they came: versions of products.
    Agent,
}

/// Wherever these are in a name; it is lower case, without whatever divides its words.
const COOKIES: [&str; 13] = [
    "apikey",
    "authorisation",
    "authorization",
    "cookie",
    "csrf",
    "jsessionid",
    "passw",
    "phpsessid",
    "secret",
    "sessionid",
    "token",
    "uidgot",
    "uidset",
];

/// How names end that are of the same kind.
const SESSIONS: [&str; 5] = ["session", "sessionkey", "sessions", "sess", "sid"];

const USERS: [&str; 16] = [
    "accountname",
    "clientcommonname",
    "commonname",
    "displayname",
    "email",
    "emailaddress",
    "emails",
    "firstname",
    "fullname",
    "ident",
    "lastname",
    "login",
    "loginname",
    "logname",
    "principal",
    "surname",
];

const QUERIES: [&str; 13] = [
    "args",
    "formdata",
    "params",
    "parameters",
    "postdata",
    "query",
    "queryarguments",
    "queryparam",
    "queryparameter",
    "queryraw",
    "querystring",
    "requestbody",
    "searchterm",
];

/// What is in a field, by its name, however that is spelt and whatever stands before: `http_cookie`,
/// `request>headers>Set-Cookie`, `userId`.
pub(super) fn field(name: &[u8]) -> Option<Field> {
    let name: String = name
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let ends = |words: &[&str]| words.iter().any(|word| name.ends_with(word));
    if COOKIES.iter().any(|word| name.contains(word)) || ends(&SESSIONS) {
        return Some(Field::Cookie);
    }
    let is_number = name.ends_with("uid") && !name.ends_with("uuid") && !name.ends_with("guid");
    let is_certificate = name.contains("sslclient") && !name.ends_with("verify");
    if has_user(&name) || ends(&USERS) || is_number || is_certificate {
        return Some(Field::User);
    }
    if ends(&QUERIES) {
        return Some(Field::Query);
    }
    (name.ends_with("agent") || name.contains("useragent") || name == "ua" || name == "browser")
        .then_some(Field::Agent)
}

/// `user`, `remote_user`, `user_id`, but not the browser of one.
fn has_user(name: &str) -> bool {
    name.match_indices("user").any(|(place, user)| !name[place + user.len()..].starts_with("agent"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_however_they_are_spelt() {
        for (names, expected) in [
            (
                &[
                    "cookie",
                    "Cookie",
                    "http_cookie",
                    "sent_http_set_cookie",
                    "upstream_http_set_cookie",
                    "cookies",
                    "request>headers>Cookie",
                    "req.headers.cookie",
                    "request_Set-Cookie",
                    "setCookie",
                    "cookie_sid",
                    "Authorization",
                    "http_authorization",
                    "proxyAuthorization",
                    "session",
                    "session_id",
                    "sessionId",
                    "sid",
                    "ssl_session_id",
                    "access_token",
                    "X-API-Key",
                    "password",
                ][..],
                Some(Field::Cookie),
            ),
            (
                &[
                    "user",
                    "USER",
                    "remote_user",
                    "auth_user",
                    "user_id",
                    "userId",
                    "username",
                    "user.name",
                    "ClientUsername",
                    "enduser.id",
                    "x-user",
                    "uid",
                    "email",
                    "user_email",
                    "logname",
                    "ssl_client_s_dn",
                    "client_common_name",
                    "fullName",
                ],
                Some(Field::User),
            ),
            (
                &[
                    "query",
                    "args",
                    "query_string",
                    "queryParams",
                    "url.query",
                    "http.request.query",
                    "params",
                ],
                Some(Field::Query),
            ),
            (
                &["http_user_agent", "userAgent", "User-Agent", "user_agent.original", "agent", "useragent"],
                Some(Field::Agent),
            ),
            (
                &[
                    "",
                    "client",
                    "message",
                    "request",
                    "http_referer",
                    "x_real_ip",
                    "status",
                    "server_name",
                    "name",
                    "ssl_session_reused",
                    "session_time",
                    "request_uuid",
                    "query_time_ms",
                    "browser_width",
                    "ssl_client_verify",
                    "uri",
                    "host",
                    "203.0.113.77",
                ],
                None,
            ),
        ] {
            for name in names {
                assert_eq!(field(name.as_bytes()), expected, "{name}");
            }
        }
    }
}
