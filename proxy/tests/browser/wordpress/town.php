<?php
// What a council adds to its site: a tag of Google's, a counter of campaigns, a video, and a link to the cookies page.

add_action('init', function () {
    if (!is_admin() && !isset($_COOKIE['campaign_visitor'])) {
        setcookie('campaign_visitor', bin2hex(random_bytes(16)), time() + YEAR_IN_SECONDS, '/', '', is_ssl());
    }
});

add_action('wp_head', function () {
    echo "<script type=\"text/plain\" data-consent=\"marketing\">
if (!/_ga=/.test(document.cookie)) document.cookie = '_ga=GA1.1.' + Math.random() + '; path=/; max-age=34000000; secure';
</script>\n";
});

add_action('wp_footer', function () {
    echo '<p><a href="/cookies">Cookies</a></p>';
});

// As caches of whole pages do, whatever the browser says that it can read.
add_action('template_redirect', function () {
    if (isset($_GET['packed'])) {
        ini_set('zlib.output_compression', '0');
        header('Content-Encoding: gzip');
        ob_start(fn ($page) => gzencode($page));
    }
});

// Everybody here comes from one address.
add_filter('comment_flood_filter', '__return_false', 99);

// The older editor stays for pages.
add_filter('use_block_editor_for_post_type', fn ($blocks, $type) => $blocks && $type !== 'page', 10, 2);
