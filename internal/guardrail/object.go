package guardrail

import (
	"encoding/json"

	kjson "sigs.k8s.io/json"
)

// object holds the fields of any kind of object that the rules read.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Namespace   string            `json:"namespace"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		Finalizers  []string          `json:"finalizers"`

		OwnerReferences []ownerReference `json:"ownerReferences"`
	} `json:"metadata"`
	Type      any             `json:"type"`      // of a Secret
	Subsets   any             `json:"subsets"`   // of Endpoints
	Endpoints any             `json:"endpoints"` // of an EndpointSlice
	Ports     any             `json:"ports"`     // of an EndpointSlice
	RawSpec   json.RawMessage `json:"spec"`
	Spec      spec            `json:"-"`
}

// readObject parses an object. It parses the specification only on demand, since that of other
// resources may have any shape.
func readObject(data json.RawMessage, withSpec bool) (object, error) {
	var o object
	// As in an API server, the names of fields are case-sensitive.
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, &o); err != nil {
		return object{}, err
	}
	if withSpec && len(o.RawSpec) > 0 {
		if err := kjson.UnmarshalCaseSensitivePreserveInts(o.RawSpec, &o.Spec); err != nil {
			return object{}, err
		}
	}
	return o, nil
}

// spec holds the fields of a specification that the rules read.
type spec struct {
	// Service
	Type         string   `json:"type"`
	ExternalIPs  []string `json:"externalIPs"`
	ExternalName string   `json:"externalName"`

	// Ingress and routes
	DefaultBackend any          `json:"defaultBackend"`
	Rules          []any        `json:"rules"`
	TLS            []ingressTLS `json:"tls"`
	Hostnames      []string     `json:"hostnames"`

	// PersistentVolumeClaim
	StorageClassName string `json:"storageClassName"`
	VolumeName       string `json:"volumeName"`
	Selector         any    `json:"selector"`
	DataSourceRef    struct {
		Namespace string `json:"namespace"`
	} `json:"dataSourceRef"`

	// Pod
	NodeName            string           `json:"nodeName"`
	PriorityClassName   string           `json:"priorityClassName"`
	RuntimeClassName    string           `json:"runtimeClassName"`
	ServiceAccountName  string           `json:"serviceAccountName"`
	Tolerations         []map[string]any `json:"tolerations"`
	Containers          []container      `json:"containers"`
	InitContainers      []container      `json:"initContainers"`
	EphemeralContainers []container      `json:"ephemeralContainers"`
	Volumes             []volume         `json:"volumes"`
	Affinity            affinity         `json:"affinity"`
	GracePeriod         int64            `json:"terminationGracePeriodSeconds"`

	// Namespace
	Finalizers []string `json:"finalizers"`
}

type ownerReference struct {
	Kind string `json:"kind"`
}

// affinity is the affinity of a pod to other pods.
type affinity struct {
	PodAffinity     podAffinity `json:"podAffinity"`
	PodAntiAffinity podAffinity `json:"podAntiAffinity"`
}

type podAffinity struct {
	Required  []affinityTerm `json:"requiredDuringSchedulingIgnoredDuringExecution"`
	Preferred []struct {
		Term affinityTerm `json:"podAffinityTerm"`
	} `json:"preferredDuringSchedulingIgnoredDuringExecution"`
}

type affinityTerm struct {
	Namespaces        []string `json:"namespaces"`
	NamespaceSelector any      `json:"namespaceSelector"`
}

// terms returns the terms of both directions.
func (a affinity) terms() []affinityTerm {
	var all []affinityTerm
	for _, side := range []podAffinity{a.PodAffinity, a.PodAntiAffinity} {
		all = append(all, side.Required...)
		for _, p := range side.Preferred {
			all = append(all, p.Term)
		}
	}
	return all
}

type ingressTLS struct {
	Hosts      []string `json:"hosts"`
	SecretName string   `json:"secretName"`
}

type container struct {
	Image string `json:"image"`
}

// volume has the name of a volume and one more field, which is named after its kind.
type volume map[string]json.RawMessage

// has reports whether the volume is of a kind. Null is none.
func (v volume) has(kind string) bool { return v[kind] != nil && string(v[kind]) != "null" }

func (v volume) name() string {
	var name string
	_ = json.Unmarshal(v["name"], &name) // the API server stores no other type
	return name
}
