package podsecurity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	kjson "sigs.k8s.io/json"
)

// pod is what the rules read of a pod.
type pod struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec spec `json:"spec"`
}

type spec struct {
	OS          named    `json:"os"`
	HostNetwork bool     `json:"hostNetwork"`
	HostPID     bool     `json:"hostPID"`
	HostIPC     bool     `json:"hostIPC"`
	HostUsers   *bool    `json:"hostUsers"`
	Security    security `json:"securityContext"`
	Volumes     []volume `json:"volumes"`

	InitContainers      []container `json:"initContainers"`
	Containers          []container `json:"containers"`
	EphemeralContainers []container `json:"ephemeralContainers"`
}

type container struct {
	Name      string   `json:"name"`
	Image     string   `json:"image"`
	Security  security `json:"securityContext"`
	Ports     []port   `json:"ports"`
	Liveness  handler  `json:"livenessProbe"`
	Readiness handler  `json:"readinessProbe"`
	Startup   handler  `json:"startupProbe"`
	Lifecycle struct {
		PostStart handler `json:"postStart"`
		PreStop   handler `json:"preStop"`
	} `json:"lifecycle"`
}

// security is the security context of a pod or of a container. Some fields exist in one of the two
// only. A nil field is not set.
type security struct {
	Privileged               bool     `json:"privileged"`
	AllowPrivilegeEscalation *bool    `json:"allowPrivilegeEscalation"`
	RunAsNonRoot             *bool    `json:"runAsNonRoot"`
	RunAsUser                *int64   `json:"runAsUser"`
	ProcMount                *string  `json:"procMount"`
	AppArmorProfile          *profile `json:"appArmorProfile"`
	SeccompProfile           *profile `json:"seccompProfile"`
	Sysctls                  []named  `json:"sysctls"`
	SELinuxOptions           struct {
		Type string `json:"type"`
		User string `json:"user"`
		Role string `json:"role"`
	} `json:"seLinuxOptions"`
	Capabilities struct {
		Add  []string `json:"add"`
		Drop []string `json:"drop"`
	} `json:"capabilities"`
	WindowsOptions struct {
		HostProcess bool `json:"hostProcess"`
	} `json:"windowsOptions"`
}

type profile struct {
	Type string `json:"type"`
}

type named struct {
	Name string `json:"name"`
}

type port struct {
	HostPort int32 `json:"hostPort"`
}

// handler is the target of a probe or of a lifecycle handler.
type handler struct {
	HTTPGet   host `json:"httpGet"`
	TCPSocket host `json:"tcpSocket"`
}

type host struct {
	Host string `json:"host"`
}

// volume has the name of a volume and one more field, which is named after its kind.
type volume map[string]any

// parse parses a pod. As in an API server, the names of fields are case-sensitive.
func parse(data json.RawMessage) (pod, error) {
	var p *pod
	err := kjson.UnmarshalCaseSensitivePreserveInts(data, &p)
	switch {
	case err != nil:
		return pod{}, fmt.Errorf("not a pod: %w", err)
	case p == nil:
		return pod{}, errors.New("not a pod: null")
	case p.Kind != "" && p.Kind != "Pod":
		return pod{}, errors.New("not a pod: the kind is " + p.Kind)
	}
	return *p, nil
}

// containers returns the containers of every kind.
func (s spec) containers() []container {
	return slices.Concat(s.InitContainers, s.Containers, s.EphemeralContainers)
}

func (c container) handlers() []handler {
	return []handler{c.Liveness, c.Readiness, c.Startup, c.Lifecycle.PostStart, c.Lifecycle.PreStop}
}
