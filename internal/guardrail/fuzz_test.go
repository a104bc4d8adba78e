package guardrail

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzHosts checks that a host is within a domain exactly if its last labels are all of the labels
// of the domain.
func FuzzHosts(f *testing.F) {
	for _, host := range []string{"acme.example", "shop.acme.example", "notacme.example", "*.acme.example", "acme.example.evil.example", ".acme.example", "acme.example.", "example", ""} {
		f.Add("acme.example", "globex.example", host)
		f.Add("example", "", host)
	}
	f.Fuzz(func(t *testing.T, one, other, host string) {
		below := func(domain string) bool {
			has, wants := strings.Split(host, "."), strings.Split(domain, ".")
			return len(has) >= len(wants) && slices.Equal(has[len(has)-len(wants):], wants)
		}
		require.Equal(t, below(one), within([]string{one}, host))
		require.Equal(t, below(one) || below(other), within([]string{one, other}, host))
		require.False(t, within(nil, host), "without a domain there is no host")
		if !strings.HasSuffix(host, ".") {
			require.True(t, within([]string{host}, host))
			require.True(t, within([]string{host}, "below."+host))
		}
		if host != "" && host[0] != '.' {
			require.False(t, within([]string{host}, "x"+host), "another name at the same level")
		}
	})
}

// registries matches what a tenant may be allowed: a host with an optional port and path.
var registries = regexp.MustCompile(`^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)(:[0-9]+)?(/[a-z0-9_.-]+)*$`)

// FuzzImages checks that an image is allowed only if the host of its registry is the allowed one,
// and its path is the allowed one or below it.
func FuzzImages(f *testing.F) {
	for _, image := range []string{
		"nginx", "nginx:1", "acme/app", "docker.io/nginx", "registry.example/acme/app@sha256:0", "registry.example:5000/acme/app:v1", "registry.example.evil.example/acme/app",
		"registry.example/acmeevil/app", "registry.example", "registry.example:5000", "registry.example/acme", "localhost/app", "LOCALHOST/app", "Registry/app", "/app", "", "registry.example@evil.example/app",
		"registry.example/acme:443/app", "registry.example/acme@evil/app",
	} {
		for _, registry := range []string{"registry.example", "registry.example/acme", "registry.example:5000", "docker.io/library", "docker.io/acme", "localhost"} {
			f.Add(registry, image)
		}
	}
	f.Fuzz(func(t *testing.T, registry, image string) {
		full := reference(image)
		require.Equal(t, full, reference(full), "a complete name stays as it is")
		require.True(t, contains("*", full))
		host, path, _ := strings.Cut(full, "/")
		require.Equal(t, hostOf(image), host)
		if !registries.MatchString(registry) {
			return
		}
		allowedHost, allowedPath, narrowed := strings.Cut(registry, "/")
		through := contains(registry, full)
		if through {
			require.Equal(t, allowedHost, host, "%s lets %s through", registry, full)
		}
		if through && narrowed {
			require.True(t, strings.HasPrefix(path, allowedPath), "%s lets %s through", registry, full)
			rest := path[len(allowedPath):]
			require.True(t, rest == "" || strings.ContainsRune("/:@", rune(rest[0])), "%s lets %s through", registry, full)
		}
		require.True(t, contains(registry, reference(registry+"/app")))
		require.False(t, contains(registry, reference("evil.example/"+registry+"/app")), "another registry's path")
		require.False(t, contains(registry, reference(allowedHost+".evil.example/"+allowedPath+"/app")), "a host that starts alike")
	})
}

// hostOf returns the registry from which container runtimes take an image. Source:
// splitDockerDomain of github.com/distribution/reference.
func hostOf(image string) string {
	parts := strings.SplitN(image, "/", 2)
	if first := parts[0]; len(parts) == 2 &&
		(strings.Contains(first, ".") || strings.Contains(first, ":") || first == "localhost" || strings.ToLower(first) != first) {
		return first
	}
	return "docker.io"
}
