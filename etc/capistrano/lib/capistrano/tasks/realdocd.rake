# Capistrano flips through realdocd, and removes no release while requests run in it.
#
# Copy this file to lib/capistrano/tasks of the project, and say in config/deploy.rb:
#
#   set :realdocd_site, "shop"        # [site.shop] of realdocd.toml; the default is :application
#   set :realdocd_drain, "60s"        # how long a release may take to fall idle
#
# The user who deploys has to be in control_group; see realdocd-deploy(7).

namespace :load do
  task :defaults do
    set :realdocd, "realdocd"
    set :realdocd_site, -> { fetch(:application) }
    set :realdocd_options, []           # of each command, such as --config
    set :realdocd_flip_options, []      # of flip, such as --strict
    set :realdocd_drain, "60s"
  end
end

namespace :realdocd do
  # flip looks through the release, has PHP-FPM ready for it, and renames the link.
  task :flip do
    on release_roles(:all) do
      execute fetch(:realdocd), "flip", fetch(:realdocd_site), release_path,
              *fetch(:realdocd_flip_options), *fetch(:realdocd_options)
    end
  end

  # What cleanup is about to remove: the releases beyond keep_releases, but the live one.
  task :drain_expired do
    on release_roles(:all) do
      live = capture(:readlink, "-f", current_path).strip
      releases = capture(:ls, "-x", releases_path).split.select { |name| name =~ /\A\d{14}\z/ }.sort
      expired = releases - releases.last(fetch(:keep_releases))
      expired.map { |name| releases_path.join(name).to_s }.each do |dir|
        next if dir == live
        execute fetch(:realdocd), "drain", fetch(:realdocd_site), dir,
                "--timeout", fetch(:realdocd_drain), *fetch(:realdocd_options)
      end
    end
  end

  # What deploy:rollback removes is the release that it leaves, at once.
  task :drain_left do
    on release_roles(:all) do
      live = capture(:readlink, "-f", current_path).strip
      newest = capture(:ls, "-xt", releases_path).split.first
      dir = releases_path.join(newest).to_s
      next if dir == live
      execute fetch(:realdocd), "drain", fetch(:realdocd_site), dir,
              "--timeout", fetch(:realdocd_drain), *fetch(:realdocd_options)
    end
  end
end

# The flip takes the place of Capistrano's own symlink.
Rake::Task["deploy:symlink:release"].clear_actions
namespace :deploy do
  namespace :symlink do
    task release: "realdocd:flip"
  end
end

before "deploy:cleanup", "realdocd:drain_expired"
before "deploy:cleanup_rollback", "realdocd:drain_left"
