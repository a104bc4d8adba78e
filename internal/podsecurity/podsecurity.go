// Package podsecurity checks pods against the Pod Security Standards in the version of Kubernetes
// 1.36, as an API server does for a namespace that enforces a level. The fake uses it.
//
// The differential tests compare it with the evaluator of Kubernetes, which is
// k8s.io/pod-security-admission. That package has too many dependencies to be imported here.
//
// # Files
//
// podsecurity.go has the tables of rules, checks.go what each of them checks, and pod.go what they
// read of a pod.
package podsecurity

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// rule is one control of the standards.
type rule struct {
	name   string
	remedy string
	broken func(p pod) []string // returns what breaks the rule; empty: nothing
}

// always are the rules of both baseline and restricted.
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

// loose are the rules of baseline that restricted replaces by others. The replacement may exempt
// Windows, so a pod of Windows can break one of them although restricted admits it.
var loose = []rule{
	{
		"capabilities added",
		"add none, or of " + strings.Join(defaultCapabilities, ", "),
		addedCapabilities(defaultCapabilities),
	},
	{"hostPath volumes", "use a persistentVolumeClaim", hostPaths},
	{"proc mount", "remove securityContext.procMount, or set hostUsers to false", unlessUserNamespace(procMounts)},
	{"seccomp profile", "set seccompProfile.type to RuntimeDefault or Localhost, or remove it", seccompProfiles},
}

// tight are the rules of restricted only.
var tight = []rule{
	{"capabilities kept", `set securityContext.capabilities.drop to ["ALL"]`, unlessWindows(keptCapabilities)},
	{"capabilities added", "add none but NET_BIND_SERVICE", unlessWindows(addedCapabilities([]string{"NET_BIND_SERVICE"}))},
	{"privilege escalation", "set securityContext.allowPrivilegeEscalation to false", unlessWindows(escalations)},
	{"root", "set securityContext.runAsNonRoot to true, not to false", unlessUserNamespace(rootUsers)},
	{
		"root not ruled out",
		"set securityContext.runAsNonRoot to true, of the pod or of each container",
		unlessUserNamespace(possibleRootUsers),
	},
	{"user 0", "set securityContext.runAsUser to another user, or remove it", unlessUserNamespace(zeroUsers)},
	{"seccomp profile", "set seccompProfile.type to RuntimeDefault or Localhost", unlessWindows(seccompProfiles)},
	{
		"no seccomp profile",
		"set seccompProfile.type to RuntimeDefault or Localhost, of the pod or of each container",
		unlessWindows(missingSeccompProfiles),
	},
	{"proc mount", "remove securityContext.procMount", procMounts},
	{"volume types", "use one of " + strings.Join(allowedVolumes, ", "), volumes},
}

// rulesOf returns the rules of a level. As in an API server, an unknown level is restricted.
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

// Check returns a reason for each rule of the level that the pod breaks, such as
// `hostPath volumes (volume "v"): use a persistentVolumeClaim`. It returns none if the level admits
// the pod. An empty level means privileged. Data that is not a pod is an error.
//
// Check does not validate the pod otherwise. A volume without a kind is an emptyDir, which is what
// the default of the API server makes of it.
//
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
func Check(level topology.PodSecurity, pod json.RawMessage) (reasons []string, err error) {
	p, err := parse(pod)
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

// Significant reports whether the level is checked on an update of a pod. As in an API server, that
// is so only for an update that adds containers or changes images. Other updates are allowed, even
// if the pod is older than the level and breaks it.
func Significant(pod, old json.RawMessage) (bool, error) {
	to, err := parse(pod)
	if err != nil {
		return false, err
	}
	from, err := parse(old)
	if err != nil {
		return false, err
	}
	return !slices.EqualFunc(to.Spec.Containers, from.Spec.Containers, sameImage) ||
		!slices.EqualFunc(to.Spec.InitContainers, from.Spec.InitContainers, sameImage) ||
		slices.ContainsFunc(to.Spec.EphemeralContainers, func(c container) bool {
			return !hasSameImage(from.Spec.EphemeralContainers, c)
		}), nil
}

func sameImage(a, b container) bool { return a.Image == b.Image }

// hasSameImage reports whether the first container of that name in the list has the same image.
func hasSameImage(all []container, c container) bool {
	i := slices.IndexFunc(all, func(other container) bool { return other.Name == c.Name })
	return i >= 0 && sameImage(all[i], c)
}
