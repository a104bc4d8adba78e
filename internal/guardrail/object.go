package guardrail

import (
	"encoding/json"

	kjson "sigs.k8s.io/json"
)

// object is what the rules read of objects of any kind.
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
	Ports     any             `json:"ports"`     // likewise
	RawSpec   json.RawMessage `json:"spec"`
	Spec      spec            `json:"-"`
}

// readObject reads the specification too if a rule is about such resources: others may have
// anything in theirs.
func readObject(data json.RawMessage, withSpec bool) (object, error) {
	var o object
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, &o); err != nil { // the API server knows fields by their very name
		return object{}, err
	}
	if withSpec && len(o.RawSpec) > 0 {
		if err := kjson.UnmarshalCaseSensitivePreserveInts(o.RawSpec, &o.Spec); err != nil {
			return object{}, err
		}
	}
	return o, nil
}

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

// affinity is towards pods, and away from pods.
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

// terms are all of them.
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

// volume is the name of a volume and one more field, which is named after its kind.
type volume map[string]json.RawMessage

// has tells whether the volume is of a kind: null is none.
func (v volume) has(kind string) bool { return v[kind] != nil && string(v[kind]) != "null" }

func (v volume) name() string {
	var name string
	_ = json.Unmarshal(v["name"], &name) // it is one in whatever the API server has stored
	return name
}
