<?php
// Does what the form of wp-admin/install.php does, then what a council would have set by hand. Runs where the pages are.

define('WP_INSTALLING', true);
$_SERVER += ['HTTP_HOST' => 'localhost', 'REQUEST_METHOD' => 'GET', 'REQUEST_URI' => '/'];

// Nobody is written to.
function wp_mail()
{
    return true;
}

require getcwd() . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';

wp_install('Marlbury Borough Council', getenv('name'), getenv('email'), true, '', getenv('password'));
update_option('permalink_structure', '/%postname%/');
update_option('show_avatars', '');
update_option('comment_previously_approved', '');
// Else the frame would be taken out of what nobody has written.
kses_remove_filters();
wp_insert_post([
    'post_title' => 'Recycling',
    'post_status' => 'publish',
    'post_content' => '<!-- wp:html --><iframe title="How we sort" src="https://www.youtube.com/embed/bins"></iframe><!-- /wp:html -->',
]);
flush_rewrite_rules();
