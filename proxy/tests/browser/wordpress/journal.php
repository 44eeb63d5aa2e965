<?php
// Runs before each program, and notes what it was asked and how it answered, as the web server has it.

register_shutdown_function(function () {
    $line = json_encode([
        'method' => $_SERVER['REQUEST_METHOD'],
        'url' => $_SERVER['REQUEST_URI'],
        'cookie' => $_SERVER['HTTP_COOKIE'] ?? '',
        'allowed' => $_SERVER['HTTP_PINFOLD_CONSENT'] ?? '',
        'forwarded' => $_SERVER['HTTP_X_FORWARDED_FOR'] ?? '',
        'status' => http_response_code(),
        'fields' => headers_list(),
    ], JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
    file_put_contents(getenv('JOURNAL'), "$line\n", FILE_APPEND | LOCK_EX);
});
