package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String says whom the rule lets talk, such as "pods k8s-app=kube-dns in kubernetes.io/metadata.name=kube-system on UDP 53". A rule without
// peers is about everybody, one without ports about every port.
func (r NetworkRule) String() string { return ruleText(r.Peers, r.Ports) }

// String names the peer: a range of addresses, or pods.
func (p NetworkPeer) String() string {
	if p.CIDR != "" {
		if len(p.Except) > 0 {
			return p.CIDR + " except " + strings.Join(p.Except, ", ")
		}
		return p.CIDR
	}
	pods, where := "every pod", "the same namespace"
	if len(p.PodLabels) > 0 {
		pods = "pods " + labelText(p.PodLabels)
	}
	switch {
	case p.EveryNamespace:
		where = "every namespace"
	case len(p.NamespaceLabels) > 0:
		where = "namespaces " + labelText(p.NamespaceLabels)
	}
	return pods + " in " + where
}

// String prints as "TCP 80", "UDP 8000-8010" or "TCP" for every port.
func (p NetworkPort) String() string {
	switch {
	case p.Port == 0:
		return string(p.Protocol)
	case p.EndPort == 0:
		return fmt.Sprintf("%s %d", p.Protocol, p.Port)
	default:
		return fmt.Sprintf("%s %d-%d", p.Protocol, p.Port, p.EndPort)
	}
}

// String prints as a [NetworkRule] does.
func (r PolicyRule) String() string { return ruleText(r.Peers, r.Ports) }

// String names the peer: a range of addresses, or pods.
func (p PolicyPeer) String() string {
	if p.CIDR != "" {
		return NetworkPeer{CIDR: p.CIDR, Except: p.Except}.String()
	}
	pods, where := "every pod", "the same namespace"
	if p.Pods != nil && !p.Pods.isEmpty() {
		pods = "pods " + p.Pods.String()
	}
	switch {
	case p.Namespaces != nil && p.Namespaces.isEmpty():
		where = "every namespace"
	case p.Namespaces != nil:
		where = "namespaces " + p.Namespaces.String()
	}
	return pods + " in " + where
}

// String prints as a [NetworkPort] does, or with the port's name.
func (p PolicyPort) String() string {
	if p.Name != "" {
		return string(p.Protocol) + " " + p.Name
	}
	return NetworkPort{Protocol: p.Protocol, Port: p.Port, EndPort: p.EndPort}.String()
}

func (s LabelSelector) isEmpty() bool { return len(s.Labels)+len(s.Expressions) == 0 }

// String prints as "app=web,tier notin (a, b),team exists".
func (s LabelSelector) String() string {
	var texts []string
	if len(s.Labels) > 0 {
		texts = append(texts, labelText(s.Labels))
	}
	for _, e := range s.Expressions {
		text := e.Key + " " + strings.ToLower(string(e.Operator))
		if len(e.Values) > 0 {
			text += " (" + strings.Join(e.Values, ", ") + ")"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

// String prints as "get, list deployments.apps, statefulsets.apps".
func (r Rule) String() string {
	var resources []string
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			name, subresource, found := strings.Cut(resource, "/")
			if group != "" {
				name += "." + group
			}
			if found {
				name += "/" + subresource
			}
			resources = append(resources, name)
		}
	}
	text := strings.Join(r.Verbs, ", ") + " " + strings.Join(resources, ", ")
	if len(r.ResourceNames) > 0 {
		text += " named " + strings.Join(r.ResourceNames, ", ")
	}
	return text
}

// String prints as "Group devs" or "ServiceAccount ci/deployer".
func (s Subject) String() string {
	if s.Namespace != "" {
		return string(s.Kind) + " " + s.Namespace + "/" + s.Name
	}
	return string(s.Kind) + " " + s.Name
}

func ruleText[P, Q fmt.Stringer](peers []P, ports []Q) string {
	who, where := "everybody", "every port"
	if len(peers) > 0 {
		who = joined(peers, " or ")
	}
	if len(ports) > 0 {
		where = joined(ports, ", ")
	}
	return who + " on " + where
}

func joined[V fmt.Stringer](list []V, separator string) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, separator)
}

func labelText(labels map[string]string) string {
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		texts = append(texts, key+"="+labels[key])
	}
	return strings.Join(texts, ",")
}
