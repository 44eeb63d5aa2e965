<?php
// What Debian's wp-config.php says behind a server that ends TLS, with a database of the test.

if (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') {
    $_SERVER['HTTPS'] = 'on';
}
foreach (json_decode(file_get_contents(dirname(__DIR__) . '/settings.json'), true) as $name => $value) {
    define($name, $value);
}
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_CHARSET', 'utf8mb4');
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY'] as $name) {
    define($name, "a key of the test: $name");
    define(str_replace('KEY', 'SALT', $name), "a salt of the test: $name");
}
// Nothing is asked of the network.
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('DISABLE_WP_CRON', true);

$table_prefix = 'wp_';
require_once ABSPATH . 'wp-settings.php';
