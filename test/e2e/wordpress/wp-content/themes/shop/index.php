<?php get_header(); ?><p>deploy <?php echo require __DIR__ . '/number.php'; ?></p><?php get_footer();
