<?php
// Writes the names of the request's cookies in hex, as the server's parser finds them.

$names = $_COOKIE;

// Before 7.2.34, 7.3.23 and 7.4.11 PHP decoded the names of cookies (CVE-2020-7070), as it still does those of a query.
if ($_SERVER['READER'] === 'decoding') {
    $names = [];
    foreach (explode(';', $_SERVER['HTTP_COOKIE']) as $pair) {
        parse_str(strtr(explode('=', ltrim($pair), 2)[0], ['&' => '%26']) . '=', $read);
        $names += $read;
    }
}

foreach (array_keys($names) as $name) {
    echo bin2hex((string) $name), ',';
}
