package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"realdocd/gateway/control"
)

// releaseProbe asks FPM what it makes of a release: whether it can read it, and
// what opcache holds of it and of the live one.
const releaseProbe = `
function realdoc_release(string $next, string $live): array {
    $is = ['readable' => is_dir($next) && is_readable($next) && is_executable($next)];
    if (!function_exists('opcache_get_status')) {
        return $is + ['why' => 'PHP has no opcache'];
    }
    $status = @opcache_get_status(true);
    if (!$status) {
        return $is + ['why' => 'opcache is off for FPM, or opcache.restrict_api keeps it to itself'];
    }
    $of = ['live' => [0, 0], 'next' => [0, 0]];
    foreach ($status['scripts'] ?? [] as $path => $script) {
        foreach (['live' => $live, 'next' => $next] as $which => $dir) {
            if (strncmp($path, "$dir/", strlen($dir) + 1) === 0) {
                $of[$which][0] += $script['memory_consumption'];
                $of[$which][1]++;
            }
        }
    }
    $memory = $status['memory_usage'];
    $keys = $status['opcache_statistics'];
    return $is + [
        'free' => $memory['free_memory'], 'used' => $memory['used_memory'], 'wasted' => $memory['wasted_memory'],
        'keys' => $keys['num_cached_keys'], 'max_keys' => $keys['max_cached_keys'], 'scripts' => $keys['num_cached_scripts'],
        'live' => $of['live'], 'next' => $of['next'],
    ];
}
if (isset($_SERVER['REALDOC_NEXT'], $_SERVER['REALDOC_LIVE'])) {
    echo json_encode(realdoc_release($_SERVER['REALDOC_NEXT'], $_SERVER['REALDOC_LIVE']));
    exit;
}
`

// releaseAnswer is what the probe says.
type releaseAnswer struct {
	Readable           bool
	Why                string
	Free, Used, Wasted int64
	Keys, Scripts      int64
	MaxKeys            int64    `json:"max_keys"`
	Live, Next         [2]int64 // memory and scripts
}

// Headroom asks FPM whether it can read a release, a directory by its absolute
// path, and whether the release fits into opcache beside the live one. It takes
// an ordinary worker.
func (s *Server) Headroom(ctx context.Context, name, docroot, release string) (control.Headroom, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return control.Headroom{}, err
	}
	v, err := st.releases.EnterRelease(docroot, release)
	if err != nil {
		return control.Headroom{}, err
	}
	defer v.Withdraw()
	p := st.pool
	p.mu.Lock()
	server := p.choose(nil)
	probe := p.probe
	p.mu.Unlock()
	answer, err := runProbe(ctx, server.addr, probe, map[string]string{
		"REALDOC_NEXT": v.Docroot, "REALDOC_LIVE": st.releases.Live(docroot),
	})
	if err != nil {
		return control.Headroom{}, fmt.Errorf("ask FPM at %s about the release: %w", server.addr, err)
	}
	var got releaseAnswer
	if answer.status != http.StatusOK || json.Unmarshal(answer.body.text.Bytes(), &got) != nil {
		return control.Headroom{}, fmt.Errorf("ask FPM at %s about the release: %s gave %v; see the pool's open_basedir, chroot and security.limit_extensions",
			server.addr, probe, answer)
	}
	return got.headroom(), nil
}

// headroom draws the conclusion. A script has more keys than one where it is
// included by different names, so that keys are counted by the share of scripts.
func (a releaseAnswer) headroom() control.Headroom {
	h := control.Headroom{Readable: a.Readable, Why: a.Why, Opcache: a.Why == "", Fits: true}
	if !h.Opcache {
		return h
	}
	h.Memory, h.FreeMemory = a.Free+a.Used+a.Wasted, a.Free
	h.NeedsMemory = max(0, a.Live[0]-a.Next[0])
	h.Keys, h.FreeKeys = a.MaxKeys, a.MaxKeys-a.Keys
	if a.Scripts > 0 {
		h.NeedsKeys = max(0, (a.Live[1]-a.Next[1])*a.Keys/a.Scripts)
	}
	h.Fits = h.FreeMemory >= h.NeedsMemory && h.FreeKeys >= h.NeedsKeys
	return h
}
