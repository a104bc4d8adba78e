// Package podsecurity holds pods against the Pod Security Standards in their latest version, that
// of Kubernetes 1.36, as an API server does whose namespace has a level enforced. The fake answers
// from it. The differential tests put the same pods to it and to Kubernetes' own evaluator,
// k8s.io/pod-security-admission, which brings too much with it to be imported here.
package podsecurity

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// rule is a control of the standards.
type rule struct {
	name   string
	remedy string
	broken func(p pod) []string // by whom or what; none: kept
}

// always are the rules of both levels that have any.
var always = []rule{
	{"host namespaces", "remove them from the spec", hostNamespaces},
	{"privileged", "remove securityContext.privileged", privileged},
	{"host ports", "remove hostPort, and expose the port by a Service", hostPorts},
	{"hosts of probes and lifecycle handlers", "remove host, so that they go to the pod itself", handlerHosts},
	{"AppArmor profile", "set appArmorProfile.type to RuntimeDefault or Localhost, or remove it", appArmorProfiles},
	{"SELinux options", "remove user and role, and set type to one of " + strings.Join(seLinuxTypes, ", "), seLinuxOptions},
	{"sysctls", "remove what is not one of " + strings.Join(safeSysctls, ", "), sysctls},
	{"host process", "remove securityContext.windowsOptions.hostProcess", hostProcesses},
}

// loose are those rules of baseline that restricted has others instead of: a pod of Windows may so
// break one of them, and keep all of restricted.
var loose = []rule{
	{"capabilities added", "add none, or of " + strings.Join(defaultCapabilities, ", "), added(defaultCapabilities)},
	{"hostPath volumes", "use a persistentVolumeClaim", hostPaths},
	{"proc mount", "remove securityContext.procMount, or set hostUsers to false", unlessOwnUsers(procMounts)},
	{"seccomp profile", "set seccompProfile.type to RuntimeDefault or Localhost, or remove it", seccompProfiles},
}

// tight are the rules of restricted alone.
var tight = []rule{
	{"capabilities kept", `set securityContext.capabilities.drop to ["ALL"]`, unlessWindows(undropped)},
	{"capabilities added", "add none but NET_BIND_SERVICE", unlessWindows(added([]string{"NET_BIND_SERVICE"}))},
	{"privilege escalation", "set securityContext.allowPrivilegeEscalation to false", unlessWindows(escalations)},
	{"root", "set securityContext.runAsNonRoot to true, not to false", unlessOwnUsers(roots)},
	{"root not ruled out", "set securityContext.runAsNonRoot to true, of the pod or of each container", unlessOwnUsers(perhapsRoots)},
	{"user 0", "set securityContext.runAsUser to another user, or remove it", unlessOwnUsers(userZero)},
	{"seccomp profile", "set seccompProfile.type to RuntimeDefault or Localhost", unlessWindows(seccompProfiles)},
	{"no seccomp profile", "set seccompProfile.type to RuntimeDefault or Localhost, of the pod or of each container", unlessWindows(withoutSeccomp)},
	{"proc mount", "remove securityContext.procMount", procMounts},
	{"volume types", "use one of " + strings.Join(allowedVolumes, ", "), volumes},
}

// rulesOf are the rules of a level. One that nobody knows is restricted, as API servers take it.
func rulesOf(level topology.PodSecurity) []rule {
	switch level {
	case "", topology.PodSecurityPrivileged:
		return nil
	case topology.PodSecurityBaseline:
		return slices.Concat(always, loose)
	default:
		return slices.Concat(always, tight)
	}
}

// Check returns what the level forbids about a pod, a reason for each rule that it breaks, such as
// `hostPath volumes (volume "v"): use a persistentVolumeClaim`, or nothing when the pod is
// admitted. Whether it is valid otherwise is not looked at, and a volume of no kind is an emptyDir,
// as API servers make it before they look. No level is privileged. An error: the data is no pod.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
func Check(level topology.PodSecurity, pod json.RawMessage) (reasons []string, err error) {
	p, err := read(pod)
	if err != nil {
		return nil, err
	}
	for _, r := range rulesOf(level) {
		if by := r.broken(p); len(by) > 0 {
			reasons = append(reasons, r.name+" ("+strings.Join(by, "; ")+"): "+r.remedy)
		}
	}
	return reasons, nil
}

// Significant tells whether an update of a pod is held against the level at all: one that brings
// containers or images. What else can be changed of a pod is let through, even of one that a
// stricter level came upon later.
func Significant(pod, old json.RawMessage) (bool, error) {
	to, err := read(pod)
	if err != nil {
		return false, err
	}
	from, err := read(old)
	if err != nil {
		return false, err
	}
	return !slices.EqualFunc(to.Spec.Containers, from.Spec.Containers, sameImage) ||
		!slices.EqualFunc(to.Spec.InitContainers, from.Spec.InitContainers, sameImage) ||
		slices.ContainsFunc(to.Spec.EphemeralContainers, func(c container) bool { return !has(from.Spec.EphemeralContainers, c) }), nil
}

func sameImage(a, b container) bool { return a.Image == b.Image }

// has tells whether a container of that name is among others, the first of them with that image.
// Order is of no account.
func has(all []container, c container) bool {
	i := slices.IndexFunc(all, func(other container) bool { return other.Name == c.Name })
	return i >= 0 && sameImage(all[i], c)
}
