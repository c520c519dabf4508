package control

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A path that nobody has thought of takes the highest role.
func TestRoles_OfEachPath(t *testing.T) {
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for path, least := range map[string]Role{
		"/v1/status": RoleLook, "/v1/view": RoleLook, "/v1/config": RoleLook, "/v1/sites/{site}": RoleLook, "/metrics": RoleLook,
		"/v1/pools/{pool}/pause": RoleOperate, "/v1/pools/{pool}/resume": RoleOperate, "/v1/sites/{site}/drain": RoleOperate, "/v1/reload": RoleOperate,
		"/debug/pprof/{profile...}": RoleOperate,
		"/v1/sites/{site}/look":     RoleDeploy, "/v1/sites/{site}/warm": RoleDeploy, "/v1/sites/{site}/headroom": RoleDeploy,
		"/v1/sites/{site}/enter": RoleDeploy, "/v1/sites/{site}/something-new": RoleDeploy,
		"/v1/sites/{site}/maintenance": RoleDeploy, "/v1/sites/{site}/hold": RoleDeploy,
		"/v1/sites/{site}/try": RoleDeploy, "/v1/sites/{site}/try/step": RoleDeploy, "/v1/fleet": RoleDeploy, "/v1/fleet/wanted": RoleDeploy, "/v1/sites/{site}/preview": RoleDeploy,
	} {
		for _, is := range []Role{RoleNone, RoleLook, RoleOperate, RoleDeploy} {
			rq := httptest.NewRequest(http.MethodGet, "/", nil)
			answer := httptest.NewRecorder()
			wants(leastRole(path), reached).ServeHTTP(answer, rq.WithContext(WithRole(rq.Context(), is)))
			want := http.StatusForbidden
			if is >= least {
				want = http.StatusTeapot
			}
			if answer.Code != want {
				t.Errorf("%s for the role %v: %d, want %d", path, is, answer.Code, want)
			}
		}
	}
}
