package control

import (
	"context"
	"net/http"
)

// A Role is what somebody may do at the control socket. Each has what those before it
// have.
type Role int

const (
	// RoleNone may do nothing, and is told so.
	RoleNone Role = iota
	// RoleLook may read what there is: status, sites, metrics.
	RoleLook
	// RoleOperate may also pause, resume and drain pools and releases, have the
	// configuration read again, and take profiles.
	RoleOperate
	// RoleDeploy may also have PHP-FPM run code of a directory of his choice, and enter
	// releases.
	RoleDeploy
)

var roleNames = map[Role]string{RoleNone: "none", RoleLook: "look", RoleOperate: "operate", RoleDeploy: "deploy"}

func (r Role) String() string { return roleNames[r] }

// leastRoles are the roles that paths of the API take. One that is not named takes the
// highest: a new path is open to nobody by mistake.
var leastRoles = map[string]Role{
	"/v1/status":                RoleLook,
	"/v1/view":                  RoleLook,
	"/v1/config":                RoleLook,
	"/v1/ready":                 RoleLook,
	"/v1/requests":              RoleLook,
	"/healthz":                  RoleLook,
	"/readyz":                   RoleLook,
	"/v1/sites/{site}":          RoleLook,
	"/metrics":                  RoleLook,
	"/v1/reload":                RoleOperate,
	"/v1/pools/{pool}/pause":    RoleOperate,
	"/v1/pools/{pool}/resume":   RoleOperate,
	"/v1/sites/{site}/drain":    RoleOperate,
	"/debug/pprof/{profile...}": RoleOperate,
}

func leastRole(path string) Role {
	if role, ok := leastRoles[path]; ok {
		return role
	}
	return RoleDeploy
}

type roleKey struct{}

// WithRole notes in the context of a connection what its other end may do. Without
// it, that is everything: whoever hands requests to the [Handler] has let them in.
func WithRole(ctx context.Context, r Role) context.Context {
	return context.WithValue(ctx, roleKey{}, r)
}

func roleIn(ctx context.Context) Role {
	if r, ok := ctx.Value(roleKey{}).(Role); ok {
		return r
	}
	return RoleDeploy
}

// wants answers only for who has the role.
func wants(least Role, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if is := roleIn(r.Context()); is < least {
			endpoint(func(*http.Request) (any, error) { return nil, forbidden(is, least) }).ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func forbidden(is, least Role) error {
	const keys = "control_group, operate_groups and look_groups in realdocd.toml(5) say who may"
	if is == RoleNone {
		return apiErrorf(http.StatusForbidden, "your user may not use the control socket: %s", keys)
	}
	return apiErrorf(http.StatusForbidden, "your user may %s, and this takes the right to %s: %s", is, least, keys)
}
