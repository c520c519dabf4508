<?php
// Deployer flips through realdocd, and removes no release while requests run in it.
//
// In deploy.php, behind the recipe:
//
//   require 'realdocd.php';
//   set('realdocd_site', 'shop');      // [site.shop] of realdocd.toml
//
// The user who deploys has to be in control_group; see realdocd-deploy(7).

namespace Deployer;

set('realdocd', 'realdocd');
set('realdocd_site', fn () => get('application'));
set('realdocd_options', '');          // of each command, such as --config
set('realdocd_flip_options', '');     // of flip, such as --strict
set('realdocd_drain', '60s');         // how long a release may take to fall idle

// flip looks through the release, has PHP-FPM ready for it, and renames the link.
task('deploy:symlink', function () {
    run('{{realdocd}} flip {{realdocd_site}} {{release_path}} {{realdocd_flip_options}} {{realdocd_options}}');
    run('rm -f {{deploy_path}}/release'); // Deployer's mark of a release that is not live yet
})->desc('Flips through realdocd');

task('rollback', function () {
    run('{{realdocd}} flip {{realdocd_site}} {{deploy_path}}/releases/{{rollback_candidate}} {{realdocd_flip_options}} {{realdocd_options}}');
    run('echo {{user}} > {{deploy_path}}/releases/' . basename((string) get('release_or_current_path')) . '/BAD_RELEASE || true');
})->desc('Flips back through realdocd');

// What cleanup is about to remove: those beyond keep_releases, the newest first.
task('realdocd:drain', function () {
    $keep = get('keep_releases');
    if ($keep === -1) {
        return;
    }
    foreach (array_slice(get('releases_list'), $keep) as $release) {
        if ($release === get('release_name', '')) {
            continue;
        }
        run("{{realdocd}} drain {{realdocd_site}} {{deploy_path}}/releases/$release --timeout {{realdocd_drain}} {{realdocd_options}}");
    }
})->desc('Waits until nothing runs in the releases that are removed');

before('deploy:cleanup', 'realdocd:drain');
